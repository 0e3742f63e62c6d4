package git

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage"

	"github.com/mage-os/nightly/releases/compare"
)

// errShallow says that the history ends before the question is answered.
var errShallow = errors.New("the history does not go back far enough")

// maxCommits bounds what is listed.
const maxCommits = 1000

// slop is how many commits are looked at behind the last one that decides, because
// clocks may be wrong. Git itself looks at 5.
const slop = 100

// between gives the commits that after has and before has not, newest first. It
// follows parents from the newest commit on, as git rev-list does, and reads no more
// of the history than decides: that of Magento has 130,000 commits.
func between(ctx context.Context, s storage.Storer, before, after string) ([]compare.Commit, error) {
	shallow, err := s.Shallow()
	if err != nil {
		return nil, err
	}
	w := &walk{storer: s, shallow: shallow, seen: map[plumbing.Hash]*reached{}}
	if err := w.reach(plumbing.NewHash(before), ofBefore); err != nil {
		return nil, err
	}
	if err := w.reach(plumbing.NewHash(after), ofAfter); err != nil {
		return nil, err
	}
	if err := w.follow(ctx); err != nil {
		return nil, err
	}
	var fresh []*object.Commit
	for id, c := range w.seen {
		if c.of != ofAfter {
			continue
		}
		// A commit whose parents were not fetched may still belong to before.
		if slices.Contains(shallow, id) {
			return nil, errShallow
		}
		fresh = append(fresh, c.Commit)
	}
	if len(fresh) > maxCommits {
		return nil, fmt.Errorf("there are more than %d commits between", maxCommits)
	}
	return inOrder(fresh), nil
}

// Of which of the two a commit is an ancestor, or it itself.
const (
	ofBefore = 1 << iota
	ofAfter
)

// A reached is a commit that the walk has come to.
type reached struct {
	*object.Commit
	of     int
	queued bool // its parents do not know yet of whom they are
}

// A walk follows parents, of the newest commit first.
type walk struct {
	storer  storage.Storer
	shallow []plumbing.Hash
	seen    map[plumbing.Hash]*reached
	queue   []*reached // oldest first
	open    int        // how many of the queue only after is known to have
}

// reach notes of whom a commit is.
func (w *walk) reach(id plumbing.Hash, of int) error {
	c := w.seen[id]
	if c == nil {
		commit, err := object.GetCommit(w.storer, id)
		if errors.Is(err, plumbing.ErrObjectNotFound) && len(w.shallow) > 0 {
			return errShallow
		}
		if err != nil {
			return fmt.Errorf("commit %s: %w", id, err)
		}
		c = &reached{Commit: commit}
		w.seen[id] = c
	}
	if c.of|of == c.of {
		return nil
	}
	if c.queued {
		w.take(c)
	}
	c.of |= of
	w.put(c)
	return nil
}

// put queues a commit.
func (w *walk) put(c *reached) {
	c.queued = true
	if c.of == ofAfter {
		w.open++
	}
	at, _ := slices.BinarySearchFunc(w.queue, c, byTime)
	w.queue = slices.Insert(w.queue, at, c)
}

// take takes a commit out of the queue.
func (w *walk) take(c *reached) {
	c.queued = false
	if c.of == ofAfter {
		w.open--
	}
	at := slices.Index(w.queue, c)
	w.queue = slices.Delete(w.queue, at, at+1)
}

func byTime(a, b *reached) int { return a.Committer.When.Compare(b.Committer.When) }

// follow goes on until no commit is left of which only after is known to have it, and
// a little further.
func (w *walk) follow(ctx context.Context) error {
	for left := slop; len(w.queue) > 0 && left > 0; left-- {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if w.open > 0 {
			left = slop
		}
		c := w.queue[len(w.queue)-1]
		w.take(c)
		if slices.Contains(w.shallow, c.Hash) {
			continue
		}
		for _, parent := range c.ParentHashes {
			if err := w.reach(parent, c.of); err != nil {
				return err
			}
		}
	}
	return nil
}

// inOrder sorts newest first, and by id where the clocks say the same.
func inOrder(list []*object.Commit) []compare.Commit {
	slices.SortFunc(list, func(a, b *object.Commit) int {
		if order := b.Committer.When.Compare(a.Committer.When); order != 0 {
			return order
		}
		return strings.Compare(a.Hash.String(), b.Hash.String())
	})
	commits := make([]compare.Commit, 0, len(list))
	for _, c := range list {
		subject, _, _ := strings.Cut(strings.TrimSpace(c.Message), "\n")
		commits = append(commits, compare.Commit{ID: c.Hash.String(), Subject: strings.TrimSpace(subject), Author: c.Author.Name})
	}
	return commits
}
