// Package files reads and writes files of this machine that a person or another program
// may have named.
package files

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// The bounds of files, in bytes.
const (
	Small = 1 << 20  // a key, a list, an answer of a workflow
	Large = 32 << 20 // a plan, a manifest, a report
)

// Read reads a file of at most limit bytes; it may be anything, also /dev/zero.
func Read(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return data, nil
}

// Replace writes a file whole or not at all, and makes its folder.
func Replace(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}
