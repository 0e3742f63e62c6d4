package git

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/storage"

	"github.com/mage-os/nightly/releases/compare"
)

// Touched implements compare.Files. Of a repository that is not on this machine it fetches the folders of at most
// 1,000 commits, without the files where the server allows that.
func (h *History) Touched(ctx context.Context, address string, commits []compare.Commit) (map[string][]string, error) {
	if len(commits) == 0 {
		return nil, nil
	}
	dir, local, err := h.options.Folder(address)
	if err != nil {
		return nil, err
	}
	if local {
		repository, err := openFolder(dir)
		if err != nil {
			return nil, err
		}
		return touched(ctx, repository.Storer, commits)
	}
	for _, depth := range historyDepths {
		var found map[string][]string
		found, err = h.fetchedTouched(ctx, address, depth, commits)
		if !errors.Is(err, errShallow) {
			return found, err
		}
	}
	return nil, err
}

func (h *History) fetchedTouched(ctx context.Context, address string, depth int, commits []compare.Commit) (_ map[string][]string, err error) {
	objects, done, err := h.options.fetched(ctx, address, Request{Wants: byID(tips(commits)...), Depth: depth, Filter: packp.FilterBlobNone()})
	if err != nil {
		return nil, fmt.Errorf("fetch the folders of %d commits: %w", depth, err)
	}
	defer func() { err = errors.Join(err, done()) }()
	return touched(ctx, objects, commits)
}

// tips are the commits that are no other's parents.
func tips(commits []compare.Commit) (ids []plumbing.Hash) {
	parents := map[string]bool{}
	for _, c := range commits {
		for _, parent := range append(c.Merged, c.Parent) {
			parents[parent] = true
		}
	}
	for _, c := range commits {
		if !parents[c.ID] {
			ids = append(ids, plumbing.NewHash(c.ID))
		}
	}
	return ids
}

func touched(ctx context.Context, s storage.Storer, commits []compare.Commit) (map[string][]string, error) {
	found := map[string][]string{}
	for _, c := range commits {
		paths, err := touchedBy(ctx, s, c)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			err = errShallow
		}
		if err != nil {
			return nil, fmt.Errorf("what commit %.10s changes: %w", c.ID, err)
		}
		found[c.ID] = paths
	}
	return found, nil
}

// touchedBy are the paths that are different in a commit from what they are in each of its parents.
func touchedBy(ctx context.Context, s storage.Storer, c compare.Commit) ([]string, error) {
	now, err := treeOf(s, c.ID)
	if err != nil {
		return nil, err
	}
	var paths []string
	for i, parent := range append([]string{c.Parent}, c.Merged...) {
		var was *object.Tree // nil: of the first commit of all
		if parent != "" {
			if was, err = treeOf(s, parent); err != nil {
				return nil, err
			}
		}
		changes, err := object.DiffTreeWithOptions(ctx, was, now, nil)
		if err != nil {
			return nil, err
		}
		differ := map[string]bool{}
		for _, change := range changes {
			for _, name := range []string{change.From.Name, change.To.Name} {
				if name != "" && !differ[name] {
					differ[name] = true
					if i == 0 {
						paths = append(paths, name)
					}
				}
			}
		}
		paths = slices.DeleteFunc(paths, func(path string) bool { return !differ[path] })
	}
	slices.Sort(paths)
	return paths, nil
}

func treeOf(s storage.Storer, id string) (*object.Tree, error) {
	commit, err := object.GetCommit(s, plumbing.NewHash(id))
	if err != nil {
		return nil, err
	}
	return commit.Tree()
}
