package pack_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container/pack"
	"github.com/mage-os/nightly/pipeline/store"
)

// contents are the files of a tree, by path; a path that ends in * is executable.
type contents map[string]string

// add puts a tree into a store.
func add(t *testing.T, to pipeline.Writer, c contents) pipeline.Tree {
	t.Helper()
	var files []pipeline.File
	for path, text := range c {
		d, size, err := to.Add(t.Context(), strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		mode := pipeline.Regular
		if p, ok := strings.CutSuffix(path, "*"); ok {
			path, mode = p, pipeline.Executable
		}
		files = append(files, pipeline.File{Path: path, Mode: mode, Size: size, Digest: d})
	}
	tree, err := to.Save(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// read gives the files of a tree as add takes them.
func read(t *testing.T, from pipeline.Reader, tree pipeline.Tree) contents {
	t.Helper()
	files, err := from.Files(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	c := contents{}
	for _, f := range files {
		content, err := from.Open(t.Context(), f.Digest)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(content)
		if err := errors.Join(err, content.Close()); err != nil {
			t.Fatal(err)
		}
		if f.Mode == pipeline.Executable {
			f.Path += "*"
		}
		c[f.Path] = string(data)
	}
	return c
}

func openPacks(t *testing.T, dirs ...string) *pack.Reader {
	t.Helper()
	r, err := pack.Open(dirs...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// over is an ordinary store behind the packs in folders.
func over(t *testing.T, dirs ...string) pipeline.Store {
	t.Helper()
	return pack.Over(ordinary(t, t.TempDir()), openPacks(t, dirs...))
}

func ordinary(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

var trees = []struct {
	name  string
	files contents
}{
	{"no files", contents{}},
	{"one file", contents{"a": "alpha"}},
	{"an empty file beside others", contents{"a": "", "b": "beta", "c": ""}},
	{"the same content twice", contents{"a": "same", "dir/b": "same", "dir/c*": "same"}},
	{"contents that look like a pack", contents{"a": "nightly pack 1\n0\n", "b": "nightly tree 1\n"}},
	{"more than is held in memory", contents{"large": strings.Repeat("0123456789abcdef", 1<<19), "small": "s"}},
}

func TestThereAndBack(t *testing.T) {
	for _, test := range trees {
		t.Run(test.name, func(t *testing.T) {
			host, dir := ordinary(t, t.TempDir()), t.TempDir()
			tree := add(t, host, test.files)
			if _, err := pack.Write(t.Context(), dir, host, tree); err != nil {
				t.Fatal(err)
			}
			packs := openPacks(t, dir)
			if diff := cmp.Diff(test.files, read(t, packs, tree)); diff != "" {
				t.Errorf("from the pack (-want +got):\n%s", diff)
			}
			other := ordinary(t, t.TempDir())
			if err := pack.Unpack(t.Context(), other, packs, tree); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.files, read(t, other, tree)); diff != "" {
				t.Errorf("unpacked (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSameBytes: a pack is a function of its tree, wherever that is read from.
func TestSameBytes(t *testing.T) {
	for _, test := range trees {
		t.Run(test.name, func(t *testing.T) {
			host, dirs := ordinary(t, t.TempDir()), []string{t.TempDir(), t.TempDir(), t.TempDir()}
			tree := add(t, host, test.files)
			inside := over(t)
			if got := add(t, inside, test.files); got != tree {
				t.Fatalf("behind packs a store gives tree %v, alone %v", got, tree)
			}
			for i, from := range []pipeline.Reader{host, inside, nil} {
				if from == nil {
					from = over(t, dirs[0])
				}
				if _, err := pack.Write(t.Context(), dirs[i], from, tree); err != nil {
					t.Fatal(err)
				}
			}
			var packs [3][]byte
			for i, dir := range dirs {
				var err error
				if packs[i], err = os.ReadFile(filepath.Join(dir, pack.Name(tree.Digest))); err != nil {
					t.Fatal(err)
				}
			}
			for _, other := range packs[1:] {
				if !bytes.Equal(packs[0], other) {
					t.Errorf("the packs differ:\n%.200q\n%.200q", packs[0], other)
				}
			}
		})
	}
}

// What is in the packs can be read, named by new trees, and is not asked of the
// store; what is added goes there.
func TestOver(t *testing.T) {
	host, dir := ordinary(t, t.TempDir()), t.TempDir()
	given := add(t, host, contents{"a": "alpha"})
	if _, err := pack.Write(t.Context(), dir, host, given); err != nil {
		t.Fatal(err)
	}
	inside := ordinary(t, t.TempDir())
	s := pack.Over(inside, openPacks(t, dir))
	own := add(t, s, contents{"b": "beta"})
	files, err := s.Files(t.Context(), given)
	if err != nil {
		t.Fatal(err)
	}
	files[0].Path = "moved"
	mine, err := s.Files(t.Context(), own)
	if err != nil {
		t.Fatal(err)
	}
	mixed, err := s.Save(t.Context(), append(files, mine...))
	if err != nil {
		t.Fatalf("a tree of contents that were given: %v", err)
	}
	for _, tree := range []pipeline.Tree{given, own, mixed} {
		if err := s.(pipeline.Checker).Check(t.Context(), tree); err != nil {
			t.Error(err)
		}
		out := t.TempDir()
		if _, err := pack.Write(t.Context(), out, s, tree); err != nil {
			t.Fatal(err)
		}
		read(t, openPacks(t, out), tree)
	}
	if diff := cmp.Diff(contents{"moved": "alpha", "b": "beta"}, read(t, inside, mixed)); diff != "" {
		t.Errorf("the store without the packs (-want +got):\n%s", diff)
	}
	if err := inside.Check(t.Context(), given); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a tree that was only read came into the store: %v", err)
	}
}

func TestMissing(t *testing.T) {
	nothing := pipeline.Tree{Digest: pipeline.DigestOf(nil)}
	s := over(t)
	readers := map[string]pipeline.Reader{"packs": openPacks(t, t.TempDir()), "over": s}
	for name, r := range readers {
		if _, err := r.Files(t.Context(), nothing); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: files: %v; want fs.ErrNotExist", name, err)
		}
		if _, err := r.Open(t.Context(), nothing.Digest); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: open: %v; want fs.ErrNotExist", name, err)
		}
	}
	if _, err := s.Save(t.Context(), []pipeline.File{{Path: "a", Mode: pipeline.Regular, Digest: nothing.Digest}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("save without add: %v; want fs.ErrNotExist", err)
	}
	if _, err := s.Files(t.Context(), pipeline.Tree{Digest: "../up"}); err == nil {
		t.Error("a digest that leaves the folder was looked for")
	}
}

func TestDamage(t *testing.T) {
	host := ordinary(t, t.TempDir())
	tree := add(t, host, contents{"a": "alpha", "b": "beta"})
	damages := []struct {
		name   string
		damage func([]byte) []byte
		found  string // when: "open" or "read"
	}{
		{"cut off", func(b []byte) []byte { return b[:len(b)-1] }, "open"},
		{"something behind it", func(b []byte) []byte { return append(b, 'x') }, "open"},
		{"cut off in its tree", func(b []byte) []byte { return b[:40] }, "open"},
		{"no pack", func([]byte) []byte { return []byte("PK") }, "open"},
		{"empty", func([]byte) []byte { return nil }, "open"},
		{"a huge length", func([]byte) []byte { return []byte("nightly pack 1\n999999999999\n") }, "open"},
		{"a negative length", func([]byte) []byte { return []byte("nightly pack 1\n-1\n") }, "open"},
		{"another path", func(b []byte) []byte { return bytes.Replace(b, []byte(" a\n"), []byte(" c\n"), 1) }, "open"},
		{"another content", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, "read"},
	}
	for _, test := range damages {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			path, err := pack.Write(t.Context(), dir, host, tree)
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, test.damage(data), 0o644); err != nil {
				t.Fatal(err)
			}
			r, err := pack.Open(dir)
			if test.found == "open" {
				if err == nil {
					t.Error("it was opened")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if err := pack.Unpack(t.Context(), ordinary(t, t.TempDir()), r, tree); err == nil || !strings.Contains(err.Error(), "damaged") {
				t.Errorf("unpack: %v; want a damaged content", err)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	host, dir := ordinary(t, t.TempDir()), t.TempDir()
	tree := add(t, host, contents{"a": "alpha"})
	cancel()
	if _, err := pack.Write(ctx, dir, host, tree); !errors.Is(err, context.Canceled) {
		t.Errorf("write: %v; want context.Canceled", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %v %v", left, err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("nightly pack 1\n15\nnightly tree 1\n"))
	f.Add([]byte("nightly pack 1\n-5\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		name := "no tree"
		if _, rest, ok := bytes.Cut(bytes.TrimPrefix(data, []byte("nightly pack 1\n")), []byte("\n")); ok {
			name = string(pipeline.DigestOf(rest)) // so that packs without contents are good
		}
		if err := os.WriteFile(filepath.Join(dir, name+".pack"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		r, err := pack.Open(dir)
		if err != nil {
			return
		}
		defer r.Close()
		files, err := r.Files(t.Context(), pipeline.Tree{Digest: pipeline.Digest(name)})
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if content, err := r.Open(t.Context(), file.Digest); err == nil {
				_, _ = io.Copy(io.Discard, content) // only that it ends
			}
		}
	})
}
