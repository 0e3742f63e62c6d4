package releases

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// A PlannedPreview is what the plan of a preview has beside that of a night. What it shows
// stands with each repository, as Merged.
type PlannedPreview struct {
	// Label stands in its versions: pr123, pr123-pr456.
	Label string `json:"label"`
	// Until is the UTC day, as 2026-11-24, after which it may be removed.
	Until string `json:"until"`
}

// Merged is a pull request, or a branch of a fork, that was merged upon a commit.
type Merged struct {
	Title  string `json:"title"`  // mage-os/mageos-magento2#123, acme/mageos-magento2@my-branch
	URL    string `json:"url"`    // of the repository that has its commit
	Ref    string `json:"ref"`    // full: refs/pull/123/head
	Commit string `json:"commit"` // its head
	// Files are the paths that it changes, in byte order.
	Files []string `json:"files"`
}

// Page is where the forge shows it; empty: it is not on the web.
func (m Merged) Page() string {
	web := strings.TrimSuffix(strings.TrimSuffix(m.URL, "/"), ".git")
	number, pull := strings.CutSuffix(strings.TrimPrefix(m.Ref, "refs/pull/"), "/head")
	switch {
	case !strings.HasPrefix(web, "https://"):
		return ""
	case pull:
		return web + "/pull/" + number
	}
	return web + "/commit/" + m.Commit
}

// Merged are what the plan's repositories have beside their branches, in its order.
func (p *Plan) Merged() []Merged {
	var all []Merged
	for _, r := range p.Repositories {
		all = append(all, r.Merged...)
	}
	return all
}

// PreviewTitle says what a preview is of and when it ends; empty: the plan is of none.
func (p *Plan) PreviewTitle() string {
	if p.Preview == nil {
		return ""
	}
	var titles []string
	for _, m := range p.Merged() {
		titles = append(titles, fmt.Sprintf("%s at %.10s", m.Title, m.Commit))
	}
	return fmt.Sprintf("preview of %s; no night, ends on %s", strings.Join(titles, ", "), p.Preview.Until)
}

// Ended reports whether the last day of a preview is over.
func (p PlannedPreview) Ended(now time.Time) bool { return now.UTC().Format(time.DateOnly) > p.Until }

// labelPattern is what Composer takes as metadata of a version, and any disk as a file's name.
var labelPattern = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?$`)

// checkPreview says what is wrong with what makes the plan one of a preview.
func (p *Plan) checkPreview() error {
	switch {
	case p.Preview == nil && len(p.Merged()) > 0:
		return errors.New("something is merged upon its commits, but it is of no preview")
	case p.Preview == nil:
		return nil
	case p.Release != nil || p.Adopted || p.Line.BuildsTags():
		return errors.New("only branches have a preview")
	case !labelPattern.MatchString(p.Preview.Label):
		return fmt.Errorf("label %.60q of the preview: want small letters, digits and '-', at most 48", p.Preview.Label)
	}
	return checkDay(p.Preview.Until, 0)
}
