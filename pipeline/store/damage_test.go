package store_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
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
		for name, n := range map[string]int{"small": 100_000, "large": 2 << 20} {
			t.Run(damage.name+" "+name, func(t *testing.T) {
				dir := t.TempDir()
				s := open(t, dir)
				content := bytes.Repeat([]byte("0123456789"), n/10)
				f := add(t, s, content)
				tree, err := s.Save(t.Context(), []pipeline.File{f})
				if err != nil {
					t.Fatal(err)
				}
				path := onlyFile(t, dir)
				overwrite(t, path, damage.change)
				_, err = read(t, s, f.Digest)
				for _, want := range []string{string(f.Digest), "is damaged", path, "run again", "--fresh"} {
					// A small one stands before what was cut off or is behind it.
					if whole := n < 1<<20 && (damage.name == "cut off" || damage.name == "grown"); !whole && (err == nil || !strings.Contains(err.Error(), want)) {
						t.Errorf("error %v, want one with %q", err, want)
					}
				}
				for _, s := range []*store.Store{s, open(t, dir)} {
					if err := s.Check(t.Context(), tree); !errors.Is(err, fs.ErrNotExist) {
						t.Errorf("then the tree is taken for whole: %v", err)
					}
				}
				if _, err := s.Save(t.Context(), []pipeline.File{f}); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the tree is saved without its content: %v", err)
				}
				add(t, s, content)
				if _, err := s.Save(t.Context(), []pipeline.File{f}); err != nil {
					t.Fatal(err)
				}
				for _, s := range []*store.Store{s, open(t, dir)} {
					if got, err := read(t, s, f.Digest); err != nil || !bytes.Equal(got, content) {
						t.Errorf("not made anew: %v", err)
					}
				}
			})
		}
	}
}

// onlyFile is the file of the only content in a store.
func onlyFile(t *testing.T, dir string) string {
	t.Helper()
	var found []string
	for _, folder := range []string{"segments", "blobs"} {
		for _, name := range files(t, filepath.Join(dir, folder)) {
			found = append(found, filepath.Join(dir, folder, name))
		}
	}
	if len(found) != 1 {
		t.Fatalf("files of contents: %v", found)
	}
	return found[0]
}

// hurt changes contents in segments, and not their indexes.
func hurt(t *testing.T, dir, content, damaged string) {
	t.Helper()
	for _, name := range files(t, filepath.Join(dir, "segments")) {
		overwrite(t, filepath.Join(dir, "segments", name), func(d []byte) []byte { return bytes.ReplaceAll(d, []byte(content), []byte(damaged)) })
	}
}

// What is damaged goes with what lies beside it in the same file, for every process, and is
// made anew.
func TestDamageTakesItsSegment(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	contents := [][]byte{[]byte("beside"), []byte("lost")}
	list := []pipeline.File{add(t, s, contents[0]), add(t, s, contents[1])}
	all, err := s.Save(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	other := open(t, dir)
	if err := other.Check(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	hurt(t, dir, "lost", "LOST")
	if _, err := read(t, s, pipeline.DigestOf([]byte("lost"))); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Fatal(err)
	}
	for name, s := range map[string]*store.Store{"this": s, "another": other, "a new": open(t, dir)} {
		if err := s.Check(t.Context(), all); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s process: %v", name, err)
		}
	}
	for _, content := range contents {
		add(t, s, content)
	}
	if _, err := s.Save(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	if err := other.Check(t.Context(), all); err != nil {
		t.Error(err)
	}
}

// A file that is no segment at all hurts nobody, and goes.
func TestStrangeSegment(t *testing.T) {
	for name, content := range map[string][]byte{
		"empty":          nil,
		"short":          []byte("abc"),
		"endless index":  bytes.Repeat([]byte{0xff}, 100),
		"no entry":       make([]byte, 8),
		"other name":     make([]byte, 100),
		"not by a store": []byte("hello, world"),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			strange := filepath.Join(dir, "segments", string(pipeline.DigestOf([]byte(name))))
			s := open(t, dir)
			if err := os.WriteFile(strange, content, 0o644); err != nil {
				t.Fatal(err)
			}
			tree := saveOne(t, s, "a")
			if err := s.Check(t.Context(), tree); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(strange); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("it is still there: %v", err)
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
			if _, err := s.Save(t.Context(), []pipeline.File{f}); err != nil {
				t.Fatal(err)
			}
			overwrite(t, onlyFile(t, dir), func([]byte) []byte { return nil })
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
	for name, n := range map[string]int{"small": 12, "large": 2 << 20} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			content := bytes.Repeat([]byte("x"), n)
			f := add(t, s, content)
			if _, err := s.Save(t.Context(), []pipeline.File{f}); err != nil {
				t.Fatal(err)
			}
			path := onlyFile(t, dir)
			overwrite(t, path, func(d []byte) []byte { d[0] = 'j'; return d })
			damaged, err := s.Open(t.Context(), f.Digest)
			if err != nil {
				t.Fatal(err)
			}
			defer damaged.Close()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			other := open(t, dir)
			add(t, other, content)
			if _, err := other.Save(t.Context(), []pipeline.File{f}); err != nil {
				t.Fatal(err)
			}
			if got := onlyFile(t, dir); got != path {
				t.Fatalf("made anew as %s", got)
			}
			if n, err := io.Copy(io.Discard, damaged); err == nil {
				t.Errorf("read %d bytes of damaged content", n)
			}
			if got, err := read(t, s, f.Digest); err != nil || !bytes.Equal(got, content) {
				t.Errorf("the new content: %v", err)
			}
		})
	}
}

// Even what is not sealed yet can be damaged, and is given up.
func TestDamagedBeforeItIsSealed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	f := add(t, s, []byte("hello, world"))
	if _, err := read(t, s, f.Digest); err != nil { // it is written before it is read
		t.Fatal(err)
	}
	overwrite(t, onlyFile(t, dir), func(d []byte) []byte { d[0] = 'j'; return d })
	if _, err := read(t, s, f.Digest); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Error(err)
	}
	if _, err := s.Save(t.Context(), []pipeline.File{f}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("saved: %v", err)
	}
	add(t, s, []byte("hello, world"))
	if _, err := s.Save(t.Context(), []pipeline.File{f}); err != nil {
		t.Error(err)
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
				s := open(t, dir)
				content := bytes.Repeat([]byte{7}, n)
				if err := s.Cache("zips").Put(t.Context(), "key", bytes.NewReader(content)); err != nil {
					t.Fatal(err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				c := open(t, dir).Cache("zips")
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
