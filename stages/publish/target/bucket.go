package target

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"strings"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/s3blob"    // s3://
	"gocloud.dev/gcerrors"
)

// A bucket is an object store. Its identity comes from where the store's own tools
// take it: the environment, the files in the home, the machine's role.
type bucket struct {
	name    string
	blob    *blob.Bucket
	options Options
}

// sumKey is the metadata of an object that tells the SHA-256 of its content.
const sumKey = "sha256"

// openBucket opens s3://bucket/folder?region=…; what stands behind the question
// mark is gocloud.dev's: https://gocloud.dev/howto/blob/.
func openBucket(ctx context.Context, u *url.URL, o Options) (Target, error) {
	fail := func(err error) (Target, error) {
		return nil, fmt.Errorf("publish to %s: %w", u.Redacted(), err)
	}
	if u.Host == "" || u.User != nil || u.Fragment != "" {
		return fail(errors.New("give a bucket and a folder, as s3://bucket/nightly; keys come from the environment"))
	}
	bare := *u
	bare.Path = ""
	opened, err := blob.OpenBucket(ctx, bare.String())
	if err != nil {
		return fail(err)
	}
	if prefix := strings.Trim(u.Path, "/"); prefix != "" {
		opened = blob.PrefixedBucket(opened, prefix+"/")
	}
	shown := *u
	shown.RawQuery = "" // an endpoint, or a secret
	return &bucket{name: shown.String(), blob: opened, options: o}, nil
}

// String implements Source.
func (b *bucket) String() string { return b.name }

// Close implements Target.
func (b *bucket) Close() error { return b.blob.Close() }

// translate gives an object store's error the standard library's kind.
func translate(err error) error {
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return errors.Join(fs.ErrNotExist, err)
	case gcerrors.FailedPrecondition, gcerrors.AlreadyExists:
		return errors.Join(fs.ErrExist, err)
	}
	return err
}

// Open implements Source.
func (b *bucket) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	r, err := b.blob.NewReader(ctx, name, nil)
	if err != nil {
		return nil, translate(err)
	}
	return r, nil
}

// List implements Target.
func (b *bucket) List(ctx context.Context, dir string) ([]Entry, error) {
	prefix := ""
	if dir = path.Clean(dir); dir != "." {
		prefix = dir + "/"
	}
	entries := []Entry{}
	list := b.blob.List(&blob.ListOptions{Prefix: prefix, Delimiter: "/"})
	for {
		object, err := list.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if missing(translate(err)) {
				return nil, fmt.Errorf("list %s of %s: %w; make the bucket first", dir, b, err)
			}
			return nil, fmt.Errorf("list %s of %s: %w", dir, b, err)
		}
		name := strings.TrimSuffix(object.Key, "/")
		if name == dir {
			continue
		}
		entries = append(entries, Entry{Name: name, Dir: object.IsDir, size: object.Size, md5: object.MD5})
	}
	return entries, nil
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
		if sum, err := md5Of(ctx, c); err != nil || sum == hex.EncodeToString(e.md5) {
			return err == nil, err
		}
	}
	attributes, err := b.blob.Attributes(ctx, e.Name)
	if err != nil {
		return false, translate(err)
	}
	return attributes.Metadata[sumKey] == c.SHA256, nil
}

// Write implements Target. An object appears when it was sent whole.
func (b *bucket) Write(ctx context.Context, name string, c Content) error {
	if err := b.put(ctx, name, c, false); err != nil {
		return fmt.Errorf("write %s of %s: %w", name, b, err)
	}
	return nil
}

func (b *bucket) put(ctx context.Context, name string, c Content, onlyNew bool) error {
	// To end the context is how a write is given up.
	writing, abort := context.WithCancel(ctx)
	defer abort()
	from, err := c.checked(ctx, abort)
	if err != nil {
		return err
	}
	// Not NewWriter: gocloud.dev's writers for Azure and S3 (v0.47.0) panic in Close
	// when the service refuses what was written to them.
	err = translate(b.blob.Upload(writing, name, from, &blob.WriterOptions{
		ContentType: cmp.Or(c.Type, "application/octet-stream"), CacheControl: c.Cache,
		Metadata: map[string]string{sumKey: c.SHA256}, IfNotExist: onlyNew, DisableContentTypeDetection: true,
	}))
	if from.err != nil {
		err = from.err // why it was given up
	}
	if err = errors.Join(err, from.Close()); err != nil {
		return err
	}
	back, err := b.blob.NewReader(ctx, name, nil)
	if err != nil {
		return fmt.Errorf("read it back: %w", err)
	}
	return errors.Join(checkBack(ctx, back, c), back.Close())
}

// create implements lockTarget.
func (b *bucket) create(ctx context.Context, name string, data []byte) error {
	err := b.put(ctx, name, Bytes(data), true)
	if gcerrors.Code(err) == gcerrors.Unimplemented {
		return b.put(ctx, name, Bytes(data), false) // the lock sees that it is no condition
	}
	return err
}

// Remove implements Target; a store has no empty directories.
func (b *bucket) Remove(ctx context.Context, names []string) error {
	for _, name := range names {
		if err := translate(b.blob.Delete(ctx, name)); err != nil && !missing(err) {
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
