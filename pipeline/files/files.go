// Package files reads and writes files of this machine that a person or another program
// may have named.
package files

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// The bounds of files, in bytes.
const (
	Small = 1 << 20  // a key, a list, an answer of a workflow
	Large = 32 << 20 // a plan, a manifest, a report
)

// Open opens a plain file to read, and nothing else: a pipe may have to be waited for for
// ever, and a device has no end.
func Open(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no plain file (%s)", name, info.Mode())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Read reads a plain file of at most limit bytes.
func Read(name string, limit int64) (data []byte, err error) {
	f, err := Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return ReadAll(f, name, limit)
}

// ReadAll is io.ReadAll of what has at most limit bytes; the error for a longer one calls
// it by its name. What can tell its size is asked first.
func ReadAll(r io.Reader, name string, limit int64) (data []byte, err error) {
	size := SizeOf(r)
	if size <= limit {
		data, err = io.ReadAll(io.LimitReader(r, limit+1))
		size = int64(len(data))
	}
	switch {
	case err != nil || size <= limit:
		return data, err
	case limit%(1<<20) == 0:
		return nil, fmt.Errorf("%s has more than %d MiB", name, limit>>20)
	}
	return nil, fmt.Errorf("%s has more than %d bytes", name, limit)
}

// SizeOf is the size in bytes that a file of this machine or an answer tells of itself
// without being asked over a network; -1: none.
func SizeOf(r io.Reader) int64 {
	switch r := r.(type) {
	case interface{ Size() int64 }:
		return r.Size()
	case *os.File:
		if info, err := r.Stat(); err == nil {
			return info.Size()
		}
	}
	return -1
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

// RemoveAll removes a folder of many small files, as os.RemoveAll does: several of its folders
// at a time, since one alone leaves a disk idle. Nobody else may write to it.
func RemoveAll(dir string) error {
	var group errgroup.Group
	group.SetLimit(16)
	removeBelow(&group, dir, 4)
	_ = group.Wait() // what is left, and why, the last one tells
	return os.RemoveAll(dir)
}

// removeBelow hands the folders so many levels below dir to a group.
func removeBelow(group *errgroup.Group, dir string, levels int) {
	entries, _ := os.ReadDir(dir) // as above
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case !e.IsDir():
		case levels == 1:
			group.Go(func() error { return os.RemoveAll(path) })
		default:
			removeBelow(group, path, levels-1)
		}
	}
}
