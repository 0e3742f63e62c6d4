package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
)

// A Listing is a tree whose files were listed. The zero Listing has none.
type Listing struct {
	reader Reader
	files  []File // in byte order of their paths
}

// List lists a tree.
func List(ctx context.Context, r Reader, tree Tree) (Listing, error) {
	files, err := r.Files(ctx, tree)
	return Listing{r, files}, err
}

// Find gives the entry of a path.
func (l Listing) Find(file string) (File, bool) {
	i := l.from(file)
	if i == len(l.files) || l.files[i].Path != file {
		return File{}, false
	}
	return l.files[i], true
}

// from is the place of the first path that is not before another.
func (l Listing) from(file string) int {
	i, _ := slices.BinarySearchFunc(l.files, file, func(f File, path string) int { return strings.Compare(f.Path, path) })
	return i
}

// Read reads a file of at most limit bytes. It reports fs.ErrNotExist, and follows no
// symbolic link.
func (l Listing) Read(ctx context.Context, file string, limit int64) ([]byte, error) {
	f, ok := l.Find(file)
	switch {
	case !ok:
		return nil, fs.ErrNotExist
	case f.Mode == Symlink:
		return nil, errors.New("it is a symbolic link, and those are not followed")
	}
	content, err := l.reader.Open(ctx, f.Digest)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	if content.Size() > limit {
		return nil, fmt.Errorf("it has %d bytes, more than %d", content.Size(), limit)
	}
	return io.ReadAll(content)
}

// Below gives the files below a directory in byte order of their paths, each with its path
// from there. All files lie below ".".
func (l Listing) Below(dir string) iter.Seq2[string, File] {
	prefix := path.Clean(dir) + "/"
	if prefix == "./" {
		prefix = ""
	}
	return func(yield func(string, File) bool) {
		for _, f := range l.files[l.from(prefix):] {
			rest, ok := strings.CutPrefix(f.Path, prefix)
			if !ok || !yield(rest, f) {
				return
			}
		}
	}
}

// Within reports whether a path is one of these files or directories, or lies below one.
func Within(paths []string, file string) bool {
	return slices.ContainsFunc(paths, func(p string) bool {
		rest, ok := strings.CutPrefix(file, strings.TrimSuffix(p, "/"))
		return ok && (rest == "" || rest[0] == '/')
	})
}
