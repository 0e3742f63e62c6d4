package checkout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-billy/v5/util"
	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/objfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/releases/git"
)

// A damagedError says that a repository's objects cannot be read: one is
// missing, does not have its id, or its pack cannot be parsed.
type damagedError struct{ err error }

func (e *damagedError) Error() string { return e.err.Error() }
func (e *damagedError) Unwrap() error { return e.err }

func damaged(format string, args ...any) error {
	return &damagedError{fmt.Errorf(format, args...)}
}

// objects reads the objects of one repository. It is safe for several
// goroutines.
type objects struct {
	readers readers
	packs   []*pack

	storage *filesystem.Storage
	folders []objectFolder // its own, and those that it borrows from
}

// An objectFolder is where objects lie in files of their own.
type objectFolder struct {
	fs   billy.Filesystem
	path string
}

// openObjects opens the repository in a folder, bare or with a working tree,
// without a git program.
func openObjects(dir string, r readers) (*objects, error) {
	repository, err := gogit.PlainOpenWithOptions(dir, &gogit.PlainOpenOptions{EnableDotGitCommonDir: true})
	if err != nil {
		return nil, fmt.Errorf("open the git repository %s: %w", dir, err)
	}
	storage, ok := repository.Storer.(*filesystem.Storage)
	if !ok {
		return nil, fmt.Errorf("open the git repository %s: its storage is a %T", dir, repository.Storer)
	}
	o := &objects{readers: r, storage: storage}
	if err := o.addPacks(storage.Filesystem(), "objects", 0); err != nil {
		return nil, err
	}
	return o, nil
}

// addPacks adds the packs of an objects folder and of those that it borrows
// from (objects/info/alternates), which git follows five deep.
func (o *objects) addPacks(dir billy.Filesystem, folder string, depth int) error {
	o.folders = append(o.folders, objectFolder{dir, folder})
	files, err := dir.ReadDir(dir.Join(folder, "pack"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return damaged("list the packs: %w", err)
	}
	for _, f := range files {
		// Others, .tmp-1234-pack-… among them, are being written by git.
		base, ok := strings.CutSuffix(f.Name(), ".pack")
		if !ok || !strings.HasPrefix(base, "pack-") {
			continue
		}
		p, err := openPack(dir, dir.Join(folder, "pack", base))
		if errors.Is(err, fs.ErrNotExist) {
			continue // git repacks, or has not written the index yet
		}
		if err != nil {
			return err
		}
		o.packs = append(o.packs, p)
	}
	list, err := util.ReadFile(dir, dir.Join(folder, "info", "alternates"))
	if err != nil || depth == 5 {
		return nil // there are none
	}
	for line := range strings.Lines(string(list)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if !filepath.IsAbs(line) {
			line = filepath.Join(dir.Root(), folder, line)
		}
		if err := o.addPacks(osfs.New(line), "", depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (o *objects) close() error { return o.storage.Close() }

// A place says where an object lies: in a pack (or, below 0, in a file of its
// own) at an offset.
type place struct {
	id     plumbing.Hash
	pack   int
	offset int64
}

func (o *objects) place(id plumbing.Hash) place {
	for i, p := range o.packs {
		if offset, err := p.index.FindOffset(id); err == nil {
			return place{id, i, offset}
		}
	}
	return place{id: id, pack: -1}
}

// has reports whether the object is there, without reading all of it.
func (o *objects) has(id plumbing.Hash) bool {
	if o.place(id).pack >= 0 {
		return true
	}
	f, err := o.open(id)
	return err == nil && f.Close() == nil
}

// open opens the file of an object that is in no pack.
func (o *objects) open(id plumbing.Hash) (f billy.File, err error) {
	for _, dir := range o.folders {
		name := dir.fs.Join(dir.path, id.String()[:2], id.String()[2:])
		if info, e := dir.fs.Stat(name); e == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("%s is no plain file (%s)", name, info.Mode())
		} else if f, err = dir.fs.Open(name); err == nil {
			break
		}
	}
	return f, err
}

// unpacked reads an object that is in no pack.
func (o *objects) unpacked(id plumbing.Hash, bound bound) (found gitObject, err error) {
	f, err := o.open(id)
	if err != nil {
		return found, err
	}
	defer f.Close()
	r, err := objfile.NewReader(f)
	if err != nil {
		return found, err
	}
	defer r.Close()
	kind, size, err := r.Header()
	if err == nil {
		err = bound.check(id, size)
	}
	if err != nil {
		return found, err
	}
	content, err := readSized(r, size)
	return gitObject{id, kind, content}, err
}

// A bound says what an object is read as, and how many bytes it may have.
type bound struct {
	what  string
	limit int64
}

var anyObject = bound{"object", git.MaxObject}

func (b bound) check(id plumbing.Hash, size int64) error {
	if size <= b.limit {
		return nil
	}
	return &ContentError{fmt.Errorf("%s %s has %d bytes, more than %d; take it out of the repository", b.what, id, size, b.limit)}
}

// chunk is how many objects one reader takes at a time: enough that neighbours
// in the pack, which are deltas of each other, are read by the same one.
const chunk = 256

// each reads the objects in the order in which they lie, which is what makes
// reading a pack fast, and hands them to several goroutines at once. An object
// that cannot be read is a damagedError; an error of do is returned as it is. Sizes are
// looked at first: an object is read whole, and a small pack can unpack to more than any
// memory. bounds are the limits of those below git.MaxObject; nil for none.
func (o *objects) each(ctx context.Context, ids []plumbing.Hash, bounds map[plumbing.Hash]bound, do func(context.Context, gitObject) error) error {
	places := make([]place, len(ids))
	for i, id := range ids {
		places[i] = o.place(id)
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.pack, b.pack), cmp.Compare(a.offset, b.offset))
	})
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(cap(o.readers))
	for part := range slices.Chunk(places, chunk) {
		g.Go(func() error {
			select {
			case r := <-o.readers:
				defer func() { o.readers <- r }()
				return o.readAll(ctx, part, r, bounds, do)
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	}
	return g.Wait()
}

func (o *objects) readAll(ctx context.Context, part []place, r *packReader, bounds map[plumbing.Hash]bound, do func(context.Context, gitObject) error) (err error) {
	defer func() { err = errors.Join(err, r.close()) }()
	for _, at := range part {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		most, ok := bounds[at.id]
		if !ok {
			most = anyObject
		}
		found, err := o.read(at, r, most)
		if err != nil {
			return err
		}
		if err := do(ctx, found); err != nil {
			return err
		}
	}
	return nil
}

// read reads one object and compares it with its id.
func (o *objects) read(at place, r *packReader, bound bound) (found gitObject, err error) {
	if at.pack >= 0 {
		found, err = r.read(o.packs[at.pack], at, bound)
	} else {
		found, err = o.unpacked(at.id, bound)
	}
	if errors.As(err, new(*ContentError)) {
		return found, err
	}
	if err != nil {
		return found, damaged("read object %s: %w", at.id, err)
	}
	if got := plumbing.ComputeHash(found.kind, found.content); got != at.id {
		return found, damaged("object %s has the content of %s", at.id, got)
	}
	return found, nil
}

// root gives the tree of a commit.
func (o *objects) root(ctx context.Context, commit plumbing.Hash) (plumbing.Hash, error) {
	var c object.Commit
	err := o.each(ctx, []plumbing.Hash{commit}, nil, func(_ context.Context, found gitObject) error {
		raw := &plumbing.MemoryObject{}
		raw.SetType(found.kind)
		_, err := raw.Write(found.content)
		if err = errors.Join(err, c.Decode(raw)); err != nil {
			return fmt.Errorf("read commit %s: %w", commit, err)
		}
		return nil
	})
	return c.TreeHash, err
}
