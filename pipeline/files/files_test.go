package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file that a flag names may be anything.
func TestReadBounds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := Read(file, 5); err != nil || string(data) != "12345" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := Read(file, 4); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file that is too long: %v", err)
	}
	if err := os.Truncate(file, 2<<30); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(file, Large); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a plan of 2 GB: %v", err)
	}
}

// A file is replaced whole, in a folder that is made, and nothing else is left.
func TestReplace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "folder", "file")
	for _, text := range []string{"first", "second, longer"} {
		if err := Replace(file, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(file); err != nil || string(data) != text {
			t.Errorf("%q, %v; want %q", data, err, text)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v; want the file alone", entries, err)
	}
	if err := Replace(filepath.Dir(file), nil); err == nil {
		t.Error("a folder was replaced by a file")
	}
}

// A name that a package brought may lead anywhere.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	good, large, device := filepath.Join(dir, "module.xml"), filepath.Join(dir, "large.xml"), filepath.Join(dir, "device.xml")
	if err := os.WriteFile(good, []byte("<config/>"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(large, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, Large+1); err != nil { // takes no space
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", device); err != nil {
		t.Skip(err)
	}
	for name, test := range map[string]struct{ file, want, fails string }{
		"plain":    {good, "<config/>", ""},
		"large":    {large, "", "large.xml has more than 32 MiB"},
		"a device": {device, "", "device.xml is no plain file"},
		"a folder": {dir, "", "is no plain file"},
		"missing":  {filepath.Join(dir, "none"), "", "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Read(test.file, Large)
			if string(got) != test.want || (err != nil) != (test.fails != "") || err != nil && !strings.Contains(err.Error(), test.fails) {
				t.Errorf("%.20q, %v", got, err)
			}
		})
	}
}

func TestRemoveAll(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside", "kept")
	for _, name := range []string{"outside", "tree/a/b/c/d/e", "tree/a/b/x", "tree/z"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"outside/kept", "tree/file", "tree/a/b/c/file", "tree/a/b/c/d/e/file"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, link := range []string{"tree/link", "tree/a/b/c/link"} {
		if err := os.Symlink(filepath.Join(dir, "outside"), filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // what is not there is removed
		if err := RemoveAll(filepath.Join(dir, "tree")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "tree")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the tree is still there: %v", err)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("what a link leads to was removed: %v", err)
	}
}
