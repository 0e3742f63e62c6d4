package checkout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDamage breaks the cache of git objects: it is removed and fetched anew.
func TestDamage(t *testing.T) {
	glob := func(t *testing.T, dir, pattern string) []string {
		found, err := filepath.Glob(filepath.Join(dir, "objects", "pack", pattern))
		if err != nil || len(found) == 0 {
			t.Fatal("no", pattern, err)
		}
		return found
	}
	flip := func(at func(size int) int) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			file := glob(t, dir, "*.pack")[0]
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			data[at(len(data))] ^= 0xff
			mustWrite(t, file, data)
		}
	}
	tests := map[string]func(*testing.T, string){
		"index deleted": func(t *testing.T, dir string) { mustRemove(t, glob(t, dir, "*.idx")[0]) },
		"pack deleted":  func(t *testing.T, dir string) { mustRemove(t, glob(t, dir, "*.pack")[0]) },
		"pack emptied":  func(t *testing.T, dir string) { mustWrite(t, glob(t, dir, "*.pack")[0], nil) },
		"index cut":     func(t *testing.T, dir string) { mustWrite(t, glob(t, dir, "*.idx")[0], make([]byte, 30)) },
		"config broken": func(t *testing.T, dir string) { mustWrite(t, filepath.Join(dir, "config"), []byte("[core")) },
		"HEAD deleted":  func(t *testing.T, dir string) { mustRemove(t, filepath.Join(dir, "HEAD")) },
	}
	for i := range 8 { // everywhere but in the checksum at the end, which nobody reads
		tests[fmt.Sprintf("byte at %d/8 flipped", i)] = flip(func(size int) int { return 12 + (size-32)*i/8 })
	}
	r := newRig(t)
	r.mustHaveSample(t)
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			r.log.Reset()
			r.options.Store = openStore(t)
			damage(t, r.cache())
			r.mustHaveSample(t)
			if name != "pack deleted" && !strings.Contains(r.log.String(), "damaged") {
				t.Errorf("not noted: %s", r.log)
			}
		})
	}
}

func mustWrite(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func mustRemove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}
