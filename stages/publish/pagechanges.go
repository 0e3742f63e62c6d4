package publish

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/mage-os/nightly/releases/compare"
)

// pageChanges is what changed since the snapshot before.
type pageChanges struct {
	Before         string // label of the snapshot before
	Quiet          bool   // nothing but versions
	Tally          []pageCount
	Added, Removed []compare.Package
	Requires       []compare.ChangedPackage
	Repositories   []pageChangedRepository
}

// A pageCount is how many there are of something.
type pageCount struct {
	Count int
	What  string
}

func countOf(n int, one, more string) pageCount {
	if n == 1 {
		return pageCount{n, one}
	}
	return pageCount{n, more}
}

func (c pageCount) String() string { return fmt.Sprintf("%d %s", c.Count, c.What) }

// Short reports whether lists are shown at once: what is longer has to be opened.
func (*pageChanges) Short(lists ...any) bool {
	n := 0
	for _, list := range lists {
		n += reflect.ValueOf(list).Len()
	}
	return n <= 12
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

func newPageChanges(c *compare.Result) *pageChanges {
	if c == nil {
		return nil
	}
	p := &pageChanges{
		Before: label(c.Before.Snapshot), Quiet: c.Quiet(),
		Added: c.Added, Removed: c.Removed, Requires: c.RequireChanges(),
	}
	p.Tally = []pageCount{
		countOf(c.CommitCount(), "commit", "commits"), countOf(len(c.Repositories), "repository", "repositories"),
		countOf(len(c.Added), "package added", "packages added"), {len(c.Removed), "removed"},
		countOf(len(p.Requires), "requires something else", "require something else"),
	}
	for _, r := range c.Repositories {
		p.Repositories = append(p.Repositories, changedOnPage(r))
	}
	return p
}

func changedOnPage(r compare.ChangedRepository) pageChangedRepository {
	row := pageChangedRepository{Name: r.Name, URL: compare.WebURL(r.URL), Unknown: r.Unknown, Count: countOf(len(r.Commits), "commit", "commits").String()}
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
func subject(c compare.Commit) []subjectPart {
	var parts []subjectPart
	rest := c.Subject
	for _, request := range c.PullRequests {
		before, after, found := strings.Cut(rest, "#"+request.Number)
		if !found || compare.WebURL(request.URL) == "" {
			continue
		}
		parts = append(parts, subjectPart{Text: before}, subjectPart{"#" + request.Number, request.URL})
		rest = after
	}
	return append(parts, subjectPart{Text: rest})
}
