package store_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline"
)

// overwrite changes a file of the store behind its back, as a bad disk would.
func overwrite(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(bytes.Clone(data)), 0o644); err != nil {
		t.Fatal(err)
	}
}

var damages = []struct {
	name   string
	change func([]byte) []byte
}{
	{"emptied", func([]byte) []byte { return nil }},
	{"cut off", func(d []byte) []byte { return d[:len(d)-5] }},
	{"grown", func(d []byte) []byte { return append(d, "more"...) }},
	{"a bit", func(d []byte) []byte { d[len(d)/2] ^= 1; return d }},
	{"all zero", func(d []byte) []byte { return make([]byte, len(d)) }},
}

func TestDamagedContent(t *testing.T) {
	for _, damage := range damages {
		t.Run(damage.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			content := bytes.Repeat([]byte("0123456789"), 10_000)
			f := add(t, s, content)
			tree, err := s.Save(t.Context(), []pipeline.File{f})
			if err != nil {
				t.Fatal(err)
			}
			overwrite(t, filepath.Join(dir, blob(f.Digest)), damage.change)
			_, err = read(t, s, f.Digest)
			for _, want := range []string{string(f.Digest), "is damaged", filepath.Join(dir, blob(f.Digest)), "run again", "--fresh"} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want one with %q", err, want)
				}
			}
			if err := s.Check(t.Context(), tree); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("then the tree is taken for whole: %v", err)
			}
			add(t, s, content)
			if got, err := read(t, s, f.Digest); err != nil || !bytes.Equal(got, content) {
				t.Errorf("not made anew: %v", err)
			}
		})
	}
}

// The next Add repairs what its size gives away, without anybody's reading it.
func TestAddReplacesAContentOfAnotherSize(t *testing.T) {
	for name, n := range map[string]int{"small": 1000, "large": 2 << 20} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			content := bytes.Repeat([]byte{7}, n)
			f := add(t, s, content)
			overwrite(t, filepath.Join(dir, blob(f.Digest)), func([]byte) []byte { return nil })
			add(t, s, content)
			if got, err := read(t, s, f.Digest); err != nil || !bytes.Equal(got, content) {
				t.Error(err)
			}
		})
	}
}

// A reader that found damage must not remove what another process made anew
// meanwhile.
func TestDamageRemovesNothingNewer(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	content := []byte("hello, world")
	f := add(t, s, content)
	path := filepath.Join(dir, blob(f.Digest))
	overwrite(t, path, func(d []byte) []byte { d[0] = 'j'; return d })
	damaged, err := s.Open(t.Context(), f.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer damaged.Close()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	add(t, s, content)
	if n, err := damaged.Read(make([]byte, 100)); err == nil {
		t.Errorf("read %d bytes of damaged content", n)
	}
	if got, err := read(t, s, f.Digest); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the new content: %v", err)
	}
}

func TestDamagedTree(t *testing.T) {
	for _, damage := range damages {
		t.Run(damage.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			list := []pipeline.File{add(t, s, []byte("a")), add(t, s, []byte("b"))}
			tree, err := s.Save(t.Context(), list)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "trees", string(tree.Digest))
			overwrite(t, path, damage.change)
			_, err = s.Files(t.Context(), tree)
			for _, want := range []string{string(tree.Digest), "is damaged", path, "run again"} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want one with %q", err, want)
				}
			}
			if _, err := s.Files(t.Context(), tree); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("it was not removed: %v", err)
			}
			if again, err := s.Save(t.Context(), list); again != tree || err != nil {
				t.Errorf("not made anew: %v", err)
			}
			if err := s.Check(t.Context(), tree); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDamagedCacheEntry(t *testing.T) {
	for _, damage := range damages {
		for name, n := range map[string]int{"small": 1000, "large": 2 << 20} {
			t.Run(damage.name+" "+name, func(t *testing.T) {
				dir := t.TempDir()
				c := open(t, dir).Cache("zips")
				content := bytes.Repeat([]byte{7}, n)
				if err := c.Put(t.Context(), "key", bytes.NewReader(content)); err != nil {
					t.Fatal(err)
				}
				overwrite(t, filepath.Join(dir, "cache", files(t, filepath.Join(dir, "cache"))[0]), damage.change)
				entry, err := c.Get(t.Context(), "key")
				if err == nil { // a large one, whose content nobody read yet
					_, err = bytes.NewBuffer(nil).ReadFrom(entry)
					if err == nil || !strings.Contains(err.Error(), "is damaged") || n < 1<<20 {
						t.Errorf("read with error %v", err)
					}
					entry.Close()
					_, err = c.Get(t.Context(), "key")
				}
				if !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("error %v", err)
				}
				if left := files(t, filepath.Join(dir, "cache")); len(left) != 0 {
					t.Errorf("left behind: %v", left)
				}
			})
		}
	}
}
