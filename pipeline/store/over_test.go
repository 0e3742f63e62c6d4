package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
)

// addTree adds a tree of texts, by path.
func addTree(t *testing.T, to pipeline.Writer, texts map[string]string) pipeline.Tree {
	t.Helper()
	var files []pipeline.File
	for path, text := range texts {
		d, size, err := to.Add(t.Context(), strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, pipeline.File{Path: path, Mode: pipeline.Executable, Size: size, Digest: d})
	}
	tree, err := to.Save(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func readTree(t *testing.T, from pipeline.Reader, tree pipeline.Tree) map[string]string {
	t.Helper()
	files, err := from.Files(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, f := range files {
		content, err := from.Open(t.Context(), f.Digest)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(content)
		if err := errors.Join(err, content.Close()); err != nil {
			t.Fatal(err)
		}
		texts[f.Path] = string(data)
	}
	return texts
}

func openOver(t *testing.T, own pipeline.Store, dirs ...string) *store.Over {
	t.Helper()
	o, err := store.OpenOver(own, dirs...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

var travellers = map[string]map[string]string{
	"no files":               {},
	"an empty file":          {"a": "", "b": "beta"},
	"the same content twice": {"a": "same", "dir/b": "same"},
	"a large content":        {"large": strings.Repeat("0123456789abcdef", 1<<17), "small": "s"},
}

// TestCopy: a copied tree can be read without the store that it came from.
func TestCopy(t *testing.T) {
	for name, texts := range travellers {
		t.Run(name, func(t *testing.T) {
			from, dir := open(t, t.TempDir()), t.TempDir()
			tree := addTree(t, from, texts)
			to, err := store.OpenTransient(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(store.Copy(t.Context(), to, from, tree), to.Close()); err != nil {
				t.Fatal(err)
			}
			over := openOver(t, open(t, t.TempDir()), dir)
			if diff := cmp.Diff(texts, readTree(t, over, tree)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCopyTo(t *testing.T) {
	from, to := open(t, t.TempDir()), open(t, t.TempDir())
	one, two := addTree(t, from, map[string]string{"a": "alpha"}), addTree(t, from, map[string]string{"b": "beta"})
	if err := from.CopyTo(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	for _, tree := range []pipeline.Tree{one, two} {
		if err := to.Check(t.Context(), tree); err != nil {
			t.Error(err)
		}
	}
}

// TestCopyDamaged: what is damaged does not travel, and is removed where it lies.
func TestCopyDamaged(t *testing.T) {
	dir := t.TempDir()
	from := open(t, dir)
	tree := addTree(t, from, map[string]string{"a": strings.Repeat("a", 2<<20)})
	overwrite(t, onlyFile(t, dir), func(d []byte) []byte { d[0] ^= 1; return d })
	to := open(t, t.TempDir())
	if err := store.Copy(t.Context(), to, from, tree); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("%v; want a damaged content", err)
	}
	if err := to.Check(t.Context(), tree); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the damaged tree came through: %v", err)
	}
	if err := from.Check(t.Context(), tree); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the damaged content stayed: %v", err)
	}
}

func TestCopyCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	from := open(t, t.TempDir())
	tree := addTree(t, from, map[string]string{"a": "alpha"})
	cancel()
	if err := store.Copy(ctx, open(t, t.TempDir()), from, tree); !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want context.Canceled", err)
	}
}

// TestOver: what given stores have can be read, and named by new trees; what is added
// goes to the own one.
func TestOver(t *testing.T) {
	dir, ownDir := t.TempDir(), t.TempDir()
	there := open(t, dir)
	given := addTree(t, there, map[string]string{"a": "alpha"})
	if err := there.Close(); err != nil {
		t.Fatal(err)
	}
	own := open(t, ownDir)
	o := openOver(t, own, dir)
	added := addTree(t, o, map[string]string{"b": "beta"})
	files, err := o.Files(t.Context(), given)
	if err != nil {
		t.Fatal(err)
	}
	files[0].Path = "moved"
	mine, err := o.Files(t.Context(), added)
	if err != nil {
		t.Fatal(err)
	}
	mixed, err := o.Save(t.Context(), append(files, mine...))
	if err != nil {
		t.Fatalf("a tree of contents that were given: %v", err)
	}
	for _, tree := range []pipeline.Tree{given, added, mixed} {
		if err := o.Check(t.Context(), tree); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(map[string]string{"moved": "alpha", "b": "beta"}, readTree(t, own, mixed)); diff != "" {
		t.Errorf("the own store alone (-want +got):\n%s", diff)
	}
	if err := own.Check(t.Context(), given); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a tree that was only read came into the own store: %v", err)
	}
}

func TestOverMissing(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	o, nothing := openOver(t, open(t, t.TempDir()), dir), pipeline.DigestOf([]byte("nothing"))
	_, files := o.Files(t.Context(), pipeline.Tree{Digest: nothing})
	_, content := o.Open(t.Context(), nothing)
	_, saved := o.Save(t.Context(), []pipeline.File{{Path: "a", Mode: pipeline.Regular, Digest: nothing}})
	for name, err := range map[string]error{"files": files, "open": content, "check": o.Check(t.Context(), pipeline.Tree{Digest: nothing}), "save": saved} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v; want fs.ErrNotExist", name, err)
		}
	}
	empty := t.TempDir()
	if _, err := store.OpenOver(o, empty); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), empty) {
		t.Errorf("a folder that is no store: %v; want an error that names it", err)
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("it was made one: %v %v", left, err)
	}
	if _, _, err := o.Add(t.Context(), bytes.NewReader(nil)); err != nil {
		t.Error(err)
	}
}
