package trust

import (
	"bytes"
	"crypto"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/sigstore/sigstore/pkg/signature"
)

// commandHeader is the header of a public key in PEM that says which command has its private key: a hardware token's, or
// a key service's.
const commandHeader = "Command"

// A command signs with a key that this process never sees. The shell runs it with what is to be signed as its input, and
// it writes the bare signature.
type command struct {
	signature.Verifier
	text string
}

func newCommand(public crypto.PublicKey, text string) (*Key, error) {
	verifier, err := signature.LoadVerifier(public, crypto.SHA256)
	if err != nil {
		return nil, err
	}
	return keyOf(command{verifier, text})
}

// SignMessage implements signature.Signer.
func (c command) SignMessage(message io.Reader, _ ...signature.SignOption) ([]byte, error) {
	data, err := io.ReadAll(message)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("sh", "-c", c.text)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(data), os.Stderr // where it may ask for a PIN
	sum, err := cmd.Output()
	if err == nil {
		err = c.VerifySignature(bytes.NewReader(sum), bytes.NewReader(data))
	}
	if err != nil {
		return nil, fmt.Errorf("the command that signs: %w", err)
	}
	return sum, nil
}
