package mirror

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/lines"
)

type refs []releases.Ref

func (r refs) List(context.Context, string) ([]releases.Ref, error) { return r, nil }

// The pinned commit is replaced wherever a line has it, and nothing else is.
func TestMovePins(t *testing.T) {
	line, err := lines.Load("mageos")
	if err != nil {
		t.Fatal(err)
	}
	newest := strings.Repeat("ab", 20)
	folder := t.TempDir()
	for name, text := range map[string]string{"a.yaml": "data:\n  commit: " + line.Data.Commit + "\n", "b.yaml": "name: b\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	changed, err := MovePins(t.Context(), refs{{Name: "refs/heads/main", Commit: newest}}, folder)
	if err != nil || len(changed) != 1 || filepath.Base(changed[0]) != "a.yaml" {
		t.Fatal(changed, err)
	}
	if data, err := os.ReadFile(changed[0]); err != nil || string(data) != "data:\n  commit: "+newest+"\n" {
		t.Errorf("%s, %v", data, err)
	}
	var source *releases.SourceError
	if _, err := MovePins(t.Context(), refs{{Name: "refs/heads/other", Commit: newest}}, folder); !errors.As(err, &source) {
		t.Errorf("without the branch: %v", err)
	}
}

// A one is a Composer repository that has one file, and no dist that may be asked for.
type one struct {
	*testing.T
	text string
}

func (o one) Fetch(_ context.Context, url string) (io.ReadCloser, error) {
	if strings.HasSuffix(url, ".zip") {
		o.Errorf("%s is asked for", url)
	}
	return io.NopCloser(strings.NewReader(o.text)), nil
}

// A version names no file elsewhere: what stands behind its + is its publisher's.
func TestVersionIsNoPath(t *testing.T) {
	f := one{t, `{"packages": {"acme/base": {"1": {"name": "acme/base", "version": "1.0.0+../../../planted", "dist": {"type": "zip", "url": "https://example.org/a.zip"}}}}}`}
	repository, err := composer.OpenRepository(t.Context(), "https://example.org/", f)
	if err != nil {
		t.Fatal(err)
	}
	written, err := recorded{name: "acme/base", pattern: "base/{tag}.json"}.record(t.Context(), repository, f, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "planted") || len(written) > 0 {
		t.Errorf("wrote %v: %v", written, err)
	}
}
