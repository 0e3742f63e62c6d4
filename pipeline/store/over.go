package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
)

// Copy adds a tree that another store has.
func Copy(ctx context.Context, to pipeline.Writer, from pipeline.Reader, tree pipeline.Tree) error {
	files, err := from.Files(ctx, tree)
	if err != nil {
		return err
	}
	group, copying := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, f := range files {
		group.Go(func() error {
			if err := copyFile(copying, to, from, f); err != nil {
				return fmt.Errorf("copy tree %s: file %s: %w", tree.Digest, f.Path, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	_, err = to.Save(ctx, files)
	return err
}

// CopyTo adds all trees of this store to another.
func (s *Store) CopyTo(ctx context.Context, to pipeline.Writer) error {
	trees, err := os.ReadDir(filepath.Join(s.dir, treesDir))
	for _, tree := range trees {
		err = errors.Join(err, Copy(ctx, to, s, pipeline.Tree{Digest: pipeline.Digest(tree.Name())}))
	}
	return err
}

func copyFile(ctx context.Context, to pipeline.Writer, from pipeline.Reader, f pipeline.File) error {
	content, err := from.Open(ctx, f.Digest)
	if err != nil {
		return err
	}
	digest, _, err := to.Add(ctx, io.NewSectionReader(content, 0, content.Size()))
	if err == nil && digest != f.Digest {
		_, err = io.Copy(io.Discard, content) // this removes and reports what is damaged
	}
	return errors.Join(err, content.Close())
}

// An Over is a store in which the trees of given ones can be read too: what a stage
// in a container works with. What is added goes to its own store.
type Over struct {
	pipeline.Store
	given []*Store
}

var _ pipeline.Checker = (*Over)(nil)

// OpenOver opens the given stores, which lie in folders. The caller closes it, and
// the own store itself.
func OpenOver(own pipeline.Store, dirs ...string) (*Over, error) {
	o := &Over{Store: own}
	for _, dir := range dirs {
		var s *Store
		_, err := os.Stat(filepath.Join(dir, treesDir)) // Open would make it
		if err == nil {
			s, err = Open(dir)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open the store of given trees in %s: %w", dir, err), o.Close())
		}
		o.given = append(o.given, s)
	}
	return o, nil
}

// Close closes the given stores.
func (o *Over) Close() error {
	var errs []error
	for _, s := range o.given {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// first asks the given stores, and then the own one, until one has what is asked for.
func first[T any](o *Over, ask func(pipeline.Store) (T, error)) (T, error) {
	for _, s := range o.given {
		if found, err := ask(s); !errors.Is(err, fs.ErrNotExist) {
			return found, err
		}
	}
	return ask(o.Store)
}

// Files implements pipeline.Reader.
func (o *Over) Files(ctx context.Context, tree pipeline.Tree) ([]pipeline.File, error) {
	return first(o, func(s pipeline.Store) ([]pipeline.File, error) { return s.Files(ctx, tree) })
}

// Open implements pipeline.Reader.
func (o *Over) Open(ctx context.Context, d pipeline.Digest) (pipeline.Content, error) {
	return first(o, func(s pipeline.Store) (pipeline.Content, error) { return s.Open(ctx, d) })
}

// Check implements pipeline.Checker.
func (o *Over) Check(ctx context.Context, tree pipeline.Tree) error {
	_, err := first(o, func(s pipeline.Store) (any, error) { return nil, pipeline.Check(ctx, s, tree) })
	return err
}

// Save implements pipeline.Writer. Contents that only the given stores have are
// brought into the own one.
func (o *Over) Save(ctx context.Context, files []pipeline.File) (pipeline.Tree, error) {
	tree, err := o.Store.Save(ctx, files)
	if !errors.Is(err, fs.ErrNotExist) {
		return tree, err
	}
	for _, f := range files {
		if err := copyFile(ctx, o.Store, o, f); err != nil {
			return pipeline.Tree{}, fmt.Errorf("save a tree of %d files: file %s: %w", len(files), f.Path, err)
		}
	}
	return o.Store.Save(ctx, files)
}
