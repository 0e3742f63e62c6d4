package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
)

// footer is what stands after the content of a cache entry, in bytes: its
// SHA-256 and its size, big-endian. A cache entry's name says nothing of its
// content, so that damage could not be noticed without.
const footer = sha256.Size + 8

var (
	validName = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$`)
	validKey  = regexp.MustCompile(`^[A-Za-z0-9./-]{1,1000}$`)
)

// Cache gives the cache of that name, of letters, digits, '-' and '.'. A
// damaged entry is as good as none.
func (s *Store) Cache(name string) pipeline.Cache { return cache{s, name} }

type cache struct {
	s    *Store
	name string
}

// path hashes the key: any two keys are then different files on every file
// system, and none is the folder of another.
func (c cache) path(key string) (string, error) {
	if !validName.MatchString(c.name) || !validKey.MatchString(key) {
		return "", fmt.Errorf("entry %q of cache %q: names are of letters, digits, '-' and '.', and keys of '/' too", key, c.name)
	}
	d := pipeline.DigestOf([]byte(key))
	return filepath.Join(c.s.dir, cacheDir, c.name, string(d[:2]), string(d[2:])), nil
}

// Put implements pipeline.Cache. A small entry is written when there are many,
// or the store is closed: one that is replaced soon is never written.
func (c cache) Put(ctx context.Context, key string, content io.Reader) error {
	path, err := c.path(key)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	var begin bytes.Buffer
	n, err := begin.ReadFrom(io.LimitReader(content, small+1))
	if err != nil {
		return fmt.Errorf("read the content: %w", err)
	}
	if n <= small {
		digest := sha256.Sum256(begin.Bytes())
		return c.s.entries.put(path, appendFooter(begin.Bytes(), digest[:], n))
	}
	c.s.entries.forget(path)
	return write(path, fast, func(f *os.File) error {
		digest, n, err := copyContent(ctx, f, io.MultiReader(&begin, content))
		if err != nil {
			return err
		}
		raw, err := hex.DecodeString(string(digest))
		if err != nil {
			return err
		}
		_, err = f.Write(appendFooter(nil, raw, n))
		return err
	})
}

func appendFooter(data, digest []byte, size int64) []byte {
	return binary.BigEndian.AppendUint64(append(data, digest...), uint64(size))
}

// Get implements pipeline.Cache. An entry of up to a mebibyte was read and
// checked whole; a larger one is checked by whoever reads it to its end.
func (c cache) Get(ctx context.Context, key string) (pipeline.Content, error) {
	path, err := c.path(key)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	if data, ok := c.s.entries.get(path); ok {
		return memory{bytes.NewReader(data[:len(data)-footer])}, nil
	}
	f, err := files.Open(path)
	if err != nil {
		return nil, fmt.Errorf("entry %q of cache %s: %w", key, c.name, err)
	}
	found, err := openEntry(f)
	if err != nil {
		return nil, fmt.Errorf("entry %q of cache %s: %w", key, c.name, errors.Join(err, f.Close()))
	}
	touch(path)
	return found, nil
}

// maxWaiting bounds the entries that wait to be written, in bytes.
const maxWaiting = 16 << 20

// entries are cache entries that wait to be written.
type entries struct {
	mu      sync.Mutex
	waiting map[string][]byte // by path
	size    int
}

func (e *entries) get(path string) ([]byte, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	data, ok := e.waiting[path]
	return data, ok
}

func (e *entries) put(path string, data []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.waiting == nil {
		e.waiting = map[string][]byte{}
	}
	e.size += len(data) - len(e.waiting[path])
	e.waiting[path] = data
	if e.size > maxWaiting {
		return e.write()
	}
	return nil
}

// forget is called for an entry that is written by other means.
func (e *entries) forget(path string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.size -= len(e.waiting[path])
	delete(e.waiting, path)
}

// flush writes what waits.
func (e *entries) flush() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.write()
}

// write writes what waits. What cannot be written is lost, which a cache may be.
// The lock is held.
func (e *entries) write() error {
	var errs []error
	for path, data := range e.waiting {
		errs = append(errs, writeBytes(path, fast, data))
	}
	e.waiting, e.size = nil, 0
	return errors.Join(errs...)
}

// openEntry takes over the file if it gives no error.
func openEntry(f *os.File) (pipeline.Content, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := info.Size() - footer
	var end [footer]byte
	if size >= 0 {
		if _, err := f.ReadAt(end[:], size); err != nil {
			return nil, err
		}
	}
	if size < 0 || binary.BigEndian.Uint64(end[sha256.Size:]) != uint64(size) {
		return nil, errors.Join(fmt.Errorf("%w: it was damaged", fs.ErrNotExist), discard(f, f.Name()))
	}
	want := sum(end[:sha256.Size])
	if size > small {
		return newContent(f, 0, size, want), nil
	}
	data := make([]byte, size)
	if _, err := f.ReadAt(data, 0); err != nil {
		return nil, err
	}
	if sha256.Sum256(data) != want {
		return nil, errors.Join(fmt.Errorf("%w: it was damaged", fs.ErrNotExist), discard(f, f.Name()))
	}
	return memory{bytes.NewReader(data)}, f.Close()
}

// memory is a content that was read already.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }
