package target

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"sync/atomic"
)

// A disk is what a folder of this machine and one of another have in common. Files become
// 0644 and directories 0755 whatever the umask, because a web server is often another user.
type disk struct {
	name   string // for people
	dir    string
	files  fileSystem
	join   func(...string) string // makes a path of the file system,
	parent func(string) string    // and gives its directory
	sync   func(file) error       // to the disk, as far as it can be told

	temps  atomic.Int64
	prefix string // of this run's temporaries
	mu     sync.Mutex
	made   map[string]bool // directories known to be there
	dirty  map[string]bool // directories that got or lost an entry since Flush
}

// A fileSystem is the machine's own, or a client of sftp.
type fileSystem interface {
	read(name string) (file, error) // plain files alone
	open(name string, flags int) (file, error)
	Stat(name string) (fs.FileInfo, error)
	Mkdir(name string) error
	Chmod(name string, mode fs.FileMode) error
	PosixRename(from, to string) error // over what is there
	Remove(name string) error
	RemoveDirectory(name string) error // if it is empty
}

// A file is an open one.
type file interface {
	io.ReadWriteCloser
	io.ReaderAt
	Name() string
	Stat() (fs.FileInfo, error)
	Chmod(fs.FileMode) error
	Sync() error
}

// String implements Source.
func (d *disk) String() string { return d.name }

func (d *disk) path(name string) string { return d.join(d.dir, name) }

// Open implements Source.
func (d *disk) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	return d.files.read(d.path(name))
}

// Same implements Target: it reads the file. A packages.json of the same size is not the
// same, and nothing tells more of a file.
func (d *disk) Same(ctx context.Context, e Entry, c Content) (bool, error) {
	if e.Dir || e.size != noSize && e.size != c.Size {
		return false, nil
	}
	file, err := d.files.read(d.path(e.Name))
	if err != nil {
		return false, err
	}
	if e.size == noSize {
		if info, err := file.Stat(); err != nil || info.Size() != c.Size {
			return false, errors.Join(err, file.Close())
		}
	}
	sum, err := sumOf(sha256.New(), contextReader{ctx, file})
	return sum == c.SHA256, errors.Join(err, file.Close())
}

// Write implements Target, by a temporary file and a rename.
func (d *disk) Write(ctx context.Context, name string, c Content) error {
	err := context.Cause(ctx)
	if err == nil {
		err = errors.Join(d.mkdir(tempDir), d.mkdir(path.Dir(name)))
	}
	temp := d.path(fmt.Sprintf("%s/%s-%d", tempDir, d.prefix, d.temps.Add(1)))
	if err == nil {
		err = d.writeTemp(ctx, temp, c)
	}
	if err == nil {
		err = d.files.PosixRename(temp, d.path(name))
	}
	if err != nil {
		_ = d.files.Remove(temp) // where a disk is full, it takes the room that putting things back needs
		return fmt.Errorf("write %s of %s: %w", name, d, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dirty[d.parent(d.path(name))] = true
	return nil
}

// writeTemp writes, syncs and reads back a file. What is not whole is only ever such a one.
func (d *disk) writeTemp(ctx context.Context, temp string, c Content) (err error) {
	file, err := d.files.open(temp, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := copyTo(ctx, file, c); err != nil {
		return err
	}
	if err := errors.Join(file.Chmod(0o644), d.sync(file)); err != nil {
		return err
	}
	return checkBack(ctx, contextReader{ctx, io.NewSectionReader(file, 0, 1<<62)}, c)
}

// Remove implements Target.
func (d *disk) Remove(ctx context.Context, names []string) error {
	dirs := map[string]bool{}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := d.files.Remove(d.path(name)); err != nil && !missing(err) {
			return fmt.Errorf("remove %s of %s: %w", name, d, err)
		}
		dirs[path.Dir(name)] = true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(dirs) > 0 {
		above := map[string]bool{}
		for dir := range dirs {
			d.dirty[d.path(dir)] = true
			if dir == "." || dir == "/" {
				continue
			}
			// It is not removed when it is not empty, which is as it shall be.
			if err := d.files.RemoveDirectory(d.path(dir)); err == nil || missing(err) {
				delete(d.made, d.path(dir))
				above[path.Dir(dir)] = true
			}
		}
		dirs = above
	}
	return nil
}

// mkdir makes a directory and those above it.
func (d *disk) mkdir(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mkdirAll(d.path(name))
}

func (d *disk) mkdirAll(dir string) error {
	if d.made[dir] || dir == d.parent(dir) {
		return nil
	}
	if info, err := d.files.Stat(dir); err != nil {
		if err := d.mkdirAll(d.parent(dir)); err != nil {
			return err
		}
		if err := d.files.Mkdir(dir); err != nil {
			return fmt.Errorf("make the directory %s: %w", dir, err)
		}
		if err := d.files.Chmod(dir, 0o755); err != nil {
			return err
		}
		d.dirty[d.parent(dir)] = true
	} else if !info.IsDir() {
		return fmt.Errorf("%s is no directory; move it away", dir)
	}
	d.made[dir] = true
	return nil
}
