package trust

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A key that a command has signs by that command, and what it writes has to be a signature.
func TestCommand(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "signature")
	if err := os.WriteFile(file, ed25519.Sign(private, []byte("night")), 0o600); err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Headers: map[string]string{commandHeader: "cat '" + file + "'"}, Bytes: der})
	keys, err := ParseKeys(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err := newKey(private)
	if err != nil || keys[0].ID != want.ID {
		t.Errorf("key %s, want %s: %v", keys[0].ID, want.ID, err)
	}
	if sum, err := keys[0].signer.SignMessage(strings.NewReader("night")); err != nil || !bytes.Equal(sum, ed25519.Sign(private, []byte("night"))) {
		t.Error(err)
	}
	if _, err := keys[0].signer.SignMessage(strings.NewReader("evil")); err == nil {
		t.Error("what is no signature was taken")
	}
}
