package fake

import (
	"fmt"
	"net/http"
	"strconv"
)

// An Issue is an issue with its comments.
type Issue struct {
	Number   int
	Title    string
	Body     string
	State    string
	Labels   []string
	Author   User
	Pull     bool // it is a pull request, which GitHub lists as an issue too
	Comments []string
}

func (g *GitHub) issues(r *http.Request, repository *Repository, path []string) answer {
	if repository.NoIssues {
		return answer{status: http.StatusGone, body: message("Issues are disabled for this repo")}
	}
	switch {
	case len(path) == 0 && r.Method == http.MethodPost:
		return g.createIssue(r, repository)
	case len(path) == 0:
		list := []map[string]any{}
		for _, issue := range repository.Issues { // the oldest first, as asked
			if state := r.URL.Query().Get("state"); state == issue.State || state == "all" {
				list = append(list, g.issue(repository, issue))
			}
		}
		return page(r, list)
	}
	number, _ := strconv.Atoi(path[0])
	for _, issue := range repository.Issues {
		switch {
		case issue.Number != number:
		case len(path) == 2:
			return g.comments(r, issue)
		case r.Method == http.MethodPatch:
			return g.editIssue(r, repository, issue)
		default:
			return answer{status: http.StatusOK, body: g.issue(repository, issue)}
		}
	}
	return *notFound()
}

func (g *GitHub) issue(repository *Repository, issue *Issue) map[string]any {
	shown := map[string]any{
		"number": issue.Number, "title": issue.Title, "body": issue.Body, "state": issue.State,
		"html_url": fmt.Sprintf("%s/issues/%d", g.Page(repository.Owner+"/"+repository.Name), issue.Number),
		"user":     map[string]string{"login": issue.Author.Login, "type": issue.Author.Type}, "author_association": issue.Author.Association,
	}
	if issue.Pull {
		shown["pull_request"] = map[string]string{"url": "https://api.github.example/pull"}
	}
	return shown
}

type issueRequest struct {
	Title  *string   `json:"title"`
	Body   *string   `json:"body"`
	State  *string   `json:"state"`
	Labels *[]string `json:"labels"`
}

func (g *GitHub) createIssue(r *http.Request, repository *Repository) answer {
	var q issueRequest
	if err := read(r, &q); err != nil || q.Title == nil || *q.Title == "" {
		return invalid("Issue", "title", "missing_field")
	}
	issue := &Issue{Number: len(repository.Issues) + 1, State: "open", Author: g.User}
	q.apply(issue)
	repository.Issues = append(repository.Issues, issue)
	return answer{status: http.StatusCreated, body: g.issue(repository, issue)}
}

func (q issueRequest) apply(issue *Issue) {
	set(&issue.Title, q.Title)
	set(&issue.Body, q.Body)
	set(&issue.State, q.State)
	set(&issue.Labels, q.Labels)
}

func (g *GitHub) editIssue(r *http.Request, repository *Repository, issue *Issue) answer {
	var q issueRequest
	if err := read(r, &q); err != nil {
		return answer{status: http.StatusBadRequest, body: message("Problems parsing JSON")}
	}
	q.apply(issue)
	return answer{status: http.StatusOK, body: g.issue(repository, issue)}
}

func (g *GitHub) comments(r *http.Request, issue *Issue) answer {
	if r.Method == http.MethodPost {
		var q issueRequest
		if err := read(r, &q); err != nil || q.Body == nil || *q.Body == "" {
			return invalid("IssueComment", "body", "missing_field")
		}
		issue.Comments = append(issue.Comments, *q.Body)
		return answer{status: http.StatusCreated, body: map[string]any{"body": *q.Body}}
	}
	list := []map[string]any{}
	for _, text := range issue.Comments {
		list = append(list, map[string]any{"body": text})
	}
	return page(r, list)
}
