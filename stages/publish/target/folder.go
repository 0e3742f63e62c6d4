package target

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"

	"github.com/gofrs/flock"
)

// A folder of this machine. Files become 0644 and directories 0755 whatever the
// umask, because a web server is often another user.
type folder struct {
	dir  string
	sync func(*os.File) error // to the disk, as far as it can be told

	mu    sync.Mutex
	dirty map[string]bool // directories whose entries are not synced yet
}

func newFolder(dir string) *folder {
	return &folder{dir: dir, sync: (*os.File).Sync, dirty: map[string]bool{}}
}

// String implements Source.
func (f *folder) String() string { return f.dir }

// Close implements Target.
func (f *folder) Close() error { return nil }

func (f *folder) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

// Open implements Source.
func (f *folder) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	return os.Open(f.path(name))
}

// List implements Target.
func (f *folder) List(ctx context.Context, dir string) ([]Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	opened, err := os.Open(f.path(dir))
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
		entries[i] = Entry{Name: below + e.Name(), Dir: e.IsDir()}
	}
	return entries, nil
}

// Same implements Target: it reads the file.
func (f *folder) Same(ctx context.Context, e Entry, c Content) (bool, error) {
	if e.Dir {
		return false, nil
	}
	file, err := os.Open(f.path(e.Name))
	if err != nil {
		return false, err
	}
	if info, err := file.Stat(); err != nil || info.Size() != c.Size {
		return false, errors.Join(err, file.Close())
	}
	sum, err := sumOf(sha256.New(), contextReader{ctx, file})
	return sum == c.SHA256, errors.Join(err, file.Close())
}

// Write implements Target, by a temporary file and a rename.
func (f *folder) Write(ctx context.Context, name string, c Content) error {
	if err := f.mkdir(path.Dir(name)); err != nil {
		return err
	}
	temp, err := f.writeTemp(ctx, c)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(temp, f.path(name)); err != nil {
		return err
	}
	f.touch(filepath.Dir(f.path(name)))
	return nil
}

// writeTemp writes, syncs and reads back a file below the folder of temporaries.
func (f *folder) writeTemp(ctx context.Context, c Content) (name string, err error) {
	file, err := os.CreateTemp(f.path(tempDir), "file-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := copyTo(ctx, file, c); err != nil {
		return "", err
	}
	if err := errors.Join(file.Chmod(0o644), f.sync(file)); err != nil {
		return "", err
	}
	return file.Name(), checkBack(ctx, io.NewSectionReader(file, 0, 1<<62), c)
}

// Remove implements Target.
func (f *folder) Remove(ctx context.Context, names []string) error {
	parents := map[string]bool{}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := os.Remove(f.path(name)); err != nil && !missing(err) {
			return err
		}
		parents[path.Dir(name)] = true
		f.touch(filepath.Dir(f.path(name)))
	}
	f.removeEmpty(parents)
	return nil
}

// removeEmpty removes directories that are empty, and those above them.
func (f *folder) removeEmpty(dirs map[string]bool) {
	for len(dirs) > 0 {
		above := map[string]bool{}
		for dir := range dirs {
			if dir == "." || dir == "/" {
				continue
			}
			// It is not removed when it is not empty, which is as it shall be.
			if err := os.Remove(f.path(dir)); err == nil || missing(err) {
				above[path.Dir(dir)] = true
				f.touch(filepath.Dir(f.path(dir)))
			}
		}
		dirs = above
	}
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

// touch notes that a directory got or lost an entry.
func (f *folder) touch(dir string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dirty[dir] = true
}

// mkdir makes a directory and those above it, each 0755.
func (f *folder) mkdir(name string) error {
	dir := f.path(name)
	if info, err := os.Stat(dir); err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s is no directory; move it away", dir)
		}
		return nil
	}
	if name = path.Clean(name); name == "." {
		if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
			return err
		}
	} else if err := f.mkdir(path.Dir(name)); err != nil {
		return err
	}
	// Two files of one directory are written at the same time.
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	f.touch(filepath.Dir(dir))
	return os.Chmod(dir, 0o755)
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
	lock := flock.New(name, flock.SetPermissions(0o644))
	held, err := lock.TryLock()
	if err != nil {
		return fail(err)
	}
	if !held {
		other, _ := os.ReadFile(name) // only to tell who
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
	return f.mkdir(tempDir)
}
