package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// marker is the file by which a work folder is known; only a folder that has it
// is emptied.
const marker = ".nightly-install"

// A folder is the work folder of a run, locked against others. The programs that
// are run hold the lock, too: what a killed run left behind cannot write into
// the folder of the next.
type folder struct {
	root string
	lock *os.File
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
	if err := lock(ctx, d.lock, func() {
		if o.Log != nil {
			o.Log.Info("waiting for an earlier test installation to end", "folder", d.root)
		}
	}); err != nil {
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
	for _, name := range []string{"home", "logs", "tmp"} {
		if err := os.Mkdir(d.path(name), 0o777); err != nil {
			return err
		}
	}
	return nil
}

func (d *folder) path(name string) string { return filepath.Join(d.root, name) }

func (d *folder) close() { _ = d.lock.Close() } // nothing was written; the lock goes with it
