package monitor

import (
	"context"
	"strings"

	"github.com/mage-os/nightly/releases/github"
)

// Tell opens the issue about a finding, brings it up to date, or closes it when nothing is
// wrong; done says what it did, empty if nothing. run is where that was seen, and workflow
// says that the finding is of a workflow's jobs too.
func (f Finding) Tell(ctx context.Context, client *github.Client, place github.Repository, run string, workflow bool) (done string, err error) {
	title := f.At + " has no new night"
	switch {
	case f.Workflow:
		title = "The workflow " + f.At + " fails"
	case workflow:
		title = "The workflow that publishes " + f.At + " fails"
	}
	if len(f.Wrong) == 0 {
		closed, was, err := client.CloseIssue(ctx, place, f.marker(workflow), "It is well again"+run+".")
		if err != nil || !was {
			return "", err
		}
		return "closed " + closed.URL, nil
	}
	issue, err := client.RaiseIssue(ctx, place, github.Alarm{
		Marker: f.marker(workflow), Title: title, Body: f.Page(), Comment: f.list() + "\n\nSeen" + run + ".",
	})
	return "see " + issue.URL, err
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
