// Package trusttest makes keys and authorities for tests.
package trusttest

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/trust"
)

// Made is when authorities are made: before all nights of the tests.
var Made = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

// Key is a new key, and its PEM.
func Key(t testing.TB) (*trust.Key, []byte) {
	t.Helper()
	key, text, err := trust.GenerateKey(rand.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	return key, text
}

// Authority signs for a repository, and has all its keys but that of the root.
func Authority(t testing.TB, url string) *trust.Authority {
	t.Helper()
	return Read(t, Folder(t, url))
}

// KeysFile has the private keys of a Folder.
const KeysFile = "keys.pem"

// Folder is the folder of an Authority.
func Folder(t testing.TB, url string) string {
	t.Helper()
	root, _ := Key(t)
	online, texts := Key(t)
	s := trust.Setup{Place: trust.Place{URL: url, Line: "acme"}, Threshold: 1, Root: []*trust.Key{root}, Online: online, Kinds: map[string]*trust.Key{}}
	for _, kind := range releases.SnapshotDirs() {
		key, text := Key(t)
		s.Kinds[kind], texts = key, append(texts, text...)
	}
	dir := t.TempDir()
	a, err := trust.New(s, Made)
	if err == nil {
		err = errors.Join(a.Save(dir), os.WriteFile(filepath.Join(dir, KeysFile), texts, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Read is the authority of a Folder.
func Read(t testing.TB, dir string) *trust.Authority {
	t.Helper()
	a, err := trust.ReadAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, KeysFile))
	if err == nil {
		a.Keys, err = trust.ParseKeys(text, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Root is the newest root of an authority.
func Root(a *trust.Authority) []byte {
	_, data := a.Root()
	return data
}

// Rebuilder is a rebuilder and its private key.
func Rebuilder(t testing.TB, name string) (*trust.Rebuilder, *trust.Key) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := trust.ParseKeys(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = x509.MarshalPKIXPublicKey(public); err != nil {
		t.Fatal(err)
	}
	r, err := trust.ParseRebuilder(name, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: text}))
	if err != nil {
		t.Fatal(err)
	}
	return r, keys[0]
}
