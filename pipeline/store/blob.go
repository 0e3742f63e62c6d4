package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
)

// small bounds, in bytes, the contents that are kept in segments. They are held
// in memory to learn their digests before anything is written.
const small = 1 << 20

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (s *Store) blob(d pipeline.Digest) string {
	return filepath.Join(s.dir, blobsDir, string(d[:2]), string(d[2:]))
}

// Add implements pipeline.Writer. A content that is there already is not
// written; a larger one than a mebibyte is written first and then thrown away.
// A smaller one goes with this process until a tree or a result is saved, or
// the store closed.
func (s *Store) Add(ctx context.Context, content io.Reader) (pipeline.Digest, int64, error) {
	if err := ctx.Err(); err != nil {
		return "", 0, err
	}
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	n, err := buffer.ReadFrom(io.LimitReader(content, small+1))
	if err != nil {
		return "", 0, fmt.Errorf("read a content for the store: %w", err)
	}
	if n > small {
		return s.addLarge(ctx, io.MultiReader(buffer, content))
	}
	d := sum(sha256.Sum256(buffer.Bytes()))
	if err := s.segments.add(d, buffer.Bytes()); err != nil {
		return "", 0, err
	}
	return d.digest(), n, nil
}

func (s *Store) addLarge(ctx context.Context, content io.Reader) (pipeline.Digest, int64, error) {
	f, err := create(filepath.Join(s.dir, blobsDir))
	if err != nil {
		return "", 0, explain(filepath.Join(s.dir, blobsDir), err)
	}
	defer os.Remove(f.Name())
	digest, n, err := copyContent(ctx, f, content)
	if err == nil {
		err = f.Chmod(0o444)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return "", 0, explain(f.Name(), err)
	}
	if s.has(digest, n) == nil {
		return digest, n, nil
	}
	path := s.blob(digest)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return "", 0, explain(path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return "", 0, explain(path, err)
	}
	return digest, n, nil
}

// copyContent writes what it reads, until the context ends, and gives its digest and size.
func copyContent(ctx context.Context, w io.Writer, r io.Reader) (pipeline.Digest, int64, error) {
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, sum), reader(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, err := r.Read(p)
		if err != nil && err != io.EOF {
			err = fmt.Errorf("read the content: %w", err)
		}
		return n, err
	}))
	return pipeline.Digest(hex.EncodeToString(sum.Sum(nil))), n, err
}

type reader func([]byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }

// has reports fs.ErrNotExist for a content that is not there, and another error
// for one of another size: after a crash of the machine a file can be empty.
func (s *Store) has(d pipeline.Digest, size int64) error {
	info, err := os.Lstat(s.blob(d))
	if err != nil {
		return fmt.Errorf("content %s: %w", d, err)
	}
	if info.Size() != size {
		return fmt.Errorf("content %s is damaged: %s has %d bytes, not %d", d, s.blob(d), info.Size(), size)
	}
	return nil
}

// Open implements pipeline.Reader. Whoever reads a content to its end is told
// if it is damaged; the file that it lies in is then removed, so that the next
// run makes it anew. ReadAt does not check.
func (s *Store) Open(ctx context.Context, d pipeline.Digest) (pipeline.Content, error) {
	id, err := parseSum(d)
	if err := errors.Join(ctx.Err(), err); err != nil {
		return nil, err
	}
	// A small one mostly; then a large one; then a small one of another process.
	c, err := s.openSmall(id, false)
	if errors.Is(err, fs.ErrNotExist) {
		c, err = s.openLarge(id)
	}
	if errors.Is(err, fs.ErrNotExist) {
		c, err = s.openSmall(id, true)
	}
	if err != nil {
		return nil, err
	}
	if c.Size() == 0 {
		if err := c.verify(); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}

func (s *Store) openSmall(d sum, new bool) (*content, error) {
	h, p, err := s.segments.open(d, new)
	if err != nil {
		return nil, err
	}
	c := newContent(h.File, p.offset, p.size, d)
	c.close = func() error { return s.segments.release(h) }
	c.drop = func() error { return s.segments.drop(d, p.segment, h.File) }
	return c, nil
}

func (s *Store) openLarge(d sum) (*content, error) {
	f, err := files.Open(s.blob(d.digest()))
	if err != nil {
		return nil, fmt.Errorf("content %s: %w", d.digest(), err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("content %s: %w", d.digest(), err), f.Close())
	}
	return newContent(f, 0, info.Size(), d), nil
}

// A content is part of an opened file, and its digest is known. It shows no more
// of the file than the interface has: a Seek by somebody would make whole
// contents look damaged.
type content struct {
	file  *os.File
	part  *io.SectionReader
	want  sum
	hash  hash.Hash
	read  int64
	err   error // once found damaged or closed, it stays so
	close func() error
	drop  func() error // removes what is damaged
}

// newContent gives a content that has a file for itself: it closes the file, and
// removes it when it is damaged.
func newContent(f *os.File, offset, size int64, want sum) *content {
	return &content{
		file: f, part: io.NewSectionReader(f, offset, size), want: want, hash: sha256.New(),
		close: f.Close, drop: func() error { return discard(f, f.Name()) },
	}
}

// Close implements io.Closer. The file may be read by others still.
func (c *content) Close() error {
	if errors.Is(c.err, os.ErrClosed) {
		return c.err
	}
	c.err = fmt.Errorf("content %s: %w", c.want.digest(), os.ErrClosed)
	return c.close()
}

// Size implements pipeline.Content.
func (c *content) Size() int64 { return c.part.Size() }

// Read checks the digest with the last byte rather than at the end of the file,
// which who knows the size never sees.
func (c *content) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.read == c.Size() {
		return 0, io.EOF
	}
	n, err := c.part.Read(p)
	c.hash.Write(p[:n])
	c.read += int64(n)
	if errors.Is(err, io.EOF) || c.read == c.Size() {
		c.err = c.verify()
		return n, c.err
	}
	return n, err
}

// ReadAt implements io.ReaderAt.
func (c *content) ReadAt(p []byte, offset int64) (int, error) {
	if errors.Is(c.err, os.ErrClosed) {
		return 0, c.err
	}
	return c.part.ReadAt(p, offset)
}

func (c *content) verify() error {
	got := sum(c.hash.Sum(nil))
	if got == c.want {
		return nil
	}
	err := fmt.Errorf("content %s is damaged: in %s it has the digest %s; it was removed: run again, with --fresh if the next run misses it", c.want.digest(), c.file.Name(), got.digest())
	return errors.Join(err, c.drop())
}

// discard removes a damaged file at a path, unless another process has replaced
// it by a whole one already.
func discard(f *os.File, path string) error {
	if !isFile(f, path) {
		return nil
	}
	return os.Remove(path)
}

// isFile reports whether an opened file is the one at a path.
func isFile(f *os.File, path string) bool {
	ours, err := f.Stat()
	now, gone := os.Lstat(path)
	return err == nil && gone == nil && os.SameFile(ours, now)
}
