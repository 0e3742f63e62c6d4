package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
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

const (
	// A larger file, in bytes, is compressed as a stream, below it is read as a whole.
	streamSize = 4 << 20
	// So much of a larger file tells whether it is worth to compress it.
	sampleSize = 1 << 20
)

// A deflater compresses files. It belongs to one goroutine.
type deflater struct {
	store pipeline.Reader
	w     *flate.Writer
	raw   bytes.Buffer // one file
	out   bytes.Buffer // compressed
}

func newDeflater(store pipeline.Reader) *deflater {
	w, err := flate.NewWriter(nil, level)
	if err != nil {
		panic(err) // the level is a constant that the library has
	}
	return &deflater{store: store, w: w}
}

// A writeFunc writes the packed content of an entry.
type writeFunc func(io.Writer) error

// content packs an entry and sets what its header says. What it gives is good until the next
// one is packed; a directory has none.
func (df *deflater) content(ctx context.Context, pk packing, e *entry) (writeFunc, error) {
	if e.directory() {
		return nil, nil //nolint:nilnil // documented
	}
	if e.size > streamSize && e.mode != zipSymlink {
		write, err := df.stream(ctx, e)
		if err != nil {
			return nil, fmt.Errorf("compress %s: %w", e.path, err)
		}
		return write, nil
	}
	if err := df.read(ctx, pk, e); err != nil {
		return nil, fmt.Errorf("read %s: %w", e.path, err)
	}
	packed, err := df.entry(e)
	return func(w io.Writer) error {
		_, err := w.Write(packed)
		return err
	}, err
}

// read reads a file as a whole; the store checks its digest on the way.
func (df *deflater) read(ctx context.Context, pk packing, e *entry) error {
	df.raw.Reset()
	if e.path == manifestFile {
		df.raw.Write(pk.Manifest)
		return nil
	}
	content, err := df.store.Open(ctx, e.digest)
	if err != nil {
		return err
	}
	defer content.Close()
	// One more byte than expected, so that the end is seen.
	n, err := df.raw.ReadFrom(io.LimitReader(content, e.size+1))
	if err == nil && n != e.size {
		err = wrongSize(e)
	}
	return err
}

func wrongSize(e *entry) error {
	return fmt.Errorf("content %s has not the %d bytes that the tree says; run again with --fresh", e.digest, e.size)
}

// entry packs the file that was read.
func (df *deflater) entry(e *entry) ([]byte, error) {
	raw := df.raw.Bytes()
	e.crc = crc32.ChecksumIEEE(raw)
	e.method, e.packed = methodStore, e.size
	if e.mode == zipSymlink { // as git and Info-ZIP have it
		return raw, checkTarget(e.path, string(raw))
	}
	df.out.Reset()
	df.w.Reset(&df.out)
	_, err := df.w.Write(raw)
	if err := errors.Join(err, df.w.Close()); err != nil {
		return nil, fmt.Errorf("compress %s: %w", e.path, err)
	}
	if n := int64(df.out.Len()); n < e.size {
		e.method, e.packed = methodDeflate, n
		return df.out.Bytes(), nil
	}
	return raw, nil
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

// stream packs one large file in little memory: once to know its size, and again when it is
// written.
func (df *deflater) stream(ctx context.Context, e *entry) (writeFunc, error) {
	e.method, e.packed = methodStore, e.size
	shrinks, err := df.sample(ctx, e)
	if err != nil {
		return nil, err
	}
	if !shrinks {
		err = df.copy(ctx, io.Discard, e)
	} else {
		var size counter
		if err = df.compress(ctx, &size, e); int64(size) < e.size {
			e.method, e.packed = methodDeflate, int64(size)
		}
	}
	return func(w io.Writer) error {
		if e.method == methodDeflate {
			return df.compress(ctx, w, e)
		}
		return df.copy(ctx, w, e)
	}, err
}

// A counter counts the bytes that are written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
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

// compress streams a file's compressed content.
func (df *deflater) compress(ctx context.Context, w io.Writer, e *entry) error {
	df.w.Reset(w)
	if err := df.copy(ctx, df.w, e); err != nil {
		return err
	}
	return df.w.Close()
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
