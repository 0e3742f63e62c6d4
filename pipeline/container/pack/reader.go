package pack

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mage-os/nightly/pipeline"
)

// maxForm bounds a tree's canonical form, in bytes: a million files with long
// paths need less.
const maxForm = 1 << 30

// A Reader gives the trees of a number of packs. It holds their files open; the
// caller closes it.
type Reader struct {
	files    []*os.File
	trees    map[pipeline.Digest][]pipeline.File
	contents map[pipeline.Digest]place
}

// A place is where a content lies.
type place struct {
	file         *os.File
	offset, size int64
}

var (
	_ pipeline.Reader  = (*Reader)(nil)
	_ pipeline.Checker = (*Reader)(nil)
)

// Open opens all packs that lie in the folders. Each must hold the tree that its
// name says; contents are checked when they are read.
func Open(dirs ...string) (*Reader, error) {
	r := &Reader{trees: map[pipeline.Digest][]pipeline.File{}, contents: map[pipeline.Digest]place{}}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open the packs: %w", err), r.Close())
		}
		for _, e := range entries {
			if digest, ok := strings.CutSuffix(e.Name(), suffix); ok {
				if err := r.add(filepath.Join(dir, e.Name()), pipeline.Digest(digest)); err != nil {
					return nil, errors.Join(fmt.Errorf("open pack %s: %w", filepath.Join(dir, e.Name()), err), r.Close())
				}
			}
		}
	}
	return r, nil
}

// Close closes the files of the packs; contents that are still open cannot be
// read after it.
func (r *Reader) Close() error {
	var errs []error
	for _, f := range r.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

func (r *Reader) add(path string, want pipeline.Digest) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	r.files = append(r.files, f)
	info, err := f.Stat()
	if err != nil {
		return err
	}
	form, start, err := readForm(f)
	if err != nil {
		return err
	}
	if got := pipeline.DigestOf(form); got != want {
		return fmt.Errorf("it holds the tree %s", got)
	}
	files, err := pipeline.DecodeTree(form)
	if err != nil {
		return err
	}
	end, contents := start, make(map[pipeline.Digest]place, len(files))
	for _, file := range files {
		if _, ok := contents[file.Digest]; !ok {
			contents[file.Digest] = place{file: f, offset: end, size: file.Size}
			end += file.Size
		}
	}
	if info.Size() != end {
		return fmt.Errorf("it has %d bytes, not %d", info.Size(), end)
	}
	maps.Copy(r.contents, contents)
	r.trees[want] = files
	return nil
}

// readForm reads the canonical form, and gives where the contents begin.
func readForm(f *os.File) (form []byte, start int64, err error) {
	b := bufio.NewReader(f)
	first := make([]byte, len(header))
	if _, err := io.ReadFull(b, first); err != nil || string(first) != header {
		return nil, 0, errors.Join(fmt.Errorf("it does not begin with %q", header), err)
	}
	line, err := b.ReadSlice('\n')
	if err != nil {
		return nil, 0, fmt.Errorf("the length of its tree: %w", err)
	}
	length, err := strconv.Atoi(string(line[:len(line)-1]))
	if err != nil || length < 0 || length > maxForm {
		return nil, 0, fmt.Errorf("%q is no length of a tree", line)
	}
	start = int64(len(header) + len(line))
	info, err := f.Stat()
	if err != nil || info.Size() < start+int64(length) {
		return nil, 0, errors.Join(errors.New("it is cut off"), err)
	}
	form = make([]byte, length)
	_, err = io.ReadFull(b, form)
	return form, start + int64(length), err
}

// Files implements pipeline.Reader.
func (r *Reader) Files(ctx context.Context, tree pipeline.Tree) ([]pipeline.File, error) {
	files, ok := r.trees[tree.Digest]
	if !ok {
		return nil, errors.Join(ctx.Err(), fmt.Errorf("tree %s: in none of the packs: %w", tree.Digest, fs.ErrNotExist))
	}
	return slices.Clone(files), ctx.Err()
}

// Check implements pipeline.Checker. A pack that could be opened has room for
// all contents; whether they are whole shows when they are read.
func (r *Reader) Check(ctx context.Context, tree pipeline.Tree) error {
	_, err := r.Files(ctx, tree)
	return err
}

// Open implements pipeline.Reader. Whoever reads a content to its end is told
// if it is damaged; ReadAt does not check.
func (r *Reader) Open(ctx context.Context, d pipeline.Digest) (pipeline.Content, error) {
	p, ok := r.contents[d]
	if !ok {
		return nil, errors.Join(ctx.Err(), fmt.Errorf("content %s: in none of the packs: %w", d, fs.ErrNotExist))
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return p.open(d)
}

func (p place) open(d pipeline.Digest) (pipeline.Content, error) {
	c := &content{SectionReader: io.NewSectionReader(p.file, p.offset, p.size), want: d, sum: sha256.New()}
	if p.size == 0 && pipeline.DigestOf(nil) != d {
		return nil, c.damaged()
	}
	return c, nil
}

// A content is part of a pack.
type content struct {
	*io.SectionReader
	want pipeline.Digest
	sum  hash.Hash
	read int64
}

// Close does nothing: the file is the reader's.
func (c *content) Close() error { return nil }

// Read checks the digest with the last byte, since who knows the size never
// reads to the end of the file.
func (c *content) Read(p []byte) (int, error) {
	n, err := c.SectionReader.Read(p)
	c.sum.Write(p[:n])
	c.read += int64(n)
	if n > 0 && c.read == c.Size() && hex.EncodeToString(c.sum.Sum(nil)) != string(c.want) {
		return n, c.damaged()
	}
	return n, err
}

func (c *content) damaged() error {
	return fmt.Errorf("content %s is damaged in its pack; run again with --fresh", c.want)
}
