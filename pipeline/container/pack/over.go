package pack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/mage-os/nightly/pipeline"
)

// Over gives a store in which the trees of packs can be read too: what a stage
// in a container works with. What is added goes to the store.
func Over(store pipeline.Store, packs *Reader) pipeline.Store { return over{store, packs} }

type over struct {
	pipeline.Store
	packs *Reader
}

var _ pipeline.Checker = over{}

// Files implements pipeline.Reader.
func (o over) Files(ctx context.Context, tree pipeline.Tree) ([]pipeline.File, error) {
	files, err := o.packs.Files(ctx, tree)
	if errors.Is(err, fs.ErrNotExist) {
		return o.Store.Files(ctx, tree)
	}
	return files, err
}

// Open implements pipeline.Reader.
func (o over) Open(ctx context.Context, d pipeline.Digest) (pipeline.Content, error) {
	content, err := o.packs.Open(ctx, d)
	if errors.Is(err, fs.ErrNotExist) {
		return o.Store.Open(ctx, d)
	}
	return content, err
}

// Check implements pipeline.Checker.
func (o over) Check(ctx context.Context, tree pipeline.Tree) error {
	err := o.packs.Check(ctx, tree)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return pipeline.Check(ctx, o.Store, tree)
}

// Save implements pipeline.Writer. Contents that only the packs have are brought
// into the store.
func (o over) Save(ctx context.Context, files []pipeline.File) (pipeline.Tree, error) {
	tree, err := o.Store.Save(ctx, files)
	if !errors.Is(err, fs.ErrNotExist) {
		return tree, err
	}
	for _, f := range files {
		err := unpackFile(ctx, o.Store, o.packs, f)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return pipeline.Tree{}, fmt.Errorf("save a tree of packs: file %s: %w", f.Path, err)
		}
	}
	return o.Store.Save(ctx, files)
}
