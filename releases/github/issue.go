package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	api "github.com/google/go-github/v84/github"
)

// An Alarm is what one issue says: one open issue for one thing that fails, however
// often it fails. The issue is known by its marker.
type Alarm struct {
	// Marker stands in the body as a comment of HTML, which people do not see:
	// "nightly: line nightly". It holds no "--" and is one line.
	Marker string
	Title  string
	Body   string // Markdown: the state now; it replaces what the issue said before
	// Comment is added when the issue is open already, for those who follow it;
	// empty: none. The same text is not said twice in a row.
	Comment string
	// Labels are given when the issue is opened.
	Labels []string
}

// An Issue is an issue as GitHub has it.
type Issue struct {
	Number int
	URL    string // its page
	Opened bool   // by this call
}

// text is the body with the marker at its end.
func (a Alarm) text() string { return strings.TrimRight(a.Body, "\n") + "\n\n" + markerText(a.Marker) }

func markerText(marker string) string { return "<!-- " + marker + " -->" }

func checkMarker(marker string) error {
	if marker == "" || strings.Contains(marker, "--") || strings.ContainsAny(marker, "<>\r\n") {
		return fmt.Errorf("marker %q: want one line without \"--\", '<' and '>'", marker)
	}
	return nil
}

// RaiseIssue opens the issue of an alarm, or brings the open one up to date.
func (c *Client) RaiseIssue(ctx context.Context, r Repository, a Alarm) (Issue, error) {
	if err := checkMarker(a.Marker); err != nil {
		return Issue{}, err
	}
	var issue *api.Issue
	opened := false
	err := c.settle(ctx,
		func() (bool, error) {
			found, err := c.findIssue(ctx, r, a.Marker)
			if found != nil {
				issue = found
			}
			return issue != nil, err
		},
		func() error {
			text := a.text()
			opened = true // also when the answer is lost: then it is found
			made, _, err := c.rest.Issues.Create(ctx, r.Owner, r.Name, &api.IssueRequest{Title: &a.Title, Body: &text, Labels: &a.Labels})
			if err == nil {
				issue = made
			}
			return err
		})
	if err == nil && !opened {
		err = c.updateIssue(ctx, r, issue, a)
	}
	raised := issueOf(issue)
	raised.Opened = opened
	return raised, explain(err, "raise the issue %q in %s", a.Title, r)
}

// updateIssue edits what differs, and comments.
func (c *Client) updateIssue(ctx context.Context, r Repository, issue *api.Issue, a Alarm) error {
	if text := a.text(); issue.GetTitle() != a.Title || strings.ReplaceAll(issue.GetBody(), "\r\n", "\n") != text {
		if _, _, err := c.rest.Issues.Edit(ctx, r.Owner, r.Name, issue.GetNumber(), &api.IssueRequest{Title: &a.Title, Body: &text}); err != nil {
			return err
		}
	}
	return c.comment(ctx, r, issue.GetNumber(), a.Comment)
}

// comment says something under an issue, unless it is the last that was said.
func (c *Client) comment(ctx context.Context, r Repository, number int, text string) error {
	if text == "" {
		return nil
	}
	return c.settle(ctx,
		func() (bool, error) {
			all, err := collect(c.rest.Issues.ListCommentsIter(ctx, r.Owner, r.Name, number, &api.IssueListCommentsOptions{ListOptions: api.ListOptions{PerPage: perPage}}))
			return err == nil && len(all) > 0 && strings.ReplaceAll(all[len(all)-1].GetBody(), "\r\n", "\n") == text, err
		},
		func() error {
			_, _, err := c.rest.Issues.CreateComment(ctx, r.Owner, r.Name, number, &api.IssueComment{Body: &text})
			return err
		})
}

// CloseIssue closes the open issue of that marker, with a last comment if there is
// one. Without such an issue it does nothing, and closed is false.
func (c *Client) CloseIssue(ctx context.Context, r Repository, marker, comment string) (issue Issue, closed bool, err error) {
	if err := checkMarker(marker); err != nil {
		return Issue{}, false, err
	}
	found, err := c.findIssue(ctx, r, marker)
	if err != nil || found == nil {
		return Issue{}, false, explain(err, "look for the issue %q in %s", marker, r)
	}
	if err := c.comment(ctx, r, found.GetNumber(), comment); err != nil {
		return issueOf(found), false, explain(err, "comment issue %d of %s", found.GetNumber(), r)
	}
	state, reason := "closed", "completed"
	_, _, err = c.rest.Issues.Edit(ctx, r.Owner, r.Name, found.GetNumber(), &api.IssueRequest{State: &state, StateReason: &reason})
	return issueOf(found), err == nil, explain(err, "close issue %d of %s", found.GetNumber(), r)
}

// findIssue gives the oldest open issue with a marker. It is looked for in the list:
// GitHub's search lags behind. The marker of a stranger is not believed: anybody
// may open an issue.
func (c *Client) findIssue(ctx context.Context, r Repository, marker string) (*api.Issue, error) {
	options := api.IssueListByRepoOptions{State: "open", Sort: "created", Direction: "asc", ListOptions: api.ListOptions{PerPage: perPage}}
	for issue, err := range c.rest.Issues.ListByRepoIter(ctx, r.Owner, r.Name, &options) {
		if status(err) == http.StatusGone {
			return nil, errors.New("the repository has its issues switched off; switch them on in its settings")
		}
		if err != nil {
			return nil, err
		}
		if !issue.IsPullRequest() && strings.Contains(issue.GetBody(), markerText(marker)) && trusted(issue) {
			return issue, nil
		}
	}
	return nil, nil
}

// trusted says that an issue was opened by a bot or by someone who belongs to the
// repository.
func trusted(issue *api.Issue) bool {
	return issue.GetUser().GetType() == "Bot" ||
		slices.Contains([]string{"OWNER", "MEMBER", "COLLABORATOR"}, issue.GetAuthorAssociation())
}

func issueOf(issue *api.Issue) Issue {
	return Issue{Number: issue.GetNumber(), URL: issue.GetHTMLURL()}
}
