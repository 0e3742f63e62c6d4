package trust

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/mage-os/nightly/pipeline"
)

// A Key signs. It cannot print.
type Key struct {
	ID     string // of the public key, as TUF names it
	Public *metadata.Key
	signer signature.Signer
}

// redacted is what is shown of a key.
const redacted = "redacted"

// String implements fmt.Stringer.
func (*Key) String() string { return redacted }

// Format implements fmt.Formatter, for every verb.
func (*Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (*Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler, for JSON.
func (*Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// A Passphrase gives what keys are encrypted with; confirm says that a new one is set. Nil is none.
type Passphrase func(confirm bool) ([]byte, error)

// errKey reports an unreadable key, without any of its content.
var errKey = errors.New("is no private key in PEM, or its passphrase is another; make one with mageos-nightly trust init")

// maxKeys bounds a file with keys, in bytes.
const maxKeys = 64 << 10

// GenerateKey makes an ed25519 key, and its PEM, which is encrypted if there is a passphrase.
func GenerateKey(random io.Reader, pass Passphrase) (*Key, []byte, error) {
	_, private, err := ed25519.GenerateKey(random)
	if err != nil {
		return nil, nil, err
	}
	var word []byte
	if pass != nil {
		if word, err = pass(true); err != nil {
			return nil, nil, err
		}
	}
	var text []byte
	if len(word) > 0 {
		der, err := cryptoutils.MarshalPrivateKeyToEncryptedDER(private, func(bool) ([]byte, error) { return word, nil })
		if err != nil {
			return nil, nil, err
		}
		text = cryptoutils.PEMEncode(cryptoutils.EncryptedSigstorePrivateKeyPEMType, der)
	} else if text, err = cryptoutils.MarshalPrivateKeyToPEM(private); err != nil {
		return nil, nil, err
	}
	key, err := newKey(private)
	return key, text, err
}

// ParseKeys reads private keys: PEM, one after the other; or public keys whose header says which command signs. No error of it holds a part of a key.
func ParseKeys(data []byte, pass Passphrase) ([]*Key, error) {
	if len(data) > maxKeys {
		return nil, fmt.Errorf("has %d bytes; keys have at most %d", len(data), maxKeys)
	}
	var keys []*Key
	for len(bytes.TrimSpace(data)) > 0 {
		block, rest := pem.Decode(data)
		if block == nil {
			return nil, errKey
		}
		key, err := parseKey(block, pass)
		if err != nil {
			return nil, errKey
		}
		keys, data = append(keys, key), rest
	}
	if len(keys) == 0 {
		return nil, errKey
	}
	return keys, nil
}

func parseKey(block *pem.Block, pass Passphrase) (*Key, error) {
	if text := block.Headers[commandHeader]; text != "" {
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		return newCommand(public, text)
	}
	private, err := cryptoutils.UnmarshalPEMToPrivateKey(pem.EncodeToMemory(block), cryptoutils.PassFunc(pass))
	if err != nil {
		return nil, err
	}
	return newKey(private)
}

func newKey(private any) (*Key, error) {
	signer, err := signature.LoadSigner(private, crypto.SHA256)
	if err != nil {
		return nil, err
	}
	return keyOf(signer)
}

// keyOf is the key of a signer.
func keyOf(signer signature.Signer) (*Key, error) {
	public, err := signer.PublicKey()
	if err != nil {
		return nil, err
	}
	key, id, err := publicKey(public)
	return &Key{ID: id, Public: key, signer: signer}, err
}

// publicKey is a public key as TUF has it, with its id.
func publicKey(public crypto.PublicKey) (*metadata.Key, string, error) {
	key, err := metadata.KeyFromPublicKey(public)
	if err != nil {
		return nil, "", err
	}
	// php-tuf wants ids as Python's securesystemslib once made them, of a key with this field, and wants keys without it.
	// go-tuf takes any id; it keeps the one that it has computed.
	key.UnrecognizedFields = map[string]any{"keyid_hash_algorithms": []string{"sha256", "sha512"}}
	id, err := key.ID()
	key.UnrecognizedFields = nil
	return key, id, err
}

// unhex is a digest as bytes; what is no digest is nothing.
func unhex(d pipeline.Digest) []byte {
	data, _ := hex.DecodeString(string(d)) // ours are in hexadecimal
	return data
}
