package github

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	api "github.com/google/go-github/v84/github"

	"github.com/mage-os/nightly/releases/compare"
)

// A History tells the commits between two commits from GitHub, with their pull
// requests. It implements compare.History.
type History struct {
	client *Client
	// Elsewhere answers for repositories of other hosts, and where GitHub does not
	// answer; nil: that is an error.
	elsewhere compare.History
	lookups   int
}

// The bounds of one comparison.
const (
	maxCommits = 1000 // as many as releases/git lists
	// maxLookups is how many commits that name no pull request are looked up one by
	// one, by a client with a token.
	maxLookups = 10
)

// NewHistory makes a History that asks elsewhere, which may be nil, for what is not
// on the client's GitHub.
func NewHistory(c *Client, elsewhere compare.History) *History {
	h := &History{client: c, elsewhere: elsewhere}
	if !c.options.Token.IsZero() || c.options.App != nil {
		h.lookups = maxLookups
	}
	return h
}

// Between implements compare.History. A pull request is found in this order: the
// merge commit that brought the commit in, the number that GitHub writes at the
// end of a squashed commit's subject, and GitHub's own list for at most ten
// commits that have neither. Numbers above those that the repository has given
// itself came with commits from upstream; they get no address.
func (h *History) Between(ctx context.Context, address, before, after string) ([]compare.Commit, error) {
	r, err := h.client.Repository(address)
	if err == nil {
		var commits []compare.Commit
		if commits, err = h.between(ctx, r, before, after); err == nil || ctx.Err() != nil {
			return commits, err
		}
	}
	if h.elsewhere == nil {
		return nil, err
	}
	commits, other := h.elsewhere.Between(ctx, address, before, after)
	if other != nil && !errors.Is(err, errElsewhere) {
		return nil, errors.Join(err, other)
	}
	return commits, other
}

func (h *History) between(ctx context.Context, r Repository, before, after string) ([]compare.Commit, error) {
	found, err := h.compare(ctx, r, before, after)
	if err != nil {
		return nil, err
	}
	commits := make([]compare.Commit, 0, len(found))
	for _, c := range slices.Backward(found) { // GitHub lists the oldest first
		commit := compare.Commit{ID: c.GetSHA(), Subject: subject(c), Author: c.GetCommit().GetAuthor().GetName(), At: c.GetCommit().GetCommitter().GetDate().Time}
		for i, parent := range c.Parents {
			if i == 0 {
				commit.Parent = parent.GetSHA()
			} else {
				commit.Merged = append(commit.Merged, parent.GetSHA())
			}
		}
		commits = append(commits, commit)
	}
	return commits, h.pullRequests(ctx, r, commits)
}

// compare gives the commits that after has and before has not, oldest first.
func (h *History) compare(ctx context.Context, r Repository, before, after string) ([]*api.RepositoryCommit, error) {
	var found []*api.RepositoryCommit
	options := api.ListOptions{PerPage: perPage}
	for {
		page, response, err := h.client.rest.Repositories.CompareCommits(ctx, r.Owner, r.Name, before, after, &options)
		if err != nil {
			return nil, explain(err, "compare %.10s with %.10s in %s", before, after, r)
		}
		if n := page.GetTotalCommits(); n > maxCommits {
			return nil, fmt.Errorf("compare %.10s with %.10s in %s: there are %d commits between, more than %d", before, after, r, n, maxCommits)
		}
		found = append(found, page.Commits...)
		if response.NextPage == 0 {
			return found, nil
		}
		options.Page = response.NextPage
	}
}

func subject(c *api.RepositoryCommit) string {
	line, _, _ := strings.Cut(strings.TrimSpace(c.GetCommit().GetMessage()), "\n")
	return strings.TrimSpace(line)
}
