package trust

import (
	"context"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases/composer"
)

// A webOf has a repository's files at a URL.
type webOf struct {
	memory
	base string
}

// Fetch implements composer.Fetcher.
func (w webOf) Fetch(ctx context.Context, address string) (io.ReadCloser, error) {
	return w.memory.Open(ctx, strings.TrimPrefix(address, w.base))
}

// Of a protected repository only what is signed is read.
func TestProtect(t *testing.T) {
	const base = "https://upstream.example.org/"
	k := newKeeper(t, "nightly")
	m := published(t, k, 2, 3)
	m["packages.json"], m["meta/2/acme/module-0.json"] = []byte("switch2"), []byte("metadata")
	root := string(k.files["1.root.json"])
	open := func(now int) (composer.Fetcher, error) {
		return Protect(t.Context(), webOf{m, base}, base, root, start.AddDate(0, 0, now))
	}
	f, err := open(1)
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) error {
		body, err := f.Fetch(t.Context(), base+name)
		if err == nil {
			err = body.Close()
		}
		return err
	}
	m["meta/2/acme/evil.json"] = []byte("{}")
	for _, test := range []struct{ name, want string }{
		{"packages.json", ""},
		{"meta/2/acme/module-0.json", ""},
		{"meta/2/acme/evil.json", "it is not signed"},
		{"meta/2/acme/none.json", fs.ErrNotExist.Error()},
	} {
		if err := read(test.name); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	m["packages.json"] = []byte("switch3")
	if err := read("packages.json"); err == nil || !strings.Contains(err.Error(), "is not what was signed") {
		t.Errorf("changed: %v", err)
	}
	if _, err := f.Fetch(t.Context(), "https://elsewhere.example.org/packages.json"); err == nil {
		t.Error("what is elsewhere was read")
	}
	if _, err := open(30); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("frozen: %v", err)
	}
}
