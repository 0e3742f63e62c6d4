package build

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/klauspost/compress/flate"

	"github.com/mage-os/nightly/pipeline"
)

// copySize is the size of buffers between files, in bytes.
const copySize = 128 << 10

// A previousError says that a package's last dist could not be copied from.
type previousError struct{ err error }

func (e *previousError) Error() string { return e.err.Error() }
func (e *previousError) Unwrap() error { return e.err }

// finish writes a dist into the store once all of its chunks are packed, and its index
// into the cache.
func (p *packer) finish(ctx context.Context, df *deflater, d *dist) error {
	err := p.write(ctx, d)
	if previous := new(previousError); errors.As(err, &previous) && ctx.Err() == nil {
		if err = df.again(ctx, d); err == nil {
			err = p.write(ctx, d)
		}
	}
	if err != nil || p.cache == nil || d.previous == d.result.File.Digest {
		return err
	}
	index := encodeIndex(d.result.File.Digest, d.entries)
	if err := p.cache.Put(ctx, indexKey(d.Name), bytes.NewReader(index)); err != nil {
		return fmt.Errorf("keep the index of the dist: %w", err)
	}
	return nil
}

// again compresses all of a dist, because its package's last dist is damaged.
func (df *deflater) again(ctx context.Context, d *dist) error {
	d.previous = ""
	for i := range d.entries {
		d.entries[i].kept = false
	}
	d.cut()
	for _, c := range d.chunks {
		if err := df.chunk(ctx, d, c); err != nil {
			return err
		}
	}
	return nil
}

// write puts the dist into the store.
func (p *packer) write(ctx context.Context, d *dist) error {
	r, w := io.Pipe()
	sum := sha1.New() // all that Composer knows
	written := make(chan error, 1)
	go func() {
		buffered := bufio.NewWriterSize(io.MultiWriter(w, sum), copySize)
		err := p.entries(ctx, buffered, d)
		err = errors.Join(err, buffered.Flush())
		w.CloseWithError(err)
		written <- err
	}()
	digest, size, err := p.store.Add(ctx, r)
	r.CloseWithError(errStopped)
	if cause := <-written; cause != nil && !errors.Is(cause, errStopped) {
		return cause
	}
	if err != nil {
		return fmt.Errorf("add the dist to the store: %w", err)
	}
	d.result = packed{
		File: pipeline.File{Path: d.path(), Mode: pipeline.Regular, Size: size, Digest: digest},
		SHA1: hex.EncodeToString(sum.Sum(nil)),
	}
	return nil
}

var errStopped = errors.New("the store stopped reading")

// entries writes the zip.
func (p *packer) entries(ctx context.Context, w *bufio.Writer, d *dist) (err error) {
	z := &zipWriter{w: w}
	last := &lastDist{}
	if d.previous != "" {
		if last, err = openLast(ctx, p.store, d.previous); err != nil {
			return err
		}
		defer last.Close()
	}
	chunks := &chunkReader{}
	defer chunks.Close()
	for i := range d.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		e := &d.entries[i]
		if err := z.header(e); err != nil {
			return err
		}
		switch {
		case e.packed == 0:
		case e.kept:
			err = last.copy(w, e)
		case e.direct:
			err = copyContent(ctx, p.store, w, e)
		default:
			err = chunks.copy(w, e)
		}
		if err != nil {
			return err
		}
	}
	if err := z.finish(); err != nil {
		return err
	}
	return last.end()
}

// copyContent copies a file that does not shrink.
func copyContent(ctx context.Context, store pipeline.Reader, w io.Writer, e *entry) error {
	content, err := store.Open(ctx, e.digest)
	if err != nil {
		return fmt.Errorf("read %s: %w", e.path, err)
	}
	defer content.Close()
	n, err := io.Copy(w, cancelled(ctx, content))
	if err == nil && n != e.size {
		err = wrongSize(e)
	}
	return err
}

// A lastDist is read from its beginning to its end, though only parts of it are
// copied: so the store checks its digest.
type lastDist struct {
	io.Closer
	r       *bufio.Reader
	at      int64
	inflate io.ReadCloser // made for the first entry
}

func openLast(ctx context.Context, store pipeline.Reader, d pipeline.Digest) (*lastDist, error) {
	content, err := store.Open(ctx, d)
	if err != nil {
		return nil, &previousError{err}
	}
	return &lastDist{Closer: content, r: bufio.NewReaderSize(cancelled(ctx, content), copySize)}, nil
}

// copy copies the packed content of an entry, and reads it on the way: what the index
// says of it is no proof. What was written before an error is not used.
func (l *lastDist) copy(w io.Writer, e *entry) error {
	if _, err := io.CopyN(io.Discard, l.r, e.offset-l.at); err != nil {
		return &previousError{err}
	}
	l.at = e.offset + e.packed
	packed := bufio.NewReader(io.TeeReader(io.LimitReader(l.r, e.packed), w))
	var content io.Reader = packed
	if e.method == methodDeflate {
		if l.inflate == nil {
			l.inflate = flate.NewReader(packed)
		} else if err := l.inflate.(flate.Resetter).Reset(packed, nil); err != nil {
			return &previousError{err}
		}
		content = l.inflate
	}
	sum, crc := sha256.New(), crc32.NewIEEE()
	size, err := io.Copy(io.MultiWriter(sum, crc), io.LimitReader(content, e.size+1))
	rest, restErr := io.Copy(io.Discard, packed)
	if err = errors.Join(err, restErr); err == nil &&
		(size != e.size || rest > 0 || crc.Sum32() != e.crc || hex.EncodeToString(sum.Sum(nil)) != string(e.digest)) {
		err = fmt.Errorf("%s in the package's last dist is not what its index says", e.path)
	}
	if err != nil {
		return &previousError{err}
	}
	return nil
}

func (l *lastDist) end() error {
	if l.r == nil {
		return nil
	}
	if _, err := io.Copy(io.Discard, l.r); err != nil {
		return &previousError{err}
	}
	return nil
}

// A chunkReader reads packed contents out of chunks, in the order of the entries.
type chunkReader struct {
	chunk *chunk
	file  *os.File
}

func (r *chunkReader) copy(w io.Writer, e *entry) error {
	if e.chunk.file == "" {
		_, err := w.Write(e.chunk.data[e.offset : e.offset+e.packed])
		return err
	}
	if r.chunk != e.chunk {
		if err := r.Close(); err != nil {
			return err
		}
		f, err := os.Open(e.chunk.file)
		if err != nil {
			return err
		}
		r.chunk, r.file = e.chunk, f
	}
	_, err := io.CopyN(w, r.file, e.packed)
	return err
}

// Close also removes the file of the chunk, which is not read again.
func (r *chunkReader) Close() error {
	if r.file == nil {
		return nil
	}
	err := errors.Join(r.file.Close(), os.Remove(r.file.Name()))
	r.file = nil
	return err
}
