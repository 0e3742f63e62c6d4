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

	"github.com/mage-os/nightly/pipeline"
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

// Put implements pipeline.Cache.
func (c cache) Put(ctx context.Context, key string, content io.Reader) error {
	path, err := c.path(key)
	if err != nil {
		return err
	}
	return write(path, fast, func(f *os.File) error {
		digest, n, err := copyContent(ctx, f, content)
		if err != nil {
			return err
		}
		end, err := hex.DecodeString(string(digest))
		if err != nil {
			return err
		}
		_, err = f.Write(binary.BigEndian.AppendUint64(end, uint64(n)))
		return err
	})
}

// Get implements pipeline.Cache. An entry of up to a mebibyte was read and
// checked whole; a larger one is checked by whoever reads it to its end.
func (c cache) Get(ctx context.Context, key string) (pipeline.Content, error) {
	path, err := c.path(key)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
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
