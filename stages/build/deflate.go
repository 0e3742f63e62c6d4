package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/flate"

	"github.com/mage-os/nightly/pipeline"
)

// level is the lowest whose dists are within a percent of the size of the next's;
// BenchmarkPackLevels tells both.
const level = 5

// maxTarget bounds a symbolic link's target, in bytes: Linux's PATH_MAX.
const maxTarget = 4096

// A deflater compresses files. It belongs to one goroutine.
type deflater struct {
	store pipeline.Reader
	w     *flate.Writer
	raw   []byte       // one file
	out   bytes.Buffer // one chunk
}

func newDeflater(store pipeline.Reader) *deflater {
	w, err := flate.NewWriter(nil, level)
	if err != nil {
		panic(err) // the level is a constant that the library has
	}
	return &deflater{store: store, w: w}
}

// chunk compresses a chunk's entries. It goes on after a file that cannot be
// read, to find all of them.
func (df *deflater) chunk(ctx context.Context, d *dist, c *chunk) error {
	if c.size > streamSize {
		return df.stream(ctx, d, c)
	}
	df.out.Reset()
	var errs []error
	for _, i := range c.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		e := &d.entries[i]
		if err := df.read(ctx, d, e); err != nil {
			errs = append(errs, fmt.Errorf("read %s: %w", e.path, err))
			continue
		}
		if err := df.entry(e); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	return c.keep(df.out.Bytes())
}

// read reads a file as a whole; the store checks its digest on the way.
func (df *deflater) read(ctx context.Context, d *dist, e *entry) error {
	if e.path == manifestFile {
		df.raw = append(df.raw[:0], d.Manifest...)
		return nil
	}
	content, err := df.store.Open(ctx, e.digest)
	if err != nil {
		return err
	}
	defer content.Close()
	if int64(cap(df.raw)) <= e.size {
		df.raw = make([]byte, max(chunkSize, e.size+1))
	}
	df.raw = df.raw[:e.size+1] // one more byte than expected, so that the end is seen
	n, err := io.ReadFull(content, df.raw)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = nil
	}
	if err == nil && int64(n) != e.size {
		err = wrongSize(e)
	}
	df.raw = df.raw[:n]
	return err
}

func wrongSize(e *entry) error {
	return fmt.Errorf("content %s has not the %d bytes that the tree says; run again with --fresh", e.digest, e.size)
}

// entry packs the file that was read.
func (df *deflater) entry(e *entry) error {
	e.crc = crc32.ChecksumIEEE(df.raw)
	e.offset = int64(df.out.Len())
	e.method, e.packed = methodStore, e.size
	if e.mode == zipSymlink {
		df.out.Write(df.raw) // as git and Info-ZIP have it
		return checkTarget(e.path, string(df.raw))
	}
	df.w.Reset(&df.out)
	if _, err := df.w.Write(df.raw); err != nil {
		return fmt.Errorf("compress %s: %w", e.path, err)
	}
	if err := df.w.Close(); err != nil {
		return fmt.Errorf("compress %s: %w", e.path, err)
	}
	if n := int64(df.out.Len()) - e.offset; n < e.size {
		e.method, e.packed = methodDeflate, n
		return nil
	}
	df.out.Truncate(int(e.offset))
	df.out.Write(df.raw)
	return nil
}

// checkTarget refuses a symbolic link that would point outside of the installed
// package.
func checkTarget(name, target string) error {
	if len(target) == 0 || len(target) > maxTarget || path.IsAbs(target) || strings.Contains(target, "\x00") {
		return fmt.Errorf("symbolic link %s to %.100q: a package can only hold relative links; correct or exclude it", name, target)
	}
	if to := path.Join(path.Dir(name), target); to == ".." || strings.HasPrefix(to, "../") {
		return fmt.Errorf("symbolic link %s to %.100q leaves the package; correct or exclude it", name, target)
	}
	return nil
}

// keep takes a chunk's packed contents.
func (c *chunk) keep(data []byte) error {
	if c.file == "" {
		c.data = bytes.Clone(data)
		return nil
	}
	if err := os.WriteFile(c.file, data, 0o600); err != nil {
		return fmt.Errorf("keep compressed files: %w; free space there, or set TMPDIR", err)
	}
	return nil
}

// stream packs one large file into the chunk's file, in little memory. One that
// does not shrink is not written there: it is copied from the store later.
func (df *deflater) stream(ctx context.Context, d *dist, c *chunk) error {
	e := &d.entries[c.entries[0]]
	e.method = methodStore
	shrinks, err := df.sample(ctx, e)
	if err == nil && shrinks {
		err = df.compress(ctx, e, c.file)
	}
	if err == nil && e.method == methodStore {
		e.packed, e.direct = e.size, true
		err = df.copy(ctx, io.Discard, e)
	}
	if err != nil {
		return fmt.Errorf("compress %s: %w", e.path, err)
	}
	return nil
}

// sample says whether the beginning of a large file shrinks. Compressing the
// whole of a picture or an archive only to throw it away would take longer than
// all of a package's source.
func (df *deflater) sample(ctx context.Context, e *entry) (bool, error) {
	content, err := df.store.Open(ctx, e.digest)
	if err != nil {
		return false, err
	}
	defer content.Close()
	df.out.Reset()
	df.w.Reset(&df.out)
	n, err := io.CopyN(df.w, content, sampleSize)
	if errors.Is(err, io.EOF) {
		err = wrongSize(e)
	}
	return int64(df.out.Len()) < n-n/64, errors.Join(err, df.w.Close())
}

// compress streams a file's compressed content into another file.
func (df *deflater) compress(ctx context.Context, e *entry, file string) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("%w; free space there, or set TMPDIR", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	df.w.Reset(f)
	if err := df.copy(ctx, df.w, e); err != nil {
		return err
	}
	if err := df.w.Close(); err != nil {
		return fmt.Errorf("%w; free space there, or set TMPDIR", err)
	}
	n, err := f.Seek(0, io.SeekCurrent)
	if n < e.size {
		e.method, e.packed = methodDeflate, n
	}
	return err
}

// copy streams a file's content, which the store checks, and sets the entry's checksum.
func (df *deflater) copy(ctx context.Context, w io.Writer, e *entry) error {
	content, err := df.store.Open(ctx, e.digest)
	if err != nil {
		return err
	}
	defer content.Close()
	sum := crc32.NewIEEE()
	n, err := io.Copy(io.MultiWriter(w, sum), cancelled(ctx, content))
	if err == nil && n != e.size {
		err = wrongSize(e)
	}
	e.crc = sum.Sum32()
	return err
}

// cancelled is r until the context ends.
func cancelled(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
