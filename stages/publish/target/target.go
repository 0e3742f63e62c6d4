// Package target is where a published repository can lie: a folder, a folder
// behind sftp, a bucket. All of them do the same few things, so that publishing is
// written once.
package target

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/remote"
)

// A Target holds the files of a repository. Names are slash-separated and relative
// to it. Several goroutines may use it at once.
type Target interface {
	Source
	// List gives what lies in a directory, in no order; nothing where there is no such
	// directory.
	List(ctx context.Context, dir string) ([]Entry, error)
	// Same reports whether a file that List gave has this content. Where the target
	// tells no checksum, the file is read.
	Same(context.Context, Entry, Content) (bool, error)
	// Write puts a file there, over one that is there, whole or not at all. It
	// has read it back when it returns.
	Write(ctx context.Context, name string, content Content) error
	// Remove takes files away, in any order, and then the directories that this
	// left empty. What is not there is no error.
	Remove(ctx context.Context, names []string) error
	// Flush returns when what was written and removed would survive a crash of
	// the target's machine, as far as it can be told to see to that.
	Flush(context.Context) error
	// Lock takes the only right to write. The context that it gives ends when
	// the right is lost; release gives it back.
	Lock(ctx context.Context, h Holder) (held context.Context, release func() error, err error)
	io.Closer
}

// A Source gives read access to the files of a published repository.
type Source interface {
	// String is where it is, for people: without a password.
	String() string
	// Open reports fs.ErrNotExist; the caller closes the file.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
}

// An Entry is a file or directory of a target.
type Entry struct {
	Name string // from the target's root
	Dir  bool
	// What Same wants to know, of targets that tell it with the list:
	size int64 // in bytes; noSize: it is not told
	md5  []byte
}

// noSize is the size of an entry whose list does not tell it.
const noSize = -1

// A Holder is who holds a lock.
type Holder struct {
	Name  string    // a process and its host
	Since time.Time // when its run began
}

// Options are how targets are reached.
type Options struct {
	// SSH is how sftp:// targets are logged in to.
	SSH remote.SSH
	// Policy is how often a server of s3:// that fails is asked again.
	Policy remote.Policy
	// Lease is for how long a lock counts that its holder does not renew, where
	// nothing else tells that the holder is dead; 0: DefaultLease.
	Lease time.Duration
	// Wait passes time; nil waits in real time.
	Wait func(context.Context, time.Duration) error
	// Region and Endpoint are those of s3:// URLs that give none. An endpoint is a
	// server's URL; empty is Amazon's.
	Region, Endpoint string
	// Log gets a message if a target lacks a feature; nil for none.
	Log *slog.Logger
}

// DefaultLease is the Lease of the zero Options.
const DefaultLease = 30 * time.Second

// An AddressError says that what names a target is not right, before anything was
// asked of it.
type AddressError struct{ Err error }

// Error implements error.
func (e *AddressError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *AddressError) Unwrap() error { return e.Err }

// instead is what to do for stores that this program does not reach by their own
// protocol.
var instead = map[string]string{
	"gs":     "Google Cloud Storage is reached as S3, with an HMAC key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: s3://bucket/folder?endpoint=https://storage.googleapis.com",
	"azblob": "Azure Blob Storage is reached through rclone serve s3: s3://container/folder?endpoint=http://127.0.0.1:8080&region=us-east-1",
}

// Open opens the target that a URL names: a path or file:// for a folder, sftp://
// or ssh://, or s3://. A folder need not be there.
func Open(ctx context.Context, to string, o Options) (Target, error) {
	if o.Lease <= 0 {
		o.Lease = DefaultLease
	}
	if o.Wait == nil {
		o.Wait = remote.Wait
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Policy = o.Policy.Or(remote.Policy{Log: o.Log})
	open, err := parse(to, o)
	if err != nil {
		return nil, &AddressError{err}
	}
	return open(ctx)
}

// Check reports an *AddressError where Open would, and asks no server.
func Check(to string, o Options) error {
	if _, err := parse(to, o); err != nil {
		return &AddressError{err}
	}
	return nil
}

// parse tells how to open what an address names.
func parse(to string, o Options) (open func(context.Context) (Target, error), err error) {
	if to == "" {
		return nil, errors.New("no target to publish to; give a folder, as ./repository, or a URL")
	}
	if dir, ok := Folder(to); ok {
		if err := canBeFolder(dir); err != nil {
			return nil, err
		}
		return func(context.Context) (Target, error) { return newFolder(dir), nil }, nil
	}
	u, err := url.Parse(to)
	if err != nil {
		return nil, fmt.Errorf("target to publish to: %w", remote.WithoutURL(err))
	}
	switch u.Scheme {
	case "sftp", "ssh":
		return func(ctx context.Context) (Target, error) { return openSFTP(ctx, u, o) }, checkSFTP(u)
	case "s3":
		s, err := parseS3(u, o)
		return func(ctx context.Context) (Target, error) { return openBucket(ctx, s, o) }, err
	}
	hint := cmp.Or(instead[u.Scheme], "give a folder, as ./repository or file:///srv/repository, or sftp://host/folder, s3://bucket/folder")
	u.RawQuery = "" // may hold a secret
	return nil, fmt.Errorf("cannot publish to %s; %s", u.Redacted(), hint)
}

// canBeFolder refuses a place at or below a file.
func canBeFolder(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, syscall.ENOTDIR), err == nil && !info.IsDir():
		return fmt.Errorf("%s is a file, or lies below one; give a folder, which need not be there yet", dir)
	}
	return nil
}

// Writable reports an *AddressError where a target is a folder that cannot be made or
// written. It leaves nothing there.
func Writable(to string) error {
	dir, ok := Folder(to)
	if !ok {
		return nil // its server tells when it is asked
	}
	at := dir
	for _, err := os.Stat(at); errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at); _, err = os.Stat(at) {
		at = filepath.Dir(at)
	}
	probe, err := os.MkdirTemp(at, tempDir)
	if err == nil {
		err = os.Remove(probe)
	}
	if err != nil {
		return &AddressError{fmt.Errorf("cannot write to %s: %w; choose a folder that can be written", dir, err)}
	}
	return nil
}

// Folder is the folder of this machine that a URL names, if it names one.
func Folder(to string) (dir string, ok bool) {
	if to == "" {
		return "", false
	}
	if !strings.Contains(to, "://") {
		return filepath.Clean(to), true
	}
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "file" || u.Host != "" && u.Host != "localhost" || u.Path == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", false
	}
	return filepath.FromSlash(u.Path), true
}

// Join is the address of a folder of a target.
func Join(to, dir string) (string, error) {
	if folder, ok := Folder(to); ok {
		return filepath.Join(folder, filepath.FromSlash(dir)), nil
	}
	u, err := url.Parse(to)
	if err != nil {
		return "", remote.WithoutURL(err)
	}
	return u.JoinPath(dir).String(), nil
}

// maxRead bounds what Read reads, in bytes. The largest is the metadata of a mirror of
// all releases in one file, of some 60 MB.
const maxRead = 512 << 20

// Read reads a small file whole.
func Read(ctx context.Context, s Source, name string) ([]byte, error) {
	return ReadUpTo(ctx, s, name, maxRead)
}

// ReadUpTo is Read of a file that may have so many bytes.
func ReadUpTo(ctx context.Context, s Source, name string, limit int64) ([]byte, error) {
	file, err := s.Open(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", name, s, err)
	}
	var data []byte
	size := files.SizeOf(file)
	if size <= limit {
		b := bytes.NewBuffer(make([]byte, 0, max(size, 0)+bytes.MinRead))
		_, err = b.ReadFrom(io.LimitReader(contextReader{ctx, file}, limit+1))
		data, size = b.Bytes(), int64(b.Len())
	}
	if size > limit {
		err = fmt.Errorf("it is longer than the %d bytes that it may have", limit)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", name, s, err)
	}
	return data, nil
}

// ReadIfThere is Read that gives nil for a file that is not there; an empty one is not nil.
func ReadIfThere(ctx context.Context, s Source, name string) ([]byte, error) {
	data, err := Read(ctx, s, name)
	if missing(err) {
		return nil, nil
	}
	return data, err // Read gives none with an error
}

// With opens a target for as long as it is worked with.
func With(ctx context.Context, to string, o Options, work func(Target) error) error {
	t, err := Open(ctx, to, o)
	if err != nil {
		return err
	}
	return errors.Join(work(t), t.Close())
}

// Locked works with the only right to write. That the right was lost is why the work failed.
func Locked(ctx context.Context, t Target, h Holder, work func(held context.Context) error) error {
	held, release, err := t.Lock(ctx, h)
	if err != nil {
		return err
	}
	err = work(held)
	cause := context.Cause(held)
	errRelease := release()
	var lost *LostError
	if err != nil && errors.As(cause, &lost) {
		return lost
	}
	return errors.Join(err, errRelease)
}

// Walk lists all files below a directory, and the directories, each before what is
// in it, else in no order.
func Walk(ctx context.Context, t Target, dir string) ([]Entry, error) {
	var all []Entry
	err := walk(ctx, t, dir, 0, &all)
	return all, err
}

// Files lists the names of all files below a directory, in order.
func Files(ctx context.Context, t Target, dir string) ([]string, error) {
	entries, err := Walk(ctx, t, dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.Dir {
			names = append(names, e.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// The bounds of a target, whose server may be somebody else's by now. A mirror of all
// releases has 200,000 files.
const (
	maxDepth   = 16
	maxEntries = 5_000_000
)

func walk(ctx context.Context, t Target, dir string, depth int, all *[]Entry) error {
	entries, err := t.List(ctx, dir)
	if err != nil {
		return err
	}
	if depth > maxDepth || len(entries)+len(*all) > maxEntries {
		return fmt.Errorf("list %s of %s: deeper than %d folders, or more than %d files; that is no repository of this program", dir, t, maxDepth, maxEntries)
	}
	*all = slices.Grow(*all, len(entries))
	for _, e := range entries {
		*all = append(*all, e)
		if e.Dir {
			if err := walk(ctx, t, e.Name, depth+1, all); err != nil {
				return err
			}
		}
	}
	return nil
}

// Used reports whether the root's entries tell that some run has locked the target
// before, so that what lies there may be of one that was killed.
func Used(root []Entry) bool {
	return slices.ContainsFunc(root, func(e Entry) bool { return e.Name == lockFile || e.Name == lockDir })
}

// IsLock reports whether a name at the root is one of a lock, or of what Write has not put in
// its place yet.
func IsLock(name string) bool { return name == lockFile || name == lockDir || name == tempDir }

// Names at the root for what Write has not put in its place yet, and for locks. A
// web server need not show them.
const (
	tempDir  = ".publish"
	lockFile = ".publish.lock"  // of a folder
	lockDir  = ".publish.locks" // of all others
)

// missing reports whether an error says that a file is not there.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
