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
)

// marker is the file by which a work folder is known; only a folder that has it
// is emptied.
const marker = ".nightly-install"

// leash is a file in the work folder that this program and all that it starts
// hold open, and nobody else does: so a later run finds what is left of one that
// was killed. Its content is the id of the process that started the others.
const leash = ".nightly-running"

// A folder is the work folder of a run, locked against others. The programs that
// are run hold the lock, too: what a killed run left behind cannot write into
// the folder of the next.
type folder struct {
	root  string
	lock  *os.File
	leash *os.File
}

// openFolder makes the work folder, or empties that of an earlier run.
func openFolder(ctx context.Context, o Options) (*folder, error) {
	root, err := filepath.Abs(o.Dir)
	if err != nil || o.Dir == "" {
		return nil, fmt.Errorf("work folder of the test installation %q: %w", o.Dir, errors.Join(err, fs.ErrInvalid))
	}
	if err := claim(root); err != nil {
		return nil, err
	}
	// As the kernel names it: so what holds its files is found.
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return nil, fmt.Errorf("work folder of the test installation: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(root, marker), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("work folder of the test installation: %w", err)
	}
	d := &folder{root: root, lock: lock}
	if err := d.prepare(ctx, o); err != nil {
		d.close()
		return nil, fmt.Errorf("work folder of the test installation %s: %w", root, err)
	}
	return d, nil
}

// claim makes sure that the folder is there and is ours.
func claim(root string) error {
	if err := os.MkdirAll(root, 0o777); err != nil {
		return fmt.Errorf("work folder of the test installation: %w", err)
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return fmt.Errorf("work folder of the test installation: %w", err)
	}
	for _, e := range entries {
		if e.Name() == marker {
			return nil
		}
	}
	if len(entries) > 0 {
		return fmt.Errorf("work folder of the test installation: %s holds files that no installation made (there is no %s); name another folder, or remove it", root, marker)
	}
	return nil
}

func (d *folder) prepare(ctx context.Context, o Options) error {
	if err := lock(ctx, d.lock, func() error { return d.busy(ctx, o) }); err != nil {
		return err
	}
	// Something may run without the lock: what start.sh started.
	if err := endAll(ctx, holders(d.path(leash)), o.Log); err != nil {
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
		if err := os.RemoveAll(filepath.Join(d.root, e.Name())); err != nil {
			return err
		}
	}
	for _, name := range []string{"home", "logs", "php", "tmp"} {
		if err := os.Mkdir(d.path(name), 0o777); err != nil {
			return err
		}
	}
	return d.takeLeash()
}

// busy is called while another process holds the lock. If that was started by a
// run that is no more, it is ended; else it is waited for.
func (d *folder) busy(ctx context.Context, o Options) error {
	found := holders(d.path(leash))
	if owner := d.owner(); owner != os.Getpid() && !slices.Contains(found, owner) {
		return endAll(ctx, found, o.Log)
	}
	if o.Log != nil {
		o.Log.Info("waiting for an earlier test installation to end", "folder", d.root)
	}
	return nil
}

// owner is the process whose run the folder is, or was; 0: nobody knows.
func (d *folder) owner() int {
	data, err := os.ReadFile(d.path(leash))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0
	}
	return pid
}

func (d *folder) takeLeash() (err error) {
	if d.leash, err = os.Create(d.path(leash)); err != nil {
		return err
	}
	_, err = fmt.Fprintln(d.leash, os.Getpid())
	return err
}

// inherited are the files that every started program gets.
func (d *folder) inherited() []*os.File { return []*os.File{d.lock, d.leash} }

func (d *folder) path(name string) string { return filepath.Join(d.root, name) }

// close gives the folder back; the lock goes with its file.
func (d *folder) close() {
	if d.leash != nil {
		_ = d.leash.Close() // its one line is of no more use
	}
	_ = d.lock.Close() // nothing was written
}
