package git

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/storer"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases/compare"
)

// historyDepths are how many commits are asked for, one after the other, until the
// older commit is reached.
var historyDepths = []int{50, 1000}

// A History reads the commits between two commits out of git repositories. It
// implements compare.History.
type History struct{ options Options }

// NewHistory makes a History.
func NewHistory(o Options) *History { return &History{o.ToFetch()} }

// ToFetch are the options with the times of a fetch, where they have none.
func (o Options) ToFetch() Options {
	o.Policy = o.Policy.Or(remote.Policy{Timeout: fetchTime, Deadline: fetchDeadline})
	return o
}

// Between implements compare.History. Of a repository that is not on this machine
// it fetches at most 1,000 commits, without their files where the server allows
// that.
func (h *History) Between(ctx context.Context, address, before, after string) ([]compare.Commit, error) {
	dir, local, err := h.options.Folder(address)
	if err != nil {
		return nil, err
	}
	if local {
		repository, err := openFolder(dir)
		if err != nil {
			return nil, err
		}
		return between(ctx, repository.Storer, before, after)
	}
	for _, depth := range historyDepths {
		commits, err := h.fetched(ctx, address, depth, before, after)
		if !errors.Is(err, errShallow) {
			return commits, err
		}
	}
	return nil, fmt.Errorf("%.10s is not among the %d commits before %.10s", before, historyDepths[len(historyDepths)-1], after)
}

// Times are when commits of a repository were made. Of one that is not on this machine nothing
// but the commits is fetched, all at once, where the server allows that.
func (h *History) Times(ctx context.Context, address string, commits []string) (_ map[string]time.Time, err error) {
	var ids []plumbing.Hash
	for _, commit := range commits {
		ids = append(ids, plumbing.NewHash(commit))
	}
	dir, local, err := h.options.Folder(address)
	if err != nil {
		return nil, err
	}
	var objects storer.EncodedObjectStorer
	if local {
		repository, err := openFolder(dir)
		if err != nil {
			return nil, err
		}
		objects = repository.Storer
	} else {
		fetched, done, errFetch := h.options.fetched(ctx, address, Request{Wants: byID(ids...), Depth: 1, Filter: packp.FilterTreeDepth(0)})
		if errFetch != nil {
			return nil, errFetch
		}
		defer func() { err = errors.Join(err, done()) }()
		objects = fetched
	}
	times := map[string]time.Time{}
	for _, id := range ids {
		commit, err := object.GetCommit(objects, id)
		if err != nil {
			return nil, fmt.Errorf("commit %s of %s: %w", id, remote.Redacted(address), err)
		}
		times[id.String()] = commit.Committer.When.UTC()
	}
	return times, nil
}

// fetched fetches so many commits before both, and reads them: before the older one only
// from servers that give any commit by its id.
func (h *History) fetched(ctx context.Context, address string, depth int, before, after string) (_ []compare.Commit, err error) {
	wants := func(refs *packp.AdvRefs) ([]plumbing.Hash, error) {
		ids := []plumbing.Hash{plumbing.NewHash(after), plumbing.NewHash(before)}
		if !refs.Capabilities.Supports(capability.AllowReachableSHA1InWant) {
			ids = ids[:1]
		}
		return ids, nil
	}
	objects, done, err := h.options.fetched(ctx, address, Request{Wants: wants, Depth: depth, Filter: packp.FilterTreeDepth(0)})
	if err != nil {
		return nil, fmt.Errorf("fetch %d commits: %w", depth, err)
	}
	defer func() { err = errors.Join(err, done()) }()
	return between(ctx, objects, before, after)
}
