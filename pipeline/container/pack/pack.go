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
	"runtime"

	"golang.org/x/sync/errgroup"

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
	f, err := os.CreateTemp(dir, ".pack-*")
	if err != nil {
		return "", fmt.Errorf("pack tree %s: %w", tree.Digest, err)
	}
	path = filepath.Join(dir, Name(tree.Digest))
	first := fmt.Appendf(nil, "%s%d\n%s", header, len(form), form)
	_, err = f.Write(first)
	if err == nil {
		err = writeContents(ctx, f, int64(len(first)), from, files)
	}
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("pack tree %s: %w", tree.Digest, err), os.Remove(f.Name()))
	}
	return path, nil
}

// chunkSize is how much is read and then written at a time, in bytes, unless one
// content is larger.
const chunkSize = 1 << 20

// A chunk is contents that lie one after another in a pack.
type chunk struct {
	files  []pipeline.File
	offset int64 // in the pack
	size   int64
}

// writeContents writes every content once, from an offset on. Since the sizes say
// where each lies, several are written at the same time.
func writeContents(ctx context.Context, to io.WriterAt, offset int64, from pipeline.Reader, files []pipeline.File) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	c := chunk{offset: offset}
	flush := func() {
		full := c
		group.Go(func() error { return full.write(ctx, to, from) })
		c = chunk{offset: c.offset + c.size}
	}
	written := make(map[pipeline.Digest]bool, len(files))
	for _, file := range files {
		if written[file.Digest] {
			continue
		}
		written[file.Digest] = true
		if c.size > 0 && c.size+file.Size > chunkSize {
			flush()
		}
		c.files, c.size = append(c.files, file), c.size+file.Size
	}
	flush()
	return group.Wait()
}

func (c *chunk) write(ctx context.Context, to io.WriterAt, from pipeline.Reader) error {
	w := bufio.NewWriterSize(io.NewOffsetWriter(to, c.offset), int(min(c.size, chunkSize)))
	for _, file := range c.files {
		if err := copyContent(ctx, w, from, file); err != nil {
			return fmt.Errorf("file %s: %w", file.Path, err)
		}
	}
	return w.Flush()
}

func copyContent(ctx context.Context, to *bufio.Writer, from pipeline.Reader, file pipeline.File) error {
	content, err := from.Open(ctx, file.Digest)
	if err != nil {
		return err
	}
	n, err := io.Copy(to, content)
	if err == nil && n != file.Size {
		err = fmt.Errorf("its content has %d bytes, not %d", n, file.Size)
	}
	return errors.Join(err, content.Close(), ctx.Err())
}
