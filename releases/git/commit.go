package git

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
)

// A Writer reads, makes and pushes commits and tags: of https://, http://, ssh:// and
// file:// repositories. Several goroutines may use it at once.
//
// It sends no more than the objects that are new, which it knows: neither a clone
// nor a git program is needed.
type Writer struct{ options Options }

// NewWriter makes a Writer.
func NewWriter(o Options) *Writer { return &Writer{o.ToFetch()} }

// A Draft is a commit to make: files of its parent, replaced.
type Draft struct {
	URL    string
	Parent string // commit
	// Tips are commits that the repository's refs point at and that lead to the
	// parent, for servers that give no other commit.
	Tips    []string
	Files   map[string][]byte // by path; each is a file of the parent
	Message string
	By      Identity
}

// An Identity is who makes a commit or tag, and when. The same drafts of the same
// identity are the same commits.
type Identity struct {
	Name, Email string
	When        time.Time // UTC, in seconds
}

func (i Identity) signature() object.Signature {
	return object.Signature{Name: i.Name, Email: i.Email, When: i.When.UTC()}
}

// A Commit is a commit that was made and, as yet, is nowhere but in memory.
type Commit struct {
	URL    string
	ID     string
	Parent string
	new    *memory.Storage // its objects that the parent does not have
}

// Commit makes a commit. Nothing is written to the repository. A draft that changes
// no file is a commit all the same. Errors name the URL without a password.
func (w *Writer) Commit(ctx context.Context, d Draft) (*Commit, error) {
	made, err := w.commit(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("make a commit for %s: %w", remote.Redacted(d.URL), err)
	}
	return made, nil
}

func (w *Writer) commit(ctx context.Context, d Draft) (made *Commit, err error) {
	old, done, err := w.objects(ctx, d.URL, d.Parent, d.Tips)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	parent, err := object.GetCommit(old, plumbing.NewHash(d.Parent))
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", d.Parent, err)
	}
	c := &Commit{URL: d.URL, Parent: d.Parent, new: memory.NewStorage()}
	tree, err := replaceFiles(old, c.new, parent.TreeHash, "", d.Files)
	if err != nil {
		return nil, err
	}
	by := d.By.signature()
	id, err := encode(c.new, &object.Commit{
		Author: by, Committer: by, Message: d.Message, TreeHash: tree, ParentHashes: []plumbing.Hash{parent.Hash},
	})
	c.ID = id.String()
	return c, err
}

// replaceFiles writes a tree anew in which some files have other contents. Modes,
// and everything else, stay.
func replaceFiles(old, to storer.EncodedObjectStorer, id plumbing.Hash, dir string, files map[string][]byte) (plumbing.Hash, error) {
	tree, err := object.GetTree(old, id)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("read the tree of %q: %w", dir, err)
	}
	below := map[string]map[string][]byte{}
	for path, data := range files {
		name, rest, _ := strings.Cut(path, "/")
		if below[name] == nil {
			below[name] = map[string][]byte{}
		}
		below[name][rest] = data
	}
	changed := &object.Tree{Entries: slices.Clone(tree.Entries)}
	for _, name := range slices.Sorted(maps.Keys(below)) {
		i := slices.IndexFunc(changed.Entries, func(e object.TreeEntry) bool { return e.Name == name })
		if i < 0 {
			return plumbing.ZeroHash, fmt.Errorf("commit has no %s%s", dir, name)
		}
		if changed.Entries[i].Hash, err = replaceEntry(old, to, changed.Entries[i], dir, below[name]); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	return encode(to, changed)
}

func replaceEntry(old, to storer.EncodedObjectStorer, e object.TreeEntry, dir string, files map[string][]byte) (plumbing.Hash, error) {
	data, isFile := files[""]
	switch {
	case isFile && len(files) == 1 && (e.Mode == filemode.Regular || e.Mode == filemode.Executable || e.Mode == filemode.Deprecated):
		return writeContent(to, data)
	case !isFile && e.Mode == filemode.Dir:
		return replaceFiles(old, to, e.Hash, dir+e.Name+"/", files)
	}
	return plumbing.ZeroHash, fmt.Errorf("%s%s is not what it is taken for: its mode is %s", dir, e.Name, e.Mode)
}

// A Made is a commit of a repository: who made it when, and of what.
type Made struct {
	ID      string
	Parents []string
	Message string
	By      Identity // who committed
}

// Read reads a commit that a ref of the repository points at.
func (w *Writer) Read(ctx context.Context, address, commit string) (made Made, err error) {
	fail := func(err error) (Made, error) {
		return Made{}, fmt.Errorf("read commit %s of %s: %w", commit, remote.Redacted(address), err)
	}
	objects, done, err := w.objects(ctx, address, commit, nil)
	if err != nil {
		return fail(err)
	}
	c, err := object.GetCommit(objects, plumbing.NewHash(commit))
	if err = errors.Join(err, done()); err != nil {
		return fail(err)
	}
	made = Made{ID: commit, Message: c.Message, By: Identity{c.Committer.Name, c.Committer.Email, c.Committer.When.UTC()}}
	for _, parent := range c.ParentHashes {
		made.Parents = append(made.Parents, parent.String())
	}
	return made, nil
}

// objects gives the commit and its trees; done frees them. Of a repository on this
// machine they are read in their place, else fetched, without the files where the
// server can leave them out. A server that does not give the commit by its id is asked
// for what leads to it, deeper and deeper.
func (w *Writer) objects(ctx context.Context, address, commit string, tips []string) (storage.Storer, func() error, error) {
	dir, local, err := w.options.Folder(address)
	if err != nil {
		return nil, nil, err
	}
	if local {
		repository, err := openFolder(dir)
		if err != nil {
			return nil, nil, err
		}
		return repository.Storer, func() error { return nil }, nil
	}
	fetch := func(id string, depth int) (storage.Storer, func() error, error) {
		return w.options.fetched(ctx, address, Request{Wants: byID(plumbing.NewHash(id)), Depth: depth, Filter: packp.FilterBlobNone()})
	}
	objects, done, first := fetch(commit, 1)
	if first == nil {
		return objects, done, nil
	}
	for _, tip := range tips {
		for _, depth := range historyDepths {
			objects, done, err := fetch(tip, depth)
			if err != nil {
				break
			}
			if objects.HasEncodedObject(plumbing.NewHash(commit)) == nil {
				return objects, done, nil
			}
			if err := done(); err != nil {
				return nil, nil, err
			}
		}
	}
	return nil, nil, fmt.Errorf("fetch commit %s: %w", commit, first)
}

// writable gives the folder of a repository on this machine.
func (w *Writer) writable(address string) (dir string, local bool, err error) {
	if _, embedded := releases.IsEmbedded(address); embedded {
		return "", false, errors.New("what the program carries in itself cannot be written to; replace the URL in a line of your own")
	}
	return w.options.Folder(address)
}
