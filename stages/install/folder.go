package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mage-os/nightly/pipeline/files"
)

// marker is the file by which a work folder is known; only a folder that has it
// is emptied.
const marker = ".nightly-install"

// pidfile is a file in the work folder with the id of this process. All programs that
// the installation starts inherit it open, and nobody else opens it, so that a later run
// finds the processes of one that was killed.
const pidfile = ".nightly-running"

// A folder is the work folder of a run. It is locked, and all programs that the
// installation starts inherit the lock: while a process of a killed run can still write
// into the folder, the next run does not begin.
type folder struct {
	root    string
	lock    *os.File
	pidfile *os.File
}

// openFolder makes the work folder, or empties that of an earlier run.
func openFolder(ctx context.Context, o Options) (*folder, error) {
	d := &folder{}
	err := d.open(o.Dir)
	if err == nil {
		err = d.prepare(ctx, o)
	}
	if err != nil {
		d.close()
		return nil, fmt.Errorf("work folder of the test installation %s: %w", o.Dir, err)
	}
	return d, nil
}

// open makes sure that the folder is there and is ours.
func (d *folder) open(dir string) (err error) {
	if dir == "" {
		return fs.ErrInvalid
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == marker }) {
		return fmt.Errorf("it holds files that no installation made (there is no %s); name another folder, or remove it", marker)
	}
	// As the kernel names it: so what holds its files is found.
	if d.root, err = filepath.Abs(dir); err == nil {
		d.root, err = filepath.EvalSymlinks(d.root)
	}
	if err == nil {
		d.lock, err = os.OpenFile(d.path(marker), os.O_RDWR|os.O_CREATE, 0o644)
	}
	return err
}

func (d *folder) prepare(ctx context.Context, o Options) error {
	if err := lock(ctx, d.lock, func() error { return d.busy(ctx, o) }); err != nil {
		return err
	}
	// What start.sh and reproduce.sh start holds the pidfile, but not the lock.
	if err := endAll(ctx, holders(d.path(pidfile)), o.Log); err != nil {
		return err
	}
	entries, err := os.ReadDir(d.root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == marker {
			continue
		}
		if err := d.remove(e.Name()); err != nil {
			return err
		}
	}
	for _, name := range []string{"home", "logs", "php", "tmp"} {
		if err := os.Mkdir(d.path(name), 0o777); err != nil {
			return err
		}
	}
	return d.writePidfile()
}

// remove removes what an earlier run left, also folders whose rights package code took.
func (d *folder) remove(name string) error {
	err := files.RemoveAll(d.path(name))
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	root, err := os.OpenRoot(d.root)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // read only
	if err := giveRights(root, name); err != nil {
		return err
	}
	return root.RemoveAll(name)
}

// giveRights lets us read and change all folders below one; links are not followed.
func giveRights(root *os.Root, name string) error {
	if info, err := root.Lstat(name); err != nil || !info.IsDir() {
		return err
	}
	if err := root.Chmod(name, 0o700); err != nil {
		return err
	}
	sub, err := root.OpenRoot(name)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Close() }() // read only
	entries, err := fs.ReadDir(sub.FS(), ".")
	for _, e := range entries {
		if err == nil && e.IsDir() {
			err = giveRights(sub, e.Name())
		}
	}
	return err
}

// busy is called while another process holds the lock. It ends the processes of a run
// that was killed; a run that is alive is waited for.
func (d *folder) busy(ctx context.Context, o Options) error {
	found := holders(d.path(pidfile))
	if owner := d.owner(); owner != os.Getpid() && !slices.Contains(found, owner) {
		return endAll(ctx, found, o.Log)
	}
	o.Log.Info("waiting for an earlier test installation to end", "folder", d.root)
	return nil
}

// owner is the process id in the pidfile; 0 if there is none.
func (d *folder) owner() int {
	data, _ := os.ReadFile(d.path(pidfile))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return pid
}

func (d *folder) writePidfile() (err error) {
	if d.pidfile, err = os.Create(d.path(pidfile)); err != nil {
		return err
	}
	_, err = fmt.Fprintln(d.pidfile, os.Getpid())
	return err
}

// inherited are the files that every started program gets.
func (d *folder) inherited() []*os.File { return []*os.File{d.lock, d.pidfile} }

func (d *folder) path(name string) string { return filepath.Join(d.root, name) }

// close gives the folder back; the lock goes with its file.
func (d *folder) close() {
	_ = d.pidfile.Close() // its one line is of no more use; a nil file says so
	_ = d.lock.Close()    // nothing was written
}
