package trust

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	adapt "github.com/sigstore/sigstore/pkg/signature/dsse"

	"github.com/mage-os/nightly/pipeline/files"
)

// statementType is the type of what an envelope holds: https://github.com/in-toto/attestation/blob/main/spec/v1/envelope.md.
const statementType = "application/vnd.in-toto+json"

// Envelope signs an in-toto statement for itself, as a DSSE envelope on one line.
func (k *Key) Envelope(ctx context.Context, statement []byte) ([]byte, error) {
	signer, err := dsse.NewEnvelopeSigner(&adapt.SignerAdapter{SignatureSigner: k.signer, PubKeyID: k.ID})
	if err != nil {
		return nil, err
	}
	envelope, err := signer.SignPayload(ctx, statementType, statement)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(envelope)
	return append(data, '\n'), err
}

// A Rebuilder builds snapshots again, and signs the result.
type Rebuilder struct {
	Name string
	ID   string // of the public key
	key  dsse.Verifier
}

// ParseRebuilder reads a public key in PEM.
func ParseRebuilder(name string, data []byte) (*Rebuilder, error) {
	public, err := cryptoutils.UnmarshalPEMToPublicKey(data)
	if err != nil {
		return nil, fmt.Errorf("is no public key in PEM: %w", err)
	}
	_, id, err := publicKey(public)
	if err != nil {
		return nil, err
	}
	verifier, err := signature.LoadVerifier(public, crypto.SHA256)
	return &Rebuilder{name, id, &adapt.VerifierAdapter{SignatureVerifier: verifier, Pub: public, PubKeyID: id}}, err
}

// Rebuilders are those who count; none of them has the key of another.
type Rebuilders []*Rebuilder

// ReadRebuilders reads the public keys of a folder: NAME.pub.
func ReadRebuilders(dir string) (Rebuilders, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.pub"))
	if err == nil && len(names) == 0 {
		if _, err = os.Stat(dir); err == nil {
			err = errors.New("it has no public keys, as NAME.pub")
		}
	}
	var all Rebuilders
	for _, name := range names { // in order
		data, errRead := files.Read(name, files.Small)
		if errRead != nil {
			return nil, errRead
		}
		r, errParse := ParseRebuilder(strings.TrimSuffix(filepath.Base(name), ".pub"), data)
		if errParse != nil {
			return nil, fmt.Errorf("%s %w", name, errParse)
		}
		if i := slices.IndexFunc(all, func(other *Rebuilder) bool { return other.ID == r.ID }); i >= 0 {
			return nil, fmt.Errorf("%s is the key of %s, too; a rebuilder counts once", name, all[i].Name)
		}
		all = append(all, r)
	}
	return all, err
}

// Open gives the statement of an envelope and the names of those who have signed it.
func (r Rebuilders) Open(ctx context.Context, envelope []byte) (statement []byte, by []string, err error) {
	var e dsse.Envelope
	if err := json.Unmarshal(envelope, &e); err != nil || e.PayloadType != statementType {
		return nil, nil, errors.New("is no envelope of an in-toto statement")
	}
	keys := make([]dsse.Verifier, len(r))
	for i, rebuilder := range r {
		keys[i] = rebuilder.key
	}
	verifier, err := dsse.NewEnvelopeVerifier(keys...)
	if err != nil {
		return nil, nil, err
	}
	accepted, statement, err := verifier.VerifyAndDecode(ctx, &e)
	if err != nil {
		return nil, nil, fmt.Errorf("is signed by none of the rebuilders: %w", err)
	}
	for _, key := range accepted {
		by = append(by, r[slices.IndexFunc(r, func(other *Rebuilder) bool { return other.ID == key.KeyID })].Name)
	}
	return statement, by, nil
}
