package pack

import (
	"context"
	"errors"
	"fmt"

	"github.com/mage-os/nightly/pipeline"
)

// Unpack adds a tree of packs to a store.
func Unpack(ctx context.Context, to pipeline.Writer, from *Reader, tree pipeline.Tree) error {
	files, err := from.Files(ctx, tree)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := unpackFile(ctx, to, from, f); err != nil {
			return fmt.Errorf("unpack tree %s: file %s: %w", tree.Digest, f.Path, err)
		}
	}
	saved, err := to.Save(ctx, files)
	if err == nil && saved != tree {
		err = fmt.Errorf("unpack tree %s: it came out as %s", tree.Digest, saved.Digest)
	}
	return err
}

func unpackFile(ctx context.Context, to pipeline.Writer, from *Reader, f pipeline.File) error {
	content, err := from.Open(ctx, f.Digest)
	if err != nil {
		return err
	}
	digest, _, err := to.Add(ctx, content)
	if err == nil && digest != f.Digest {
		err = fmt.Errorf("its digest is %s, not %s", digest, f.Digest)
	}
	return errors.Join(err, content.Close())
}
