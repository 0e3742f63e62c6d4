package scan

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with testdata/name, or rewrites it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; -update writes it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); raise the version and rename it, so that nothing kept is used again:\n%s", file, diff)
	}
}

// text shows files for people.
func text(files []File) []byte {
	var b bytes.Buffer
	for _, f := range files {
		fmt.Fprintf(&b, "%s\n", f.Path)
		for _, d := range f.Declares {
			fmt.Fprintf(&b, "    declares %s\n", d)
		}
		for _, r := range f.References {
			fmt.Fprintf(&b, "    %d: %s %s\n", r.Line, r.Kind, r.Name)
		}
		if f.Problem != "" {
			fmt.Fprintf(&b, "    problem: %s\n", f.Problem)
		}
	}
	return b.Bytes()
}
