package php

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFixtures holds Read to what nikic/php-parser finds in the fixtures, as
// recorded beside them: testdata/README.md.
func TestFixtures(t *testing.T) {
	files := fixtures(t)
	if len(files) < 150 {
		t.Fatalf("%d fixtures in testdata, want 150 at least", len(files))
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.ToSlash(name[len("testdata/"):]), ".php"), func(t *testing.T) {
			src := read(t, name)
			want := string(read(t, strings.TrimSuffix(name, "php")+"txt"))
			f := Read(src)
			if diff := cmp.Diff(want, recorded(f)); diff != "" {
				t.Errorf("references (-nikic +Read):\n%s", diff)
			}
			if f.Problem != "" {
				t.Errorf("Problem = %q, want none", f.Problem)
			}
		})
	}
}

// recorded writes what the parser finds too, in the form of the recordings: no
// names from strings and doc comments, which only Read looks for.
func recorded(f File) string {
	var b strings.Builder
	for _, name := range f.Declares {
		fmt.Fprintf(&b, "declares %s\n", name)
	}
	for _, r := range f.References {
		if r.Kind != String && r.Kind != Docblock {
			fmt.Fprintf(&b, "%d %s %s\n", r.Line, r.Kind, r.Name)
		}
	}
	return b.String()
}

// fixtures gives the paths of all fixtures.
func fixtures(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*/*.php")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return src
}
