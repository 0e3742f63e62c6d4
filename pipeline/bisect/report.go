package bisect

import (
	"cmp"
	"fmt"
	"math/bits"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
)

// A Report is what a search found.
type Report struct {
	Line     string                `json:"line"`
	Good     releases.SnapshotName `json:"good"`
	Bad      releases.SnapshotName `json:"bad"`
	Steps    int                   `json:"steps"` // between the two
	Trials   []Trial               `json:"trials"`
	Suspects []Step                `json:"suspects"`   // one of them is to blame
	Before   Trial                 `json:"good-trial"` // of the last plan that has none of them
	Trial    Trial                 `json:"failure"`    // of the first plan that has them all
	// Left is how many plans are to be tried yet, of a search that was stopped.
	Left int `json:"left,omitempty"`
}

// Report is what the search found until now. good is the name of the good night.
func (s *Search) Report(good releases.SnapshotName) *Report {
	r := &Report{Line: s.Bad.Line.Name, Good: good, Bad: s.Bad.Snapshot(), Steps: len(s.Steps), Trials: s.Trials, Suspects: s.Suspects()}
	last, bad := s.bounds()
	for _, t := range s.Trials {
		switch t.Steps {
		case last:
			r.Before = t
		case bad:
			r.Trial = t
		}
	}
	if _, done := s.Next(); !done {
		r.Left = bits.Len(uint(bad - last - 1))
	}
	return r
}

// JSON writes the report for machines.
func (r *Report) JSON() ([]byte, error) { return pipeline.EncodeJSON(r, "  ") }

// Text writes the report for a terminal.
func (r *Report) Text() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", r.verdict())
	for _, s := range r.Suspects {
		fmt.Fprintf(&b, "  %s\n", markdown.Printable(s.Title()))
		if page := s.Page(); page != "" {
			fmt.Fprintf(&b, "  %s\n", page)
		}
		if s.Unknown != "" {
			fmt.Fprintf(&b, "  with all commits before it: %s\n", markdown.Printable(s.Unknown))
		}
	}
	fmt.Fprintf(&b, "\nWithout it all is good; with it %s fails:\n", markdown.Printable(r.Trial.Stage))
	for line := range strings.SplitSeq(r.Trial.Reason, "\n") { // package code may have written it
		fmt.Fprintf(&b, "  %s\n", markdown.Printable(line))
	}
	for _, report := range r.reports() {
		fmt.Fprintf(&b, "%s: %s\n", report.what, report.file)
	}
	return []byte(b.String())
}

// Markdown writes the report for an issue.
func (r *Report) Markdown() []byte {
	var p markdown.Page
	fmt.Fprintf(&p, "## %s\n\n", markdown.Cell(r.verdict()))
	p.Table("repository", "commit", "pull request")
	for _, s := range r.Suspects {
		commit := markdown.Cell(fmt.Sprintf("%.10s %s", s.Commit.ID, s.Commit.Subject))
		if s.Package != nil {
			commit = markdown.Cell(s.Title())
		}
		if page := s.Page(); page != "" {
			commit = fmt.Sprintf("[%s](%s)", commit, page)
		}
		var pulls []string
		for _, pull := range s.Commit.PullRequests {
			pulls = append(pulls, "[#"+pull.Number+"]("+pull.URL+")")
		}
		p.RawRow(markdown.Cell(s.Repository), commit, strings.Join(pulls, ", "))
	}
	fmt.Fprintf(&p, "\n%s fails with it:\n\n", markdown.Cell(r.Trial.Stage))
	p.WriteString(markdown.Block(r.Trial.Reason))
	for _, report := range r.reports() {
		fmt.Fprintf(&p, "\n%s: %s\n", report.what, markdown.Code(report.file))
	}
	return []byte(p.String())
}

// reports are the files about the installations without and with the culprit, as far as there are.
func (r *Report) reports() (all []struct{ what, file string }) {
	for _, one := range []struct{ what, file string }{{"Report without it", r.Before.Report}, {"Report with it", r.Trial.Report}} {
		if one.file != "" {
			all = append(all, one)
		}
	}
	return all
}

// verdict is the report in one sentence.
func (r *Report) verdict() string {
	between := fmt.Sprintf("of %s between %s and %s of %s, %s tried", markdown.Count(r.Steps, "step"), r.Good, r.Bad, r.Line, markdown.Count(len(r.Trials), "plan"))
	switch {
	case r.Left > 0:
		return fmt.Sprintf("Stopped, with %d to go: one of these %d %s:", r.Left, len(r.Suspects), between)
	case len(r.Suspects) == 1:
		return "The culprit " + between + ":"
	}
	return fmt.Sprintf("One of these %d (the plans between them cannot be built) %s:", len(r.Suspects), between)
}

// Title is the step in one line.
func (s Step) Title() string {
	if s.Package != nil {
		return fmt.Sprintf("%s %s → %s, a release of somebody else's", s.Package.Name, cmp.Or(s.Package.Before, "not installed"), cmp.Or(s.Package.After, "not installed"))
	}
	if s.Repository == "" {
		return "no commit: the line itself, its tags, or what upstream has released"
	}
	title := fmt.Sprintf("%s %.10s %s", s.Repository, s.Commit.ID, s.Commit.Subject)
	if s.Commit.Author != "" {
		title += " (" + s.Commit.Author + ")"
	}
	return strings.TrimSpace(title)
}

// Page is the step's pull request on the web, or its commit; empty where neither is known.
func (s Step) Page() string { return compare.Page(s.URL, s.Commit) }
