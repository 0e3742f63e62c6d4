package github

import (
	"context"
	"regexp"
	"strconv"

	api "github.com/google/go-github/v84/github"
)

// The numbers of pull requests by commit, and the highest that the repository has.
type pullNumbers struct {
	of      map[string][]int
	highest int
}

// What GitHub itself writes into the subjects of merges and of squashed commits.
var (
	mergeSubject  = regexp.MustCompile(`^Merge pull request #([1-9][0-9]{0,8})\b`)
	squashSubject = regexp.MustCompile(`\(#([1-9][0-9]{0,8})\)$`)
)

func (h *History) pullRequests(ctx context.Context, r Repository, commits []*api.RepositoryCommit) (pullNumbers, error) {
	numbers := pullNumbers{of: numbersOfMerges(commits)}
	lookups := h.lookups
	for _, c := range commits {
		id := c.GetSHA()
		if numbers.of[id] != nil {
			continue
		}
		if n, ok := numberIn(squashSubject, subject(c)); ok {
			numbers.of[id] = []int{n}
			continue
		}
		if lookups == 0 || len(c.Parents) > 1 {
			continue
		}
		lookups--
		found, _, err := h.client.rest.PullRequests.ListPullRequestsWithCommit(ctx, r.Owner, r.Name, id, nil)
		if err != nil {
			return numbers, explain(err, "list the pull requests of %.10s in %s", id, r)
		}
		for _, p := range found {
			if p.MergedAt != nil {
				numbers.of[id] = append(numbers.of[id], p.GetNumber())
			}
		}
	}
	if len(numbers.of) == 0 {
		return numbers, nil
	}
	newest, _, err := h.client.rest.PullRequests.List(ctx, r.Owner, r.Name, &api.PullRequestListOptions{
		State: "all", Sort: "created", Direction: "desc", ListOptions: api.ListOptions{PerPage: 1},
	})
	if err == nil && len(newest) > 0 {
		numbers.highest = newest[0].GetNumber()
	}
	return numbers, explain(err, "list the pull requests of %s", r)
}

// numbersOfMerges gives each commit that a merge of a pull request brought in the
// number of that request. Commits come oldest first, so that the innermost merge
// has its say first.
func numbersOfMerges(commits []*api.RepositoryCommit) map[string][]int {
	byID := map[string]*api.RepositoryCommit{}
	for _, c := range commits {
		byID[c.GetSHA()] = c
	}
	of := map[string][]int{}
	for _, c := range commits {
		n, ok := numberIn(mergeSubject, subject(c))
		if !ok {
			continue
		}
		of[c.GetSHA()] = []int{n}
		if len(c.Parents) < 2 {
			continue
		}
		main := ancestors(byID, c.Parents[:1])
		for id := range ancestors(byID, c.Parents[1:]) {
			if !main[id] && of[id] == nil {
				of[id] = []int{n}
			}
		}
	}
	return of
}

// ancestors are the commits of a comparison from which others descend, and those
// themselves.
func ancestors(byID map[string]*api.RepositoryCommit, from []*api.Commit) map[string]bool {
	found := map[string]bool{}
	for next := from; len(next) > 0; {
		id := next[len(next)-1].GetSHA()
		next = next[:len(next)-1]
		c := byID[id]
		if c == nil || found[id] {
			continue
		}
		found[id] = true
		next = append(next[:len(next):len(next)], c.Parents...)
	}
	return found
}

func numberIn(pattern *regexp.Regexp, text string) (int, bool) {
	match := pattern.FindStringSubmatch(text)
	if match == nil {
		return 0, false
	}
	n, err := strconv.Atoi(match[1])
	return n, err == nil
}
