package checkout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/mage-os/nightly/pipeline"
)

// What one repository may hold. A tree of trees that are all the same names
// billions of files in a few bytes.
const (
	maxFiles = 1_000_000
	maxDepth = 100
)

// git's modes that are no files.
const (
	directory = 0o040000
	submodule = 0o160000
)

// An entry is a line of a git tree; its name is a path once it was walked to.
type entry struct {
	name string
	mode uint32
	id   plumbing.Hash
}

// parseTree reads the raw form of a git tree: mode, space, name, NUL, id.
func parseTree(data []byte) ([]entry, error) {
	var entries []entry
	for len(data) > 0 {
		space := bytes.IndexByte(data, ' ')
		nul := bytes.IndexByte(data, 0)
		if space < 0 || nul < space || len(data) < nul+1+len(plumbing.Hash{}) {
			return nil, errors.New("the git tree is malformed")
		}
		mode, err := strconv.ParseUint(string(data[:space]), 8, 32)
		if err != nil {
			return nil, fmt.Errorf("the git tree is malformed: mode %q", data[:space])
		}
		e := entry{name: string(data[space+1 : nul]), mode: uint32(mode)}
		data = data[nul+1:]
		copy(e.id[:], data)
		data = data[len(e.id):]
		entries = append(entries, e)
	}
	return entries, nil
}

// fileMode gives the mode of a file; 100664 is in old repositories only, and
// git takes it for a regular file.
func fileMode(mode uint32) (pipeline.Mode, bool) {
	switch mode {
	case 0o100644, 0o100664:
		return pipeline.Regular, true
	case 0o100755:
		return pipeline.Executable, true
	case 0o120000:
		return pipeline.Symlink, true
	}
	return 0, false
}

// A walk lists the files of a commit.
type walk struct {
	objects *objects
	// only, unless nil, says which files are wanted. What else the tree holds is
	// not judged then: nobody can rename a file in a tag of years ago.
	only func(name string) bool
	// before are the trees of the commit that was walked last, and seen becomes
	// those of this one: most trees of two commits are the same.
	before, seen map[plumbing.Hash][]entry

	files      []entry
	submodules []string // their paths; what lies in them is in another repository
	problems   []error
}

// A ContentError reports content of a commit that no checkout can have, or that it names and
// no server has any more. Trying again does not help.
type ContentError struct{ Err error }

func (e *ContentError) Error() string { return e.Err.Error() }
func (e *ContentError) Unwrap() error { return e.Err }

// maxProblems is how many bad names of one repository are shown.
const maxProblems = 20

// run walks level by level, because the trees of one level are read together.
func (w *walk) run(ctx context.Context, root plumbing.Hash) ([]entry, error) {
	level := []entry{{mode: directory, id: root}}
	for depth := 0; len(level) > 0; depth++ {
		if depth > maxDepth {
			return nil, &ContentError{fmt.Errorf("%q: more than %d directories deep", level[0].name, maxDepth)}
		}
		trees, err := w.read(ctx, level)
		if err != nil {
			return nil, err
		}
		var next []entry
		if w.seen != nil {
			maps.Copy(w.seen, trees)
		}
		for _, d := range level {
			next = w.directory(next, d.name, trees[d.id])
			if len(w.files)+len(next) > maxFiles {
				return nil, &ContentError{fmt.Errorf("more than %d files", maxFiles)}
			}
		}
		if len(w.problems) >= maxProblems {
			break
		}
		level = next
	}
	if len(w.problems) > 0 {
		return nil, &ContentError{errors.Join(w.problems...)}
	}
	return w.files, nil
}

// read reads the trees of the directories, each tree once.
func (w *walk) read(ctx context.Context, level []entry) (map[plumbing.Hash][]entry, error) {
	trees := make(map[plumbing.Hash][]entry, len(level))
	var ids []plumbing.Hash
	for _, d := range level {
		if _, ok := trees[d.id]; ok {
			continue
		}
		known, ok := w.before[d.id]
		if trees[d.id] = known; !ok {
			ids = append(ids, d.id)
		}
	}
	var mu sync.Mutex
	err := w.objects.each(ctx, ids, nil, func(_ context.Context, found gitObject) error {
		if found.kind != plumbing.TreeObject {
			return &ContentError{fmt.Errorf("object %s is a %s where a tree is named", found.id, found.kind)}
		}
		entries, err := parseTree(found.content)
		if err != nil {
			return &ContentError{fmt.Errorf("tree %s: %w", found.id, err)}
		}
		mu.Lock()
		defer mu.Unlock()
		trees[found.id] = entries
		return nil
	})
	return trees, err
}

// directory adds the files of one directory, and appends its directories to
// next.
func (w *walk) directory(next []entry, path string, entries []entry) []entry {
	if path != "" {
		path += "/"
	}
	if w.only == nil {
		w.problems = append(w.problems, checkNames(path, entries)...)
	}
	for _, e := range entries {
		if checkName(e.name) != nil || w.only != nil && e.mode != directory && !w.only(e.name) {
			continue
		}
		e.name = path + e.name
		_, file := fileMode(e.mode)
		bad := pipeline.ValidPath(e.name)
		switch {
		case bad != nil && w.only != nil:
		case bad != nil:
			w.problems = append(w.problems, bad)
		case e.mode == directory:
			next = append(next, e)
		case file:
			w.files = append(w.files, e)
		case e.mode == submodule:
			w.submodules = append(w.submodules, e.name)
		default:
			w.problems = append(w.problems, fmt.Errorf("%q has mode %o, which git does not write", e.name, e.mode))
		}
	}
	return next
}
