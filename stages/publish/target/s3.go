package target

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // what object stores tell of an object; SHA-256 decides
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/mage-os/nightly/pipeline/remote"
)

// A bucket is a folder of a bucket of Amazon S3, or of any other server that speaks
// its protocol.
type bucket struct {
	name    string // for people
	bucket  string
	prefix  string // of all names: empty, or with a slash at its end
	client  *minio.Core
	close   func() // connections
	options Options
}

// sumKey is the metadata of an object that tells the SHA-256 of its content.
const sumKey = "Sha256"

// String implements Source.
func (b *bucket) String() string { return b.name }

// Close implements Target.
func (b *bucket) Close() error {
	b.close()
	return nil
}

// ask asks the server, again where it fails for a moment, and gives a refusal its code
// and the standard library's kind.
func (b *bucket) ask(ctx context.Context, try func(context.Context) error) error {
	var refused minio.ErrorResponse
	err := b.options.Policy.Do(ctx, b.name, func(ctx context.Context) error {
		err := try(ctx)
		if errors.As(err, &refused) && refused.Code == "RequestTimeout" { // a 400
			return remote.Again(err, 0)
		}
		return err
	})
	if !errors.As(err, &refused) {
		return err
	}
	err = fmt.Errorf("%s: %w", refused.Code, err)
	switch refused.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	case http.StatusPreconditionFailed, http.StatusConflict:
		return fmt.Errorf("%w: %w", fs.ErrExist, err)
	}
	return err
}

// Open implements Source.
func (b *bucket) Open(ctx context.Context, name string) (file io.ReadCloser, err error) {
	err = b.ask(ctx, func(context.Context) error { // its context would end before the file is read
		file, _, _, err = b.client.GetObject(ctx, b.bucket, b.prefix+name, minio.GetObjectOptions{})
		return err
	})
	return file, err
}

// List implements Target.
func (b *bucket) List(ctx context.Context, dir string) (entries []Entry, err error) {
	prefix := b.prefix
	if dir = path.Clean(dir); dir != "." {
		prefix += dir + "/"
	}
	err = b.ask(ctx, func(ctx context.Context) error {
		entries, err = b.list(ctx, prefix)
		return err
	})
	switch {
	case missing(err):
		return nil, fmt.Errorf("list %s of %s: %w; make the bucket first", dir, b, err)
	case err != nil:
		return nil, fmt.Errorf("list %s of %s: %w", dir, b, err)
	}
	return entries, nil
}

func (b *bucket) list(ctx context.Context, prefix string) ([]Entry, error) {
	entries := []Entry{}
	for object := range b.client.ListObjectsIter(ctx, b.bucket, minio.ListObjectsOptions{Prefix: prefix}) {
		switch {
		case object.Err != nil:
			return nil, object.Err
		case len(entries) > maxEntries:
			return entries, nil // Walk says what is wrong
		case object.Key == prefix: // some tools make an object of a folder
			continue
		}
		name, isDir := strings.CutSuffix(strings.TrimPrefix(object.Key, b.prefix), "/")
		entries = append(entries, Entry{Name: name, Dir: isDir, size: object.Size, md5: md5OfETag(object.ETag)})
	}
	return entries, context.Cause(ctx) // which ends the client's list without an error
}

// md5OfETag is nil where a server's mark of a content cannot be its MD5.
func md5OfETag(tag string) []byte {
	if sum, err := hex.DecodeString(tag); err == nil && len(sum) == 16 {
		return sum
	}
	return nil
}

// Same implements Target, by what the store tells of an object: its MD5, or the
// SHA-256 that was written with it.
func (b *bucket) Same(ctx context.Context, e Entry, c Content) (bool, error) {
	if e.Dir || e.size != c.Size {
		return false, nil
	}
	if e.md5 != nil {
		// What a store tells of an object that it encrypts looks like an MD5, and is
		// none: only that they are the same says something.
		if sum, err := hashOf(ctx, md5.New(), c); err != nil || sum == hex.EncodeToString(e.md5) {
			return err == nil, err
		}
	}
	same := false
	err := b.ask(ctx, func(ctx context.Context) error {
		info, err := b.client.StatObject(ctx, b.bucket, b.prefix+e.Name, minio.StatObjectOptions{})
		same = err == nil && info.UserMetadata[sumKey] == c.SHA256
		return err
	})
	return same, err
}

// Write implements Target. An object appears when it was sent whole.
func (b *bucket) Write(ctx context.Context, name string, c Content) error {
	if err := b.put(ctx, name, c, false); err != nil {
		return fmt.Errorf("write %s of %s: %w", name, b, err)
	}
	return nil
}

// put sends a content in one request, from memory: it may have to be sent again. Its
// SHA-256 is signed, so that the server refuses what changed on the way.
func (b *bucket) put(ctx context.Context, name string, c Content, onlyNew bool) error {
	options := minio.PutObjectOptions{
		ContentType: cmp.Or(c.Type, "application/octet-stream"), CacheControl: c.Cache,
		UserMetadata:         map[string]string{sumKey: c.SHA256},
		DisableContentSha256: true, // of its pieces: many servers know only that of the whole
	}
	if onlyNew {
		options.SetMatchETagExcept("*")
	}
	data, err := c.read(ctx)
	if err != nil {
		return err
	}
	if err := b.ask(ctx, func(ctx context.Context) error {
		_, err := b.client.PutObject(ctx, b.bucket, b.prefix+name, bytes.NewReader(data), int64(len(data)), "", c.SHA256, options)
		return err
	}); err != nil {
		return err
	}
	back, err := b.Open(ctx, name)
	if err != nil {
		return fmt.Errorf("read it back: %w", err)
	}
	return errors.Join(checkBack(ctx, back, c), back.Close())
}

// create implements lockTarget.
func (b *bucket) create(ctx context.Context, name string, data []byte) error {
	err := b.put(ctx, name, Bytes(data), true)
	var refused minio.ErrorResponse
	if errors.As(err, &refused) && refused.StatusCode == http.StatusNotImplemented {
		return b.put(ctx, name, Bytes(data), false) // the lock sees that it is no condition
	}
	return err
}

// Remove implements Target; a store has no empty directories.
func (b *bucket) Remove(ctx context.Context, names []string) error {
	for _, name := range names {
		err := b.ask(ctx, func(ctx context.Context) error {
			return b.client.RemoveObject(ctx, b.bucket, b.prefix+name, minio.RemoveObjectOptions{})
		})
		if err != nil && !missing(err) {
			return fmt.Errorf("remove %s of %s: %w", name, b, err)
		}
	}
	return nil
}

// Flush implements Target: a store acknowledges what it has kept.
func (b *bucket) Flush(context.Context) error { return nil }

// Lock implements Target.
func (b *bucket) Lock(ctx context.Context, h Holder) (context.Context, func() error, error) {
	l := &lease{target: b, holder: h, o: b.options}
	return l.take(ctx)
}
