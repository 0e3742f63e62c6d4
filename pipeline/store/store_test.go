package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
)

func open(tb testing.TB, dir string) *store.Store {
	tb.Helper()
	s, err := store.Open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func add(tb testing.TB, s *store.Store, content []byte) pipeline.File {
	tb.Helper()
	digest, size, err := s.Add(tb.Context(), bytes.NewReader(content))
	if err != nil {
		tb.Fatal(err)
	}
	return pipeline.File{Path: string(digest), Mode: pipeline.Regular, Size: size, Digest: digest}
}

func read(tb testing.TB, s *store.Store, d pipeline.Digest) ([]byte, error) {
	tb.Helper()
	c, err := s.Open(tb.Context(), d)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return io.ReadAll(c)
}

// checkRead reads a content in all ways: byte by byte too if it is short.
func checkRead(t *testing.T, c pipeline.Content, want []byte) {
	t.Helper()
	if len(want) < 1000 {
		both := struct {
			io.Reader
			io.ReaderAt
		}{c, c}
		if err := iotest.TestReader(both, want); err != nil {
			t.Error(err)
		}
		return
	}
	part := make([]byte, 500)
	if n, err := c.ReadAt(part, int64(len(want)-300)); n != 300 || err != io.EOF || !bytes.Equal(part[:n], want[len(want)-300:]) {
		t.Errorf("ReadAt over the end gives %d bytes, %v", n, err)
	}
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

// files lists what is below a folder, by paths relative to it.
func files(tb testing.TB, dir string) []string {
	tb.Helper()
	list := []string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			path, err = filepath.Rel(dir, path)
			list = append(list, filepath.ToSlash(path))
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

func TestContents(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for name, content := range map[string][]byte{
		"empty":            {},
		"short":            []byte("hello"),
		"largest small":    bytes.Repeat([]byte{1}, 1<<20),
		"smallest large":   bytes.Repeat([]byte{2}, 1<<20+1),
		"several megabyte": bytes.Repeat([]byte("0123456789abcdef"), 200_000),
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // what is there already is the same
				f := add(t, s, content)
				if want := pipeline.DigestOf(content); f.Digest != want || f.Size != int64(len(content)) {
					t.Fatalf("%s of %d bytes, want %s of %d", f.Digest, f.Size, want, len(content))
				}
				c, err := s.Open(t.Context(), f.Digest)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if c.Size() != f.Size {
					t.Errorf("size %d", c.Size())
				}
				checkRead(t, c, content)
			}
		})
	}
	if _, err := s.Save(t.Context(), []pipeline.File{add(t, s, nil)}); err != nil {
		t.Fatal(err)
	}
	if small, large := files(t, filepath.Join(dir, "segments")), files(t, filepath.Join(dir, "blobs")); len(small) != 1 || len(large) != 2 {
		t.Errorf("contents are in %v and %v", small, large)
	}
	for _, name := range files(t, dir) {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || name != "lock" && info.Mode() != 0o444 {
			t.Errorf("%s has mode %v, %v", name, info.Mode(), err)
		}
	}
}

// Entries do not pile up in memory.
func TestCacheIsWritten(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir).Cache("c")
	for i := range 40 {
		if err := c.Put(t.Context(), strconv.Itoa(i%20), bytes.NewReader(make([]byte, 1<<20))); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(files(t, filepath.Join(dir, "cache"))); got < 10 || got > 20 {
		t.Errorf("%d of 20 entries of a mebibyte were written", got)
	}
}

// What one process adds another finds when it looks for it, and a small content
// only once it was sealed: by a tree, a result or the end.
func TestSeenByOthers(t *testing.T) {
	seal := map[string]func(*testing.T, *store.Store, pipeline.File){
		"tree": func(t *testing.T, s *store.Store, f pipeline.File) {
			if _, err := s.Save(t.Context(), []pipeline.File{f}); err != nil {
				t.Fatal(err)
			}
		},
		"result": func(t *testing.T, s *store.Store, f pipeline.File) {
			if err := s.Results().Save(t.Context(), f.Digest, []byte("{}")); err != nil {
				t.Fatal(err)
			}
		},
		"end": func(t *testing.T, s *store.Store, f pipeline.File) {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, seal := range seal {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ours, other := open(t, dir), open(t, dir)
			_, absent := read(t, other, pipeline.DigestOf([]byte("hello")))
			if !errors.Is(absent, fs.ErrNotExist) {
				t.Fatal(absent)
			}
			f := add(t, ours, []byte("hello"))
			seal(t, ours, f)
			if got, err := read(t, other, f.Digest); string(got) != "hello" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// Contents that are open stay so when the store is closed, and share a file
// without noticing.
func TestOpenContents(t *testing.T) {
	for name, n := range map[string]int{"small": 10, "large": 2 << 20} {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			var contents []pipeline.Content
			for i := range 3 {
				c, err := s.Open(t.Context(), add(t, s, bytes.Repeat([]byte{byte(i)}, n)).Digest)
				if err != nil {
					t.Fatal(err)
				}
				contents = append(contents, c)
			}
			if err := contents[0].Close(); err != nil {
				t.Error(err)
			}
			_, readErr := contents[0].Read(make([]byte, 1))
			_, readAtErr := contents[0].ReadAt(make([]byte, 1), 0)
			for what, err := range map[string]error{"Read": readErr, "ReadAt": readAtErr, "Close": contents[0].Close()} {
				if !errors.Is(err, os.ErrClosed) {
					t.Errorf("%s of a closed one: %v", what, err)
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			for i, c := range contents[1:] {
				if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, bytes.Repeat([]byte{byte(i + 1)}, n)) {
					t.Errorf("content %d: %v", i, err)
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// A store with many segments keeps few of them open.
func TestOpenFiles(t *testing.T) {
	s := open(t, t.TempDir())
	var all []pipeline.File
	for i := range 200 {
		f := add(t, s, source(i))
		if _, err := s.Save(t.Context(), []pipeline.File{f}); err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	before := openFiles(t)
	for _, f := range all {
		if _, err := read(t, s, f.Digest); err != nil {
			t.Error(err)
		}
	}
	if more := openFiles(t) - before; more < 1 || more > 100 {
		t.Errorf("%d files are open after reading of 200 segments", more)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc here: ", err)
	}
	return len(list)
}

// A process that adds little leaves one segment.
func TestJoinedAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	other := open(t, dir)
	var all []pipeline.File
	var trees []pipeline.Tree
	for round := range 2 {
		s, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			all = append(all, add(t, s, source(10*round+i)))
			tree, err := s.Save(t.Context(), all)
			if err != nil {
				t.Fatal(err)
			}
			trees = append(trees, tree)
			if err := other.Check(t.Context(), tree); err != nil {
				t.Error(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := files(t, filepath.Join(dir, "segments")); len(got) != 2 {
		t.Errorf("two processes left %v", got)
	}
	for name, s := range map[string]*store.Store{"a new": open(t, dir), "an old": other} {
		for _, f := range all {
			if _, err := read(t, s, f.Digest); err != nil {
				t.Errorf("%s process: %v", name, err)
			}
		}
		for _, tree := range trees {
			if err := s.Check(t.Context(), tree); err != nil {
				t.Errorf("%s process: %v", name, err)
			}
		}
	}
}

// A segment does not grow for ever.
func TestManySegments(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	var list []pipeline.File
	for i := range 70 {
		content := make([]byte, 1<<20)
		content[i] = 1
		list = append(list, add(t, s, content))
	}
	tree, err := s.Save(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	if got := files(t, filepath.Join(dir, "segments")); len(got) != 2 {
		t.Errorf("segments: %v", got)
	}
	if err := open(t, dir).Check(t.Context(), tree); err != nil {
		t.Error(err)
	}
}

func TestAddPassesErrorsOn(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	broken := errors.New("connection lost")
	for name, n := range map[string]int{"small": 100, "large": 3 << 20} {
		t.Run(name, func(t *testing.T) {
			r := io.MultiReader(bytes.NewReader(make([]byte, n)), iotest.ErrReader(broken))
			if _, _, err := s.Add(t.Context(), r); !errors.Is(err, broken) {
				t.Errorf("error %v", err)
			}
		})
	}
	t.Run("canceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := io.MultiReader(bytes.NewReader(make([]byte, 2<<20)), reader(func([]byte) (int, error) { cancel(); return 1, nil }))
		if _, _, err := s.Add(ctx, r); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
	if got := files(t, filepath.Join(dir, "blobs")); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

type reader func([]byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }

func TestMissing(t *testing.T) {
	s := open(t, t.TempDir())
	d := pipeline.DigestOf([]byte("nobody added this"))
	_, opened := s.Open(t.Context(), d)
	_, listed := s.Files(t.Context(), pipeline.Tree{Digest: d})
	_, loaded := s.Results().Load(t.Context(), d)
	_, cached := s.Cache("c").Get(t.Context(), "key")
	for name, err := range map[string]error{
		"Open": opened, "Files": listed, "Load": loaded, "Get": cached,
		"Check": s.Check(t.Context(), pipeline.Tree{Digest: d}),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []pipeline.Digest{"", "../../../etc/passwd", pipeline.Digest(strings.Repeat("/", 64))} {
		if _, err := s.Open(t.Context(), bad); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open %q: %v", bad, err)
		}
		if _, err := s.Files(t.Context(), pipeline.Tree{Digest: bad}); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Files %q: %v", bad, err)
		}
		if err := s.Results().Save(t.Context(), bad, nil); err == nil {
			t.Errorf("Save %q is accepted", bad)
		}
	}
}

func TestTree(t *testing.T) {
	s := open(t, t.TempDir())
	a, b := add(t, s, []byte("a")), add(t, s, []byte("b"))
	// Paths that differ in case only are fine here; it is for whoever writes
	// them to a disk to look at them.
	list := []pipeline.File{a, b, a}
	list[0].Path, list[1].Path, list[2].Path = "View/List.php", "View/list.php", "view/list.php"
	tree, err := s.Save(t.Context(), []pipeline.File{list[2], list[0], list[1]})
	if err != nil {
		t.Fatal(err)
	}
	_, want, err := pipeline.EncodeTree(list)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, tree); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	got, err := s.Files(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(list, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if err := s.Check(t.Context(), tree); err != nil {
		t.Error(err)
	}
	list[0].Digest = pipeline.DigestOf([]byte("never added"))
	if _, err := s.Save(t.Context(), list); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "View/List.php") {
		t.Errorf("save without the content: %v", err)
	}
}

func TestResults(t *testing.T) {
	s := open(t, t.TempDir())
	key := pipeline.DigestOf([]byte("key"))
	for _, want := range []string{`{"a":1}`, `{}`} {
		if err := s.Results().Save(t.Context(), key, []byte(want)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Results().Load(t.Context(), key); string(got) != want || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestCache(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	large := strings.Repeat("x", 3<<20)
	entries := map[string]string{"a": "1", "a/b": "2", "A": "3", "..": "dots", "empty": "", "large": large, strings.Repeat("k/", 500): "long"}
	for _, name := range []string{"php", "zip.1"} {
		for key, content := range entries {
			if err := s.Cache(name).Put(t.Context(), key, strings.NewReader("old")); err != nil {
				t.Fatal(err)
			}
			if err := s.Cache(name).Put(t.Context(), key, strings.NewReader(content+name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range []string{"php", "zip.1"} {
		for key, content := range entries {
			c, err := s.Cache(name).Get(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if c.Size() != int64(len(content+name)) {
				t.Errorf("%s: %d bytes", key, c.Size())
			}
			checkRead(t, c, []byte(content+name))
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	for key, content := range entries {
		if c, err := again.Cache("php").Get(t.Context(), key); err != nil || c.Size() != int64(len(content+"php")) {
			t.Errorf("%s, after the store was closed: %v", key, err)
		}
	}
	for _, bad := range []struct{ name, key string }{{"php", ""}, {"php", "a b"}, {"php", "a\x00"}, {"..", "a"}, {"", "a"}, {"a/b", "c"}, {".", "a"}} {
		if err := s.Cache(bad.name).Put(t.Context(), bad.key, strings.NewReader("")); err == nil {
			t.Errorf("%q of cache %q is accepted", bad.key, bad.name)
		}
		if _, err := s.Cache(bad.name).Get(t.Context(), bad.key); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q of cache %q: %v", bad.key, bad.name, err)
		}
	}
}

func TestConcurrently(t *testing.T) {
	dir := t.TempDir()
	stores := []*store.Store{open(t, dir), open(t, dir)} // as two processes would
	large := bytes.Repeat([]byte("large"), 300_000)
	var wait sync.WaitGroup
	trees := make([]pipeline.Tree, 8)
	for worker := range trees {
		wait.Go(func() {
			s := stores[worker%len(stores)]
			list := []pipeline.File{add(t, s, large)}
			for i := range 300 {
				f := add(t, s, source(i))
				list = append(list, f)
				if got, err := read(t, s, f.Digest); err != nil || !bytes.Equal(got, source(i)) {
					t.Errorf("file %d: %v", i, err)
				}
				if i%20 != 0 {
					continue // to replace a file makes ext4 write it out
				}
				if err := s.Cache("c").Put(t.Context(), "same/key", bytes.NewReader(source(i))); err != nil {
					t.Error(err)
				}
				if _, err := s.Cache("c").Get(t.Context(), "same/key"); err != nil {
					t.Error(err)
				}
			}
			tree, err := s.Save(t.Context(), list)
			if err != nil {
				t.Error(err)
			}
			trees[worker] = tree
		})
	}
	wait.Wait()
	for _, tree := range trees {
		if tree != trees[0] || tree.Files != 301 {
			t.Errorf("tree %+v, the first was %+v", tree, trees[0])
		}
		if err := stores[0].Check(t.Context(), tree); err != nil {
			t.Error(err)
		}
	}
	if got := len(files(t, filepath.Join(dir, "blobs"))); got != 1 {
		t.Errorf("%d large contents", got)
	}
}
