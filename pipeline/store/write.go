package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// temporary begins the names of files that are being written. Prune removes
// those that a killed process left.
const temporary = "new-"

// durability says whether a file is brought to the disk before it gets its name.
type durability bool

const (
	durable durability = true
	fast    durability = false
)

// write makes a file through a temporary one beside it, so that nobody sees it
// in part and nothing is left of it after an error. Another of the same name is
// replaced. The file is read-only for all, whatever the umask.
func write(path string, d durability, fill func(*os.File) error) error {
	f, err := create(filepath.Dir(path))
	if err != nil {
		return explain(path, err)
	}
	return complete(f, path, d, fill(f))
}

// complete closes a temporary file and gives it its name. If it cannot be, or
// filling it has failed already, it is removed.
func complete(f *os.File, path string, d durability, err error) error {
	if err == nil {
		err = f.Chmod(0o444)
	}
	if err == nil && d == durable {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return explain(path, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

func writeBytes(path string, d durability, data []byte) error {
	return write(path, d, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// create makes a temporary file, and its folder only if that is missing, which
// it is but 256 times in the life of a store.
func create(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, temporary)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	return os.CreateTemp(dir, temporary)
}

// isTemporary says whether a file in the store is one that is being written.
func isTemporary(name string) bool { return strings.HasPrefix(name, temporary) }

// explain says what to do about an error of writing.
func explain(path string, err error) error {
	if same, ok := err.(*fs.PathError); ok && same.Path == path { // it is named below
		err = same.Err
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("write %s: %w; free space there, or choose another folder for the store", path, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("write %s: %w; make the folder writable, or choose another for the store", path, err)
	}
	return fmt.Errorf("write %s: %w", path, err)
}
