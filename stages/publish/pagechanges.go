package publish

import (
	"fmt"
	"strings"

	"github.com/mage-os/nightly/releases"
)

// pageChanges is what changed since the night before.
type pageChanges struct {
	Before         string // the night before
	Quiet          bool   // nothing but versions
	Commits        int
	Added, Removed []releases.ComparedPackage
	Requires       []releases.ChangedPackage
	Repositories   []pageChangedRepository
}

type pageChangedRepository struct {
	Name, URL, Unknown string
	Span, SpanURL      string
	Count              string
	Commits            []pageCommit
}

type pageCommit struct {
	Short, ID, URL, Author string
	Subject                []subjectPart
}

// A subjectPart is a part of a commit's subject; URL is empty for plain text.
type subjectPart struct{ Text, URL string }

func newPageChanges(c *releases.Comparison) *pageChanges {
	if c == nil {
		return nil
	}
	p := &pageChanges{
		Before: c.Before.Night, Quiet: c.Quiet(), Commits: c.CommitCount(),
		Added: c.Added, Removed: c.Removed, Requires: c.RequireChanges(),
	}
	for _, r := range c.Repositories {
		p.Repositories = append(p.Repositories, changedOnPage(r))
	}
	return p
}

func changedOnPage(r releases.ChangedRepository) pageChangedRepository {
	row := pageChangedRepository{Name: r.Name, URL: releases.WebURL(r.URL), Unknown: r.Unknown, Count: fmt.Sprintf("%d commits", len(r.Commits))}
	if len(r.Commits) == 1 {
		row.Count = "1 commit"
	}
	if r.Before != "" && r.After != "" {
		row.Span = short(r.Before) + "…" + short(r.After)
		if strings.HasPrefix(row.URL, "https://github.com/") {
			row.SpanURL = row.URL + "/compare/" + r.Before + "..." + r.After
		}
	}
	for _, c := range r.Commits {
		commit := pageCommit{Short: short(c.ID), ID: c.ID, Author: c.Author, Subject: subject(c)}
		if row.URL != "" {
			commit.URL = commitURL(row.URL, c.ID)
		}
		row.Commits = append(row.Commits, commit)
	}
	return row
}

// subject links the pull requests in a commit's subject.
func subject(c releases.Commit) []subjectPart {
	var parts []subjectPart
	rest := c.Subject
	for _, request := range c.PullRequests {
		before, after, found := strings.Cut(rest, "#"+request.Number)
		if !found || releases.WebURL(request.URL) == "" {
			continue
		}
		parts = append(parts, subjectPart{Text: before}, subjectPart{"#" + request.Number, request.URL})
		rest = after
	}
	return append(parts, subjectPart{Text: rest})
}
