package monitor

import (
	"context"
	"strings"

	"github.com/mage-os/nightly/pipeline/suspects"
	"github.com/mage-os/nightly/releases/github"
)

// Tell opens the issue about a finding, brings it up to date, or closes it when nothing is
// wrong. The issue remembers what was told: what it gives is news, or Quiet. Run is the URL of what saw that, or empty,
// and workflow says that the finding is of a workflow's jobs too.
func (f Finding) Tell(ctx context.Context, client *github.Client, place github.Repository, run string, workflow bool) (News, error) {
	news := News{At: f.At, Title: f.title(workflow), Wrong: f.Wrong, Run: run}
	for _, s := range f.suspects() {
		if len(news.Suspects) < suspects.Named {
			news.Suspects = append(news.Suspects, suspects.Head(s)+": "+s.Why)
		}
	}
	where := "."
	if run != "" {
		where = " in " + run + "."
	}
	if len(f.Wrong) == 0 {
		closed, was, err := client.CloseIssue(ctx, place, f.marker(workflow), "It is well again"+where)
		if was && err == nil {
			news.State, news.Issue, news.Title, news.Wrong = Healed, closed.URL, f.At+" is well again", []string{}
		}
		return news, err
	}
	issue, err := client.RaiseIssue(ctx, place, github.Alarm{
		Marker: f.marker(workflow), Title: news.Title, Body: f.Page(), Comment: f.list() + "\n\n" + suspects.Markdown(f.suspects()) + "Seen" + where,
	})
	if news.State, news.Issue = StillBroken, issue.URL; issue.Opened {
		news.State = Broken
	}
	return news, err
}

// title is what the issue is called.
func (f Finding) title(workflow bool) string {
	switch {
	case f.Workflow:
		return "The workflow " + f.At + " fails"
	case workflow:
		return "The workflow that publishes " + f.At + " fails"
	}
	return f.At + " has no new night"
}

// marker is by what an issue is known. A monitor does not close what the workflow has
// opened: it does not see the jobs.
func (f Finding) marker(workflow bool) string {
	kind := "nightly status: "
	if workflow {
		kind = "nightly jobs: "
	}
	return kind + strings.NewReplacer("--", "- -", "<", "", ">", "").Replace(f.At)
}
