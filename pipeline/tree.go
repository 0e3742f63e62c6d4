package pipeline

import (
	"context"
	"io"
)

// A Digest is a SHA-256 in lower-case hexadecimal, 64 characters.
type Digest string

// A Mode is one of git's modes for a file.
type Mode uint32

// The modes that a tree can hold. The content of a symbolic link is its target.
const (
	Regular    Mode = 0o100644
	Executable Mode = 0o100755
	Symlink    Mode = 0o120000
)

// A Tree names a set of files by their content: its digest is a SHA-256 over
// the paths, modes and contents, the same on every machine. The files
// themselves lie in a Store.
type Tree struct {
	Digest Digest `json:"digest"`
	Files  int    `json:"files"`
	Size   int64  `json:"size"` // of all contents, in bytes
}

// A File is one entry of a tree.
type File struct {
	Path   string `json:"path"` // slash-separated, relative, clean
	Mode   Mode   `json:"mode"`
	Size   int64  `json:"size"` // in bytes
	Digest Digest `json:"digest"`
}

// Content is an opened file; the caller closes it.
type Content interface {
	io.ReadCloser
	io.ReaderAt
	// Size is in bytes.
	Size() int64
}

// A Reader gives the files of trees.
type Reader interface {
	// Files lists a tree's files in byte order of their paths. It reports
	// fs.ErrNotExist for a tree that the store does not have.
	Files(context.Context, Tree) ([]File, error)
	// Open opens one content. It reports fs.ErrNotExist.
	Open(context.Context, Digest) (Content, error)
}

// A Writer adds trees. Adding what is there already costs little and is safe
// from several goroutines and processes at once.
type Writer interface {
	// Add stores one content and returns its digest and size in bytes.
	Add(context.Context, io.Reader) (Digest, int64, error)
	// Save makes a tree of files whose contents were added. Files may come in
	// any order; a path that leaves the tree, or comes twice, is an error.
	Save(context.Context, []File) (Tree, error)
}

// A Store holds trees.
type Store interface {
	Reader
	Writer
}

// A Cache keeps what is dear to compute and can be lost without harm. A key is
// a short name of letters, digits, '-', '.' and '/'.
type Cache interface {
	// Get reports fs.ErrNotExist for what is not there.
	Get(ctx context.Context, key string) (Content, error)
	Put(ctx context.Context, key string, content io.Reader) error
}
