package fake

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A Repository is one repository with its history, its releases and its issues.
type Repository struct {
	Owner, Name   string
	Private       bool
	DefaultBranch string
	// Commits in the order in which they were made.
	Commits  []*Commit
	Branches map[string]string // name: commit
	Tags     map[string]string
	Pulls    []Pull
	Releases []*Release
	Issues   []*Issue
	NoIssues bool // issues are switched off
	// Permissions are what users may do, beside reading: write, admin.
	Permissions map[string]string
}

// A Commit is one commit.
type Commit struct {
	ID, Message, Author string
	Parents             []string
	Pulls               []int // the pull requests that GitHub associates with it
}

// A Pull is a pull request; one that was not merged was only opened.
type Pull struct {
	Number         int
	Merged, Closed bool
	Head           PullHead
}

// AddRepository makes a repository of "owner/name", with a branch main.
func (g *GitHub) AddRepository(name string) *Repository {
	owner, short, _ := strings.Cut(name, "/")
	r := &Repository{Owner: owner, Name: short, DefaultBranch: "main", Branches: map[string]string{}, Tags: map[string]string{}}
	g.Repositories[name] = r
	return r
}

// Committed is when all commits were made.
var Committed = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// Commit adds a commit on the branch main, or with parents where those say, and
// gives its id.
func (r *Repository) Commit(message string, parents ...string) string {
	if tip := r.Branches[r.DefaultBranch]; len(parents) == 0 && tip != "" {
		parents = []string{tip}
	}
	sum := sha1.Sum(fmt.Appendf(nil, "%s/%s %d %s %v", r.Owner, r.Name, len(r.Commits), message, parents))
	c := &Commit{ID: hex.EncodeToString(sum[:]), Message: message, Author: "Jane Doe", Parents: parents}
	r.Commits = append(r.Commits, c)
	r.Branches[r.DefaultBranch] = c.ID
	return c.ID
}

func (r *Repository) commit(id string) *Commit {
	for _, c := range r.Commits {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// resolve finds the commit of a ref, or "".
func (r *Repository) resolve(ref string) string {
	if tag, ok := strings.CutPrefix(ref, "tags/"); ok {
		return r.Tags[tag]
	}
	if branch, ok := strings.CutPrefix(ref, "heads/"); ok {
		return r.Branches[branch]
	}
	for _, id := range []string{r.Branches[ref], r.Tags[ref], ref} {
		if r.commit(id) != nil {
			return id
		}
	}
	return ""
}

func (g *GitHub) commits(r *http.Request, repository *Repository, path []string) answer {
	if len(path) == 2 && path[1] == "pulls" {
		c := repository.commit(path[0])
		if c == nil {
			return answer{status: http.StatusUnprocessableEntity, body: message("No commit found for SHA: " + path[0])}
		}
		return page(r, repository.pullsOf(c.Pulls))
	}
	ref, err := url.PathUnescape(strings.Join(path, "/"))
	id := repository.resolve(ref)
	switch {
	case err != nil || id == "":
		return answer{status: http.StatusUnprocessableEntity, body: message("No commit found for SHA: " + ref)}
	case strings.HasSuffix(r.Header.Get("Accept"), ".sha"):
		return answer{status: http.StatusOK, body: id}
	}
	return answer{status: http.StatusOK, body: repository.commit(id).json()}
}

func (c *Commit) json() map[string]any {
	parents := []map[string]any{}
	for _, p := range c.Parents {
		parents = append(parents, map[string]any{"sha": p})
	}
	return map[string]any{
		"sha": c.ID, "parents": parents,
		"commit": map[string]any{"message": c.Message, "author": map[string]any{"name": c.Author}, "committer": map[string]any{"date": Committed}},
	}
}

// compare lists what head has and base has not, the oldest first.
func (g *GitHub) compare(r *http.Request, repository *Repository, text string) answer {
	base, head, _ := strings.Cut(text, "...")
	from, to := repository.resolve(base), repository.resolve(head)
	if from == "" || to == "" {
		return *notFound()
	}
	old, now := repository.reachable(from), repository.reachable(to)
	var found []map[string]any
	for _, c := range repository.Commits {
		if now[c.ID] && !old[c.ID] {
			found = append(found, c.json())
		}
	}
	a := page(r, found)
	a.body = map[string]any{"status": "ahead", "total_commits": len(found), "commits": a.body}
	return a
}

func (r *Repository) reachable(from string) map[string]bool {
	byID := map[string]*Commit{}
	for _, c := range r.Commits {
		byID[c.ID] = c
	}
	found := map[string]bool{}
	for next := []string{from}; len(next) > 0; {
		id := next[0]
		next = next[1:]
		if c := byID[id]; c != nil && !found[id] {
			found[id] = true
			next = append(next, c.Parents...)
		}
	}
	return found
}

func (g *GitHub) pulls(r *http.Request, repository *Repository) answer {
	var numbers []int
	for _, p := range repository.Pulls {
		numbers = append(numbers, p.Number)
	}
	return page(r, repository.pullsOf(numbers))
}

// pullsOf shows pull requests, the newest first.
func (r *Repository) pullsOf(numbers []int) []map[string]any {
	byNumber := map[int]Pull{}
	for _, p := range r.Pulls {
		if slices.Contains(numbers, p.Number) {
			byNumber[p.Number] = p
		}
	}
	list := []map[string]any{}
	for _, n := range slices.Backward(slices.Sorted(maps.Keys(byNumber))) {
		shown := map[string]any{"number": n}
		if byNumber[n].Merged {
			shown["merged_at"] = "2026-11-23T12:00:00Z"
		}
		list = append(list, shown)
	}
	return list
}
