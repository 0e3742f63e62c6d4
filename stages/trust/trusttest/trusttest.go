// Package trusttest makes keys and authorities for tests.
package trusttest

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/trust"
)

// Made is when authorities are made: before all nights of the tests.
var Made = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

// Key is a new key.
func Key(t testing.TB) *trust.Key {
	t.Helper()
	key, _, err := trust.GenerateKey(rand.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Authority signs for a repository, and has all its keys but that of the root.
func Authority(t testing.TB, url string) *trust.Authority {
	t.Helper()
	s := trust.Setup{Place: trust.Place{URL: url, Line: "acme"}, Threshold: 1, Root: []*trust.Key{Key(t)}, Online: Key(t), Kinds: map[string]*trust.Key{}}
	keys := []*trust.Key{s.Online}
	for _, kind := range releases.SnapshotDirs() {
		s.Kinds[kind] = Key(t)
		keys = append(keys, s.Kinds[kind])
	}
	a, err := trust.New(s, Made)
	if err != nil {
		t.Fatal(err)
	}
	a.Keys = keys
	return a
}

// Root is the newest root of an authority.
func Root(a *trust.Authority) []byte {
	_, data := a.Root()
	return data
}
