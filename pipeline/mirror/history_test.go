package mirror

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases"
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
