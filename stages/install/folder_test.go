package install

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFolder(t *testing.T) {
	tests := map[string]struct {
		before []string
		after  []string
		fails  string
	}{
		"not there":           {after: []string{marker, pidfile, "home", "logs", "php", "tmp"}},
		"of an earlier run":   {before: []string{marker, "shop/composer.json"}, after: []string{marker, pidfile, "home", "logs", "php", "tmp"}},
		"somebody's own":      {before: []string{"letters/mother.txt"}, after: []string{"letters"}, fails: "holds files that no installation made"},
		"only its marker yet": {before: []string{marker}, after: []string{marker, pidfile, "home", "logs", "php", "tmp"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "work")
			for _, file := range test.before {
				write(t, filepath.Join(root, file))
			}
			dir, err := openFolder(t.Context(), Options{Dir: root}.withDefaults())
			switch {
			case err == nil:
				dir.close()
				if test.fails != "" {
					t.Errorf("it was taken, want %q", test.fails)
				}
			case test.fails == "" || !strings.Contains(err.Error(), test.fails):
				t.Errorf("got %v, want %q", err, test.fails)
			}
			var names []string
			entries, _ := os.ReadDir(root)
			for _, e := range entries {
				names = append(names, e.Name())
			}
			if diff := cmp.Diff(test.after, names); diff != "" {
				t.Errorf("folder (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFolderIsInUse(t *testing.T) {
	root := t.TempDir()
	dir, err := openFolder(t.Context(), Options{Dir: root}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if second, err := openFolder(ctx, Options{Dir: root}.withDefaults()); err == nil {
		second.close()
		t.Error("two runs have one work folder")
	}
}

func write(t *testing.T, file string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestGiveRights: folders whose rights package code took can be emptied, and no link leads out.
func TestGiveRights(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b", "c"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "a", "link")); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{filepath.Join(dir, "a", "b"): 0, outside: 0o500} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := giveRights(root, "a"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{filepath.Join(dir, "a", "b"): 0o700, outside: 0o500} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s: mode %o, want %o", path, got, want)
		}
	}
}
