package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/gofrs/flock"

	"github.com/mage-os/nightly/pipeline/files"
)

// A folder of this machine.
type folder struct{ disk }

func newFolder(dir string) *folder {
	return &folder{disk{
		name: dir, dir: dir, files: local{}, join: filepath.Join, parent: filepath.Dir, sync: file.Sync,
		made: map[string]bool{}, dirty: map[string]bool{},
	}}
}

// The local file system.
type local struct{}

func (local) read(name string) (file, error)            { return files.Open(name) }
func (local) open(name string, flags int) (file, error) { return os.OpenFile(name, flags, 0o644) }
func (local) Stat(name string) (fs.FileInfo, error)     { return os.Stat(name) }
func (local) Mkdir(name string) error                   { return os.Mkdir(name, 0o755) }
func (local) Chmod(name string, mode fs.FileMode) error { return os.Chmod(name, mode) }
func (local) PosixRename(from, to string) error         { return os.Rename(from, to) }
func (local) Remove(name string) error                  { return os.Remove(name) }
func (local) RemoveDirectory(name string) error         { return os.Remove(name) }

// Close implements Target.
func (f *folder) Close() error { return nil }

// List implements Target.
func (f *folder) List(ctx context.Context, dir string) ([]Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	opened, err := os.OpenFile(f.path(dir), os.O_RDONLY|syscall.O_NONBLOCK, 0) // no pipe is waited for
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found, err := opened.ReadDir(-1) // os.ReadDir would also sort
	if err := errors.Join(err, opened.Close()); err != nil {
		return nil, err
	}
	below := ""
	if dir = path.Clean(dir); dir != "." {
		below = dir + "/"
	}
	entries := make([]Entry, len(found))
	for i, e := range found {
		entries[i] = Entry{Name: below + e.Name(), Dir: e.IsDir(), size: noSize}
	}
	return entries, nil
}

// Flush implements Target.
func (f *folder) Flush(context.Context) error {
	f.mu.Lock()
	dirs := f.dirty
	f.dirty = map[string]bool{}
	f.mu.Unlock()
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		if err := f.syncDir(dir); err != nil {
			return fmt.Errorf("sync %s: %w", dir, err)
		}
	}
	return nil
}

func (f *folder) syncDir(dir string) error {
	d, err := os.Open(dir)
	if missing(err) {
		return nil // it was removed since
	}
	if err != nil {
		return err
	}
	return errors.Join(f.sync(d), d.Close())
}

// Lock implements Target. The operating system gives the lock of a process that
// has died to the next. The lock file stays: who removes it could let two runs
// lock two files of the same name.
func (f *folder) Lock(ctx context.Context, h Holder) (context.Context, func() error, error) {
	fail := func(err error) (context.Context, func() error, error) {
		return nil, nil, fmt.Errorf("publish to %s: %w", f.dir, err)
	}
	if err := f.mkdir("."); err != nil {
		return fail(err)
	}
	name := f.path(lockFile)
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return fail(fmt.Errorf("%s is no plain file (%s); remove it", name, info.Mode()))
	}
	lock := flock.New(name, flock.SetPermissions(0o644))
	held, err := lock.TryLock()
	if err != nil {
		return fail(err)
	}
	if !held {
		other, _ := files.Read(name, files.Small) // only to tell who
		var record lockRecord
		_ = json.Unmarshal(other, &record)
		return nil, nil, record.refuse(f, h)
	}
	data, err := json.Marshal(lockRecord{Owner: h.Name, Since: h.Since})
	if err == nil {
		err = errors.Join(os.WriteFile(name, append(data, '\n'), 0o644), os.Chmod(name, 0o644), f.clean())
	}
	if err != nil {
		return fail(errors.Join(err, lock.Unlock()))
	}
	return ctx, func() error {
		return errors.Join(os.RemoveAll(f.path(tempDir)), os.Truncate(name, 0), lock.Unlock())
	}, nil
}

// clean starts with an empty folder of temporaries.
func (f *folder) clean() error {
	if err := os.RemoveAll(f.path(tempDir)); err != nil {
		return fmt.Errorf("remove what an earlier run left: %w", err)
	}
	delete(f.made, f.path(tempDir))
	return f.mkdir(tempDir)
}
