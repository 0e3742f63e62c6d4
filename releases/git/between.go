package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage"

	"github.com/mage-os/nightly/releases/compare"
)

// errShallow says that the history ends before the question is answered.
var errShallow = errors.New("the history does not go back far enough")

// maxCommits bounds what is listed.
const maxCommits = 1000

// slop is how many commits the history of before is followed further back than that of
// after, because clocks may be wrong. Git itself looks at 5.
const slop = 100

// between gives the commits that after has and before has not, newest first. It reads
// no more of the history than decides: that of Magento has 130,000 commits.
func between(ctx context.Context, s storage.Storer, before, after string) ([]compare.Commit, error) {
	known := map[plumbing.Hash]bool{} // that before has: there after's history is not followed
	old, err := newestFirst(s, before, nil)
	if err != nil {
		return nil, err
	}
	fresh, err := newestFirst(s, after, known)
	if err != nil {
		return nil, err
	}
	var found []*object.Commit
	var times []time.Time // of what before has
	var end error         // of before's history
	for at := time.Unix(1<<40, 0); ctx.Err() == nil; {
		for end == nil && (len(times) < slop || !times[len(times)-slop].Before(at)) {
			var c *object.Commit
			if c, end = old(); end == nil {
				known[c.Hash] = true
				times = append(times, c.Committer.When)
			}
		}
		c, err := fresh()
		if errors.Is(err, io.EOF) {
			return inOrder(slices.DeleteFunc(found, func(c *object.Commit) bool { return known[c.Hash] }))
		}
		if err != nil {
			return nil, err
		}
		at = c.Committer.When
		if end != nil && !errors.Is(end, io.EOF) && (len(times) == 0 || !at.After(times[len(times)-1])) {
			return nil, end
		}
		found = append(found, c)
	}
	return nil, context.Cause(ctx)
}

// newestFirst gives a commit and those behind it one by one, and in the end io.EOF. It
// does not go where except says.
func newestFirst(s storage.Storer, id string, except map[plumbing.Hash]bool) (next func() (*object.Commit, error), err error) {
	shallow, err := s.Shallow()
	if err != nil {
		return nil, err
	}
	explain := func(err error) error {
		if errors.Is(err, plumbing.ErrObjectNotFound) && len(shallow) > 0 {
			return errShallow
		}
		return err
	}
	first, err := object.GetCommit(s, plumbing.NewHash(id))
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", id, explain(err))
	}
	commits := object.NewCommitIterCTime(first, except, nil)
	return func() (*object.Commit, error) {
		c, err := commits.Next()
		return c, explain(err)
	}, nil
}

// inOrder sorts newest first, and by id where the clocks say the same.
func inOrder(list []*object.Commit) ([]compare.Commit, error) {
	if len(list) > maxCommits {
		return nil, fmt.Errorf("there are more than %d commits between", maxCommits)
	}
	slices.SortFunc(list, func(a, b *object.Commit) int {
		return cmp.Or(b.Committer.When.Compare(a.Committer.When), strings.Compare(a.Hash.String(), b.Hash.String()))
	})
	commits := make([]compare.Commit, 0, len(list))
	for _, c := range list {
		subject, _, _ := strings.Cut(strings.TrimSpace(c.Message), "\n")
		commit := compare.Commit{ID: c.Hash.String(), Subject: strings.TrimSpace(subject), Author: c.Author.Name, At: c.Committer.When}
		for i, parent := range c.ParentHashes {
			if i == 0 {
				commit.Parent = parent.String()
			} else {
				commit.Merged = append(commit.Merged, parent.String())
			}
		}
		commits = append(commits, commit)
	}
	return commits, nil
}
