package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
)

func (s *Store) tree(d pipeline.Digest) string {
	return filepath.Join(s.dir, treesDir, string(d))
}

// Save implements pipeline.Writer. A content that was not added is an error.
func (s *Store) Save(ctx context.Context, files []pipeline.File) (pipeline.Tree, error) {
	data, tree, err := pipeline.EncodeTree(files)
	if err != nil {
		return pipeline.Tree{}, fmt.Errorf("save a tree of %d files: %w", len(files), err)
	}
	if err := s.checkContents(ctx, files); err != nil {
		return pipeline.Tree{}, fmt.Errorf("save a tree of %d files: %w; every content is added first", len(files), err)
	}
	path := s.tree(tree.Digest)
	if info, err := os.Lstat(path); err == nil && info.Size() == int64(len(data)) {
		return tree, nil
	}
	if err := writeBytes(path, s.lists, data); err != nil {
		return pipeline.Tree{}, err
	}
	return tree, nil
}

// Files implements pipeline.Reader. A damaged list is removed, so that the next
// run makes it anew.
func (s *Store) Files(ctx context.Context, tree pipeline.Tree) ([]pipeline.File, error) {
	if err := errors.Join(ctx.Err(), tree.Digest.Valid()); err != nil {
		return nil, err
	}
	f, err := files.Open(s.tree(tree.Digest))
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", tree.Digest, err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", tree.Digest, err)
	}
	if got := pipeline.DigestOf(data); got != tree.Digest {
		err := fmt.Errorf("tree %s is damaged: %s has the digest %s; it was removed: run again, with --fresh if the next run misses it", tree.Digest, f.Name(), got)
		return nil, errors.Join(err, discard(f, f.Name()))
	}
	files, err := pipeline.DecodeTree(data)
	if err != nil {
		return nil, fmt.Errorf("tree %s in %s: %w", tree.Digest, f.Name(), err)
	}
	return files, nil
}

// Check implements pipeline.Checker: it reads the tree's list and looks for all
// its contents by name and size, but does not read them.
func (s *Store) Check(ctx context.Context, tree pipeline.Tree) error {
	files, err := s.Files(ctx, tree)
	if err != nil {
		return err
	}
	if err := s.checkContents(ctx, files); err != nil {
		return fmt.Errorf("tree %s: %w", tree.Digest, err)
	}
	return nil
}

// checkContents finds a content that is missing or of another size.
func (s *Store) checkContents(ctx context.Context, files []pipeline.File) error {
	large, err := s.segments.missing(files)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	for _, f := range large {
		if err := s.has(f.Digest, f.Size); err != nil {
			return fmt.Errorf("file %s: %w", f.Path, err)
		}
	}
	return ctx.Err()
}
