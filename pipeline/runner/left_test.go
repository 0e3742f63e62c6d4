package runner

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRemoveLeft: what a killed command has left goes once it is old; all else stays.
func TestRemoveLeft(t *testing.T) {
	dir, now := t.TempDir(), time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	for name, age := range map[string]time.Duration{"own-1": 48 * time.Hour, "sandbox-2": 48 * time.Hour, "own-3": time.Hour, "blobs": 48 * time.Hour} {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Join(at, "in"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(at, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveLeft(dir, now.Add(-24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if diff := cmp.Diff([]string{filepath.Join(dir, "blobs"), filepath.Join(dir, "own-3")}, left); err != nil || diff != "" {
		t.Errorf("left (-want +got), %v:\n%s", err, diff)
	}
}
