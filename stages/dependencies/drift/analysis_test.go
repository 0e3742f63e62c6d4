package drift

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/golden"
	"github.com/mage-os/nightly/pipeline/store"
)

// folder makes a clone of the files of an archive and gives its report.
func folder(t *testing.T, archive *txtar.Archive, change func(*Input)) Report {
	t.Helper()
	files, err := txtar.FS(archive)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	in, err := Clone(t.Context(), s, files, "repo")
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&in)
	}
	report, err := pipeline.Run(context.Background(), &pipeline.Session{}, Stage(Options{Store: s}), in)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// lines writes what matters of a report, one thing a line.
func lines(r Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s: %s %s", f.Package, f.Kind, f.Require)
		if f.Constraint != "" {
			fmt.Fprintf(&b, " %q (%s)", f.Constraint, f.Source)
		}
		if len(f.Via) > 0 {
			fmt.Fprintf(&b, " via %s", strings.Join(f.Via, ", "))
		}
		if f.Open {
			b.WriteString(" open")
		}
		if f.Convention {
			b.WriteString(" by convention")
		}
		b.WriteString("\n")
		for _, p := range f.Places {
			fmt.Fprintf(&b, "    %s:%d %s %s\n", p.Path, p.Line, p.How, p.Name)
		}
	}
	for _, p := range r.Provided {
		fmt.Fprintf(&b, "provided: %s by %s for %s\n", p.Require, p.By, strings.Join(p.Packages, ", "))
	}
	for _, u := range r.Unknown {
		fmt.Fprintf(&b, "unknown: %s %d tests=%t %s:%d\n", u.Namespace, u.Names, u.Tests, u.Place.Path, u.Place.Line)
	}
	for _, m := range r.Missing {
		fmt.Fprintf(&b, "missing: %s\n", m)
	}
	for _, s := range r.BlindSpots {
		fmt.Fprintf(&b, "blind: %s\n", s.Package)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "problem: %s %s\n", p.Path, p.Problem)
	}
	return b.String()
}

// Each file of testdata/analysis is a folder with packages, what it shows, and
// in its last part, want, what is to be found.
func TestAnalysis(t *testing.T) {
	paths, err := filepath.Glob("testdata/analysis/*.txtar")
	if err != nil || len(paths) < 12 {
		t.Fatalf("%d cases, %v; want those of testdata/analysis", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if last := len(archive.Files) - 1; archive.Files[last].Name == "want" {
				archive.Files = archive.Files[:last]
			}
			got := lines(folder(t, archive, nil))
			archive.Files = append(archive.Files, txtar.File{Name: "want", Data: []byte(got)})
			golden.Compare(t, path, txtar.Format(archive))
		})
	}
}
