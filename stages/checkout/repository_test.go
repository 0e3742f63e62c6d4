package checkout

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/stages"
)

// A line is a file of a repository that a test makes: git's mode, the path, and
// the content (of a submodule: the commit).
type line struct{ mode, path, content string }

func regular(path, content string) line { return line{"100644", path, content} }

// A repository is a throw-away git repository, written object by object so that
// it can hold what git itself refuses to write.
type repository struct {
	tb  testing.TB
	dir string
	*git.Repository
}

func newRepository(tb testing.TB, dir string) *repository {
	tb.Helper()
	r, err := git.PlainInit(dir, true)
	if err != nil {
		tb.Fatal(err)
	}
	return &repository{tb, dir, r}
}

func (r *repository) object(t plumbing.ObjectType, content string) plumbing.Hash {
	r.tb.Helper()
	o := r.Storer.NewEncodedObject()
	o.SetType(t)
	w, err := o.Writer()
	if err != nil {
		r.tb.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		r.tb.Fatal(err)
	}
	id, err := r.Storer.SetEncodedObject(o)
	if err != nil {
		r.tb.Fatal(err)
	}
	return id
}

// tree writes the trees of these files. Names are taken as they are.
func (r *repository) tree(lines []line) plumbing.Hash {
	var entries []line // content is an id
	folders := map[string][]line{}
	for _, l := range lines {
		if folder, rest, ok := strings.Cut(l.path, "/"); ok {
			folders[folder] = append(folders[folder], line{l.mode, rest, l.content})
			continue
		}
		id := plumbing.NewHash(l.content)
		if l.mode != "160000" {
			id = r.object(plumbing.BlobObject, l.content)
		}
		entries = append(entries, line{l.mode, l.path, string(id[:])})
	}
	for folder, inside := range folders {
		id := r.tree(inside)
		entries = append(entries, line{"40000", folder, string(id[:])})
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].path < entries[j].path })
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "%s %s\x00%s", e.mode, e.path, e.content)
	}
	return r.object(plumbing.TreeObject, b.String())
}

// commit writes a commit of a tree and points the ref at it.
func (r *repository) commit(ref string, tree plumbing.Hash, parents ...plumbing.Hash) plumbing.Hash {
	r.tb.Helper()
	by := object.Signature{Name: "A", Email: "a@example.org", When: time.Unix(1_700_000_000, 0).UTC()}
	c := &object.Commit{Author: by, Committer: by, Message: "m", TreeHash: tree, ParentHashes: parents}
	o := r.Storer.NewEncodedObject()
	if err := c.Encode(o); err != nil {
		r.tb.Fatal(err)
	}
	id, err := r.Storer.SetEncodedObject(o)
	if err != nil {
		r.tb.Fatal(err)
	}
	if ref != "" {
		if err := r.Storer.SetReference(plumbing.NewHashReference(plumbing.ReferenceName(ref), id)); err != nil {
			r.tb.Fatal(err)
		}
	}
	return id
}

const main = "refs/heads/main"

// sample makes a repository with one release and one commit since.
func sample(tb testing.TB, dir string) (*repository, stages.Pin) {
	r := newRepository(tb, dir)
	tagged := r.commit("refs/tags/1.0.0", r.tree([]line{
		regular("composer.json", `{"version":"1.0.0"}`), regular("README.md", "old"), regular("module/composer.json", `{"name":"a/b"}`),
	}))
	head := r.commit(main, r.tree([]line{
		regular("composer.json", `{"version":"1.1.0"}`), regular("README.md", "new"), regular("module/composer.json", `{"name":"a/b"}`),
		{"100755", "bin/run", "#!/bin/sh\n"}, {"120000", "link", "../../outside"}, {"100664", "module/old.txt", "group"},
		{"160000", "vendored", "1111111111111111111111111111111111111111"}, regular("big.bin", strings.Repeat("nightly", 300_000)),
	}), tagged)
	return r, stages.Pin{Name: "sample", URL: "file://" + dir, Ref: main, Commit: head.String(), Tag: "1.0.0", TagCommit: tagged.String()}
}

// wantSample are the files of sample's trees.
var wantSample = [2]map[string]string{{
	"100644 README.md":            "new",
	"100644 big.bin":              strings.Repeat("nightly", 300_000),
	"100755 bin/run":              "#!/bin/sh\n",
	"100644 composer.json":        `{"version":"1.1.0"}`,
	"120000 link":                 "../../outside",
	"100644 module/composer.json": `{"name":"a/b"}`,
	"100644 module/old.txt":       "group",
}, {
	"100644 composer.json":        `{"version":"1.0.0"}`,
	"100644 module/composer.json": `{"name":"a/b"}`,
}}

// filesOf gives a tree as mode and path → content.
func filesOf(tb testing.TB, r pipeline.Reader, tree pipeline.Tree) map[string]string {
	tb.Helper()
	list, err := r.Files(context.Background(), tree)
	if err != nil {
		tb.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range list {
		c, err := r.Open(context.Background(), f.Digest)
		if err != nil {
			tb.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(c); err != nil {
			tb.Fatal(err)
		}
		if err := c.Close(); err != nil {
			tb.Fatal(err)
		}
		got[fmt.Sprintf("%o %s", f.Mode, f.Path)] = b.String()
	}
	return got
}

func openStore(tb testing.TB) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.TempDir())
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

// change gives a commit whose root has one more file than that of the parent,
// which may lie in another repository.
func change(tb testing.TB, from *git.Repository, to *repository, parent plumbing.Hash, name, content string) plumbing.Hash {
	tb.Helper()
	c, err := from.CommitObject(parent)
	if err != nil {
		tb.Fatal(err)
	}
	tree, err := c.Tree()
	if err != nil {
		tb.Fatal(err)
	}
	entries := append([]object.TreeEntry{{Name: name, Mode: filemode.Regular, Hash: to.object(plumbing.BlobObject, content)}}, tree.Entries...)
	sort.Sort(object.TreeEntrySorter(entries))
	o := to.Storer.NewEncodedObject()
	if err := (&object.Tree{Entries: entries}).Encode(o); err != nil {
		tb.Fatal(err)
	}
	id, err := to.Storer.SetEncodedObject(o)
	if err != nil {
		tb.Fatal(err)
	}
	return to.commit(main, id, parent)
}

// generated makes files as in a big source: many directories of small files.
func generated(n int) []line {
	lines := make([]line, n)
	for i := range lines {
		lines[i] = regular(path.Join("app", fmt.Sprint(i%97), fmt.Sprint(i%1009), fmt.Sprintf("File%d.php", i)), strings.Repeat(fmt.Sprintf("<?php // %d\n", i), 100))
	}
	return lines
}
