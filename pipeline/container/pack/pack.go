// Package pack keeps a tree in one file, in which it travels between
// containers: a hundred thousand small files would cost a container engine
// many times what one large file does.
//
// A pack is a pure function of its tree: the line "nightly pack 1", the length
// of the tree's canonical form in decimal on a line of its own, that form (see
// pipeline.EncodeTree), and every content once, in the order in which the form
// first names it. Its file is called DIGEST.pack. Where a content lies follows
// from the sizes before it, so that a pack needs no index.
package pack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/mage-os/nightly/pipeline"
)

const (
	header = "nightly pack 1\n"
	suffix = ".pack"
)

// Name is the name of the file of a tree's pack.
func Name(d pipeline.Digest) string { return string(d) + suffix }

// Write writes the pack of a tree into a folder, under its own name and whole
// or not at all. It gives the path.
func Write(ctx context.Context, dir string, from pipeline.Reader, tree pipeline.Tree) (path string, err error) {
	files, err := from.Files(ctx, tree)
	if err != nil {
		return "", fmt.Errorf("pack a tree: %w", err)
	}
	form, encoded, err := pipeline.EncodeTree(files)
	if err == nil && encoded.Digest != tree.Digest {
		err = fmt.Errorf("its files make the tree %s", encoded.Digest)
	}
	if err != nil {
		return "", fmt.Errorf("pack tree %s: %w", tree.Digest, err)
	}
	return write(ctx, dir, tree, form, files, func(ctx context.Context, to io.Writer, f pipeline.File) error {
		return copyContent(ctx, to, from, f)
	})
}

// write writes a pack; contents writes one content of it.
func write(ctx context.Context, dir string, tree pipeline.Tree, form []byte, files []pipeline.File, content func(context.Context, io.Writer, pipeline.File) error) (path string, err error) {
	f, err := os.CreateTemp(dir, ".pack-*")
	if err != nil {
		return "", fmt.Errorf("pack tree %s: %w", tree.Digest, err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintf(w, "%s%d\n%s", header, len(form), form) // the writer keeps its error until Flush
	written := make(map[pipeline.Digest]bool, len(files))
	for _, file := range files {
		if written[file.Digest] || err != nil {
			continue
		}
		written[file.Digest] = true
		if err = errors.Join(content(ctx, w, file), ctx.Err()); err != nil {
			err = fmt.Errorf("file %s: %w", file.Path, err)
		}
	}
	path = filepath.Join(dir, Name(tree.Digest))
	err = errors.Join(err, w.Flush(), f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("pack tree %s: %w", tree.Digest, err), os.Remove(f.Name()))
	}
	return path, nil
}

func copyContent(ctx context.Context, to io.Writer, from pipeline.Reader, file pipeline.File) error {
	content, err := from.Open(ctx, file.Digest)
	if err != nil {
		return err
	}
	n, err := io.Copy(to, content)
	if err == nil && n != file.Size {
		err = fmt.Errorf("its content has %d bytes, not %d", n, file.Size)
	}
	return errors.Join(err, content.Close())
}
