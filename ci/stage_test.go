package ci

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
)

// The cache of a container is pruned once a day, when nobody else uses it.
func TestPruneCache(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	result := pipeline.DigestOf([]byte("a result"))
	path := filepath.Join(dir, "results", string(result))
	save := func() *store.Store {
		t.Helper()
		s, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Results().Save(t.Context(), result, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		old := now.Add(-unusedAfter - time.Hour)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		return s
	}
	prune := func(at time.Time, want bool) {
		t.Helper()
		if err := pruneCache(t.Context(), dir, at); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) != want {
			t.Errorf("pruned: %v, want %v", !want, want)
		}
	}
	s := save()
	prune(now, false) // another container has it open
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	prune(now, true)
	if err := save().Close(); err != nil {
		t.Fatal(err)
	}
	prune(now.Add(pruneEvery-time.Minute), false)
	prune(now.Add(pruneEvery+time.Minute), true)
}

// Run by hand, a stage leaves the store as it is.
func TestStagePrunesOnlyWhenAsked(t *testing.T) {
	dir := t.TempDir()
	input := filepath.Join(dir, "input.json")
	if err := os.WriteFile(input, []byte(`{"pins":[]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, flags := range []string{"", "--prune"} {
		args := append([]string{"stage", "checkout", "--input", input, "--out", filepath.Join(dir, "out"), "--store", filepath.Join(dir, "store")}, strings.Fields(flags)...)
		if code, out, failed := run(t, "", args...); code != 0 {
			t.Fatalf("exit code %d\n%s\n%s", code, out, failed)
		}
		if _, err := os.Stat(filepath.Join(dir, "store", prunedMarker)); errors.Is(err, fs.ErrNotExist) != (flags == "") {
			t.Errorf("with %q: %v", flags, err)
		}
	}
}
