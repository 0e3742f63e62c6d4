package attest

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/secure-systems-lab/go-securesystemslib/signerverifier"
)

// A SigningKey is a private key. It cannot print.
type SigningKey struct {
	signer dsse.SignerVerifier
}

// redacted is what is shown of a key.
const redacted = "redacted"

// String implements fmt.Stringer.
func (*SigningKey) String() string { return redacted }

// Format implements fmt.Formatter, for every verb.
func (*SigningKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (*SigningKey) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler, for JSON.
func (*SigningKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Public is the key by which others verify.
func (k *SigningKey) Public() PublicKey { return PublicKey{k.signer} }

// A PublicKey is a key to verify with.
type PublicKey struct{ verifier dsse.Verifier }

// maxKey bounds a key file, in bytes.
const maxKey = 64 << 10

// errKey is told of a key that cannot be read, without a word of what was in it.
var errKey = errors.New("is no unencrypted ed25519, ECDSA or RSA key in PEM; make one with mageos-nightly keygen")

// ParseSigningKey reads a private key: PEM, as openssl and mageos-nightly keygen write it. No
// error of it holds a part of the key.
func ParseSigningKey(data []byte) (*SigningKey, error) {
	key, signer, err := load(data)
	if err != nil {
		return nil, err
	}
	if key.KeyVal.Private == "" {
		return nil, errors.New("is a public key; to sign takes the private one")
	}
	return &SigningKey{signer}, nil
}

// ParsePublicKey reads the public part of a key: PEM.
func ParsePublicKey(data []byte) (PublicKey, error) {
	key, verifier, err := load(data)
	if err != nil {
		return PublicKey{}, err
	}
	if key.KeyVal.Private != "" {
		return PublicKey{}, errors.New("is a private key; give the public one, and keep that to yourself")
	}
	return PublicKey{verifier}, nil
}

func load(data []byte) (*signerverifier.SSLibKey, dsse.SignerVerifier, error) {
	if len(data) > maxKey {
		return nil, nil, fmt.Errorf("has %d bytes; a key has at most %d", len(data), maxKey)
	}
	key, err := signerverifier.LoadKey(data)
	if err != nil {
		return nil, nil, errKey
	}
	var sv dsse.SignerVerifier
	switch key.KeyType {
	case signerverifier.ED25519KeyType:
		sv, err = signerverifier.NewED25519SignerVerifierFromSSLibKey(key)
	case signerverifier.ECDSAKeyType:
		sv, err = signerverifier.NewECDSASignerVerifierFromSSLibKey(key)
	case signerverifier.RSAKeyType:
		sv, err = signerverifier.NewRSAPSSSignerVerifierFromSSLibKey(key)
	default:
		err = errKey
	}
	if err != nil {
		return nil, nil, errKey
	}
	return key, sv, nil
}

// GenerateKey makes an ed25519 key pair, each as PEM.
func GenerateKey(random io.Reader) (private, public []byte, err error) {
	pub, priv, err := ed25519.GenerateKey(random)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(priv)
	pubDER, errPublic := x509.MarshalPKIXPublicKey(pub)
	if err := errors.Join(err, errPublic); err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: signerverifier.PrivateKeyPEM, Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: signerverifier.PublicKeyPEM, Bytes: pubDER}), nil
}
