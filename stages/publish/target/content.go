package target

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
)

// A Content is the content of a file to write.
type Content struct {
	Size   int64  // in bytes
	SHA256 string // in hexadecimal
	Type   string // for HTTP
	Cache  string // HTTP's Cache-Control
	Open   func(context.Context) (io.ReadCloser, error)
}

// Bytes is a content in memory.
func Bytes(data []byte) Content {
	sum := sha256.Sum256(data)
	return Content{Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:]), Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

// copyTo copies a content. What was written is read back by who calls it, so that
// it is not checked here.
func copyTo(ctx context.Context, to io.Writer, c Content) error {
	from, err := c.Open(ctx)
	if err != nil {
		return err
	}
	buffer := copyBuffers.Get().(*[copySize]byte)
	defer copyBuffers.Put(buffer)
	// Only as a Writer: a file would take a small buffer of its own instead.
	_, err = io.CopyBuffer(struct{ io.Writer }{to}, contextReader{ctx, from}, buffer[:])
	return errors.Join(err, from.Close())
}

// copySize is how much is copied at a time, in bytes.
const copySize = 128 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copySize]byte) }}

// read reads a content whole, and checks it.
func (c Content) read(ctx context.Context) ([]byte, error) {
	from, err := c.Open(ctx)
	if err != nil {
		return nil, err
	}
	b := bytes.NewBuffer(make([]byte, 0, c.Size+bytes.MinRead))
	_, err = b.ReadFrom(contextReader{ctx, from})
	if err := errors.Join(err, from.Close()); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b.Bytes())
	return b.Bytes(), c.damaged(hex.EncodeToString(sum[:]))
}

// damaged is the error for a content that is not what it should be.
func (c Content) damaged(got string) error {
	if got == c.SHA256 {
		return nil
	}
	return fmt.Errorf("its content has SHA-256 %s, not %s; the store is damaged, build the night again with --fresh", got, c.SHA256)
}

// checkBack reads what was written and compares it.
func checkBack(ctx context.Context, from io.Reader, c Content) error {
	got, err := sumOf(sha256.New(), from)
	if err != nil {
		return fmt.Errorf("read it back: %w", err)
	}
	if got == c.SHA256 {
		return nil
	}
	sent, err := hashOf(ctx, sha256.New(), c)
	if err == nil {
		err = c.damaged(sent)
	}
	if err != nil {
		return err // what was sent was not right
	}
	return fmt.Errorf("what can be read back has SHA-256 %s, not %s; see to the target's disk or network", got, c.SHA256)
}

func sumOf(h hash.Hash, from io.Reader) (string, error) {
	buffer := copyBuffers.Get().(*[copySize]byte)
	defer copyBuffers.Put(buffer)
	_, err := io.CopyBuffer(h, from, buffer[:])
	return hex.EncodeToString(h.Sum(nil)), err
}

// hashOf reads a content.
func hashOf(ctx context.Context, h hash.Hash, c Content) (string, error) {
	from, err := c.Open(ctx)
	if err != nil {
		return "", err
	}
	sum, err := sumOf(h, contextReader{ctx, from})
	return sum, errors.Join(err, from.Close())
}

// A contextReader ends with its context, so that a big file does not hold up a run
// that was stopped.
type contextReader struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}
