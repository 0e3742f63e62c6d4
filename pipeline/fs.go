package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// FS gives a tree as a read-only file system, also for http.FileServerFS: its
// files can seek. A FileInfo's Sys is the File; times are zero. Symbolic links
// are listed and can be read with fs.ReadLink; to open one is an error
// (fs.ErrPermission), because its target may lie anywhere. The context is that
// of all later reads.
func FS(ctx context.Context, r Reader, tree Tree) (fs.FS, error) {
	files, err := r.Files(ctx, tree)
	if err != nil {
		return nil, err
	}
	t := &treeFS{
		open:    func(d Digest) (Content, error) { return r.Open(ctx, d) },
		entries: make(map[string]*entry, len(files)),
	}
	root := &entry{name: "."}
	t.entries["."] = root
	for _, f := range files {
		e := &entry{name: path.Base(f.Path), file: &f}
		t.entries[f.Path] = e
		t.link(f.Path, e)
	}
	for _, e := range t.entries {
		slices.SortFunc(e.children, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	}
	return t, nil
}

// link adds an entry to its folder, and makes the folders that are missing.
func (t *treeFS) link(name string, e *entry) {
	for {
		parent := path.Dir(name)
		folder, known := t.entries[parent]
		if !known {
			folder = &entry{name: path.Base(parent)}
			t.entries[parent] = folder
		}
		folder.children = append(folder.children, e)
		if known {
			return
		}
		name, e = parent, folder
	}
}

type treeFS struct {
	open    func(Digest) (Content, error)
	entries map[string]*entry
}

func (t *treeFS) find(op, name string) (*entry, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	e, ok := t.entries[name]
	if !ok {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return e, nil
}

func (t *treeFS) Open(name string) (fs.File, error) {
	e, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	if e.IsDir() {
		return &openDir{entry: e, rest: e.children}, nil
	}
	if e.file.Mode == Symlink {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("%w: a symbolic link is not followed", fs.ErrPermission)}
	}
	content, err := t.content(e.file)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &openFile{entry: e, content: content}, nil
}

// content opens a file's content and compares its size with the tree's.
func (t *treeFS) content(f *File) (Content, error) {
	c, err := t.open(f.Digest)
	if err != nil {
		return nil, err
	}
	if c.Size() != f.Size {
		return nil, errors.Join(fmt.Errorf("content %s is damaged: it has %d bytes, not %d; run again with --fresh", f.Digest, c.Size(), f.Size), c.Close())
	}
	return c, nil
}

// Lstat implements fs.ReadLinkFS.
func (t *treeFS) Lstat(name string) (fs.FileInfo, error) {
	e, err := t.find("lstat", name)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Stat implements fs.StatFS. Of a symbolic link it tells about the link.
func (t *treeFS) Stat(name string) (fs.FileInfo, error) { return t.Lstat(name) }

// ReadLink implements fs.ReadLinkFS.
func (t *treeFS) ReadLink(name string) (string, error) {
	e, err := t.find("readlink", name)
	if err != nil {
		return "", err
	}
	if e.IsDir() || e.file.Mode != Symlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	content, err := t.content(e.file)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	target, err := io.ReadAll(content)
	return string(target), errors.Join(err, content.Close())
}

// An entry is a file or, without one, a folder.
type entry struct {
	name     string
	file     *File
	children []fs.DirEntry
}

func (e *entry) Name() string               { return e.name }
func (e *entry) IsDir() bool                { return e.file == nil }
func (e *entry) Type() fs.FileMode          { return e.Mode().Type() }
func (e *entry) Info() (fs.FileInfo, error) { return e, nil }
func (e *entry) ModTime() time.Time         { return time.Time{} }
func (e *entry) String() string             { return fs.FormatDirEntry(e) }

func (e *entry) Size() int64 {
	if e.file == nil {
		return 0
	}
	return e.file.Size
}

func (e *entry) Mode() fs.FileMode {
	switch {
	case e.file == nil:
		return fs.ModeDir | 0o555
	case e.file.Mode == Symlink:
		return fs.ModeSymlink | 0o777
	case e.file.Mode == Executable:
		return 0o555
	}
	return 0o444
}

func (e *entry) Sys() any {
	if e.file == nil {
		return nil
	}
	return *e.file
}
