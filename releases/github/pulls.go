package github

import (
	"context"
	"regexp"
	"strconv"

	api "github.com/google/go-github/v84/github"

	"github.com/mage-os/nightly/releases/compare"
)

// squashSubject is what GitHub itself writes into the subject of a squashed commit.
var squashSubject = regexp.MustCompile(`\(#([1-9][0-9]{0,8})\)$`)

// pullRequests fills in the pull requests of commits, newest first.
func (h *History) pullRequests(ctx context.Context, r Repository, commits []compare.Commit) error {
	numbers := map[string][]string{}
	for id, number := range compare.MergedBy(commits) {
		numbers[id] = []string{number}
	}
	lookups := h.lookups
	for i := range commits {
		c := &commits[len(commits)-1-i] // the oldest first
		if numbers[c.ID] != nil {
			continue
		}
		if match := squashSubject.FindStringSubmatch(c.Subject); match != nil {
			numbers[c.ID] = match[1:]
			continue
		}
		if lookups == 0 || len(c.Merged) > 0 {
			continue
		}
		lookups--
		found, _, err := h.client.rest.PullRequests.ListPullRequestsWithCommit(ctx, r.Owner, r.Name, c.ID, nil)
		if err != nil {
			return explain(err, "list the pull requests of %.10s in %s", c.ID, r)
		}
		for _, p := range found {
			if p.MergedAt != nil {
				numbers[c.ID] = append(numbers[c.ID], strconv.Itoa(p.GetNumber()))
			}
		}
	}
	highest, err := h.highest(ctx, r, len(numbers) > 0)
	page := "https://" + h.client.host + "/" + r.String() + "/pull/"
	for i := range commits {
		commits[i].PullRequests = []compare.PullRequest{}
		for _, number := range numbers[commits[i].ID] {
			request := compare.PullRequest{Number: number}
			if n, err := strconv.Atoi(number); err == nil && n <= highest {
				request.URL = page + number
			}
			commits[i].PullRequests = append(commits[i].PullRequests, request)
		}
	}
	return err
}

// highest is the highest number that the repository has given itself.
func (h *History) highest(ctx context.Context, r Repository, wanted bool) (int, error) {
	if !wanted {
		return 0, nil
	}
	newest, _, err := h.client.rest.PullRequests.List(ctx, r.Owner, r.Name, &api.PullRequestListOptions{
		State: "all", Sort: "created", Direction: "desc", ListOptions: api.ListOptions{PerPage: 1},
	})
	if err != nil || len(newest) == 0 {
		return 0, explain(err, "list the pull requests of %s", r)
	}
	return newest[0].GetNumber(), nil
}
