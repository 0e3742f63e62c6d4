package ci

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/releases/github"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish"
)

// alarmFlags say where an issue tells that a repository or its workflow is not well.
type alarmFlags struct{ issue, jobs string }

func (f *alarmFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.issue, "issue", "", "OWNER/NAME on GitHub: one issue there says what is wrong, and is closed when nothing is (with GITHUB_TOKEN)")
	flags.StringVar(&f.jobs, "jobs", "", "file with the results of the jobs of a workflow: what toJSON(needs) gives; one that failed is wrong, too")
}

// watch shows a status and brings the issue up to date. Its error is what the status
// is worth; a job that failed has failed its own run already.
func (f alarmFlags) watch(ctx context.Context, env *factory, at string, maxAge time.Duration, keys []attest.PublicKey) error {
	failed, err := f.failedJobs()
	if err != nil {
		return err
	}
	s, bad := status(ctx, env, at, maxAge, keys)
	var wrong []string
	for _, job := range failed {
		wrong = append(wrong, "job "+job)
	}
	switch {
	case bad != nil:
		wrong = append(wrong, bad.Error())
	case maxAge > 0: // then a try that failed is wrong once it is the last for too long
	case s.LastTry != nil && !s.LastTry.Good():
		wrong = append(wrong, fmt.Sprintf("the last try, of %s, failed in %s: %s", s.LastTry.Snapshot, s.LastTry.Stage, s.LastTry.Reason))
	}
	env.say(statusPage(at, s, wrong))
	if f.issue == "" || ctx.Err() != nil {
		return bad
	}
	return cmp.Or(bad, f.tell(ctx, env, at, s, wrong))
}

// failedJobs are the jobs that failed, in byte order, with what became of them.
func (f alarmFlags) failedJobs() ([]string, error) {
	if f.jobs == "" {
		return nil, nil
	}
	data, err := files.Read(f.jobs, files.Small)
	if err != nil {
		return nil, usagef("--jobs: %w", err)
	}
	// https://docs.github.com/actions/reference/contexts-reference#needs-context
	var jobs map[string]struct {
		Result string `json:"result"`
	}
	if err := json.Unmarshal(data, &jobs); err != nil {
		return nil, usagef("--jobs %s: %w; want what toJSON(needs) gives", f.jobs, err)
	}
	var failed []string
	for _, name := range slices.Sorted(maps.Keys(jobs)) {
		switch jobs[name].Result {
		case "success", "skipped":
		case "cancelled": // also one that took too long
			failed = append(failed, name+" was cancelled, or took too long")
		default:
			failed = append(failed, name+" failed")
		}
	}
	return failed, nil
}

// tell opens, changes or closes the issue.
func (f alarmFlags) tell(ctx context.Context, env *factory, at string, s *publish.Status, wrong []string) error {
	owner, name, ok := strings.Cut(f.issue, "/")
	if !ok || owner == "" || name == "" || strings.Contains(name, "/") {
		return usagef("--issue %s: want OWNER/NAME", f.issue)
	}
	client, err := github.New(github.Options{
		BaseURL: env.getenv("GITHUB_API_URL"), Token: github.NewToken(env.getenv("GITHUB_TOKEN")), Log: env.logger(env.stderr),
	})
	if err != nil {
		return usagef("GITHUB_API_URL: %w", err)
	}
	place, marker, title := github.Repository{Owner: owner, Name: name}, alarmMarker(at, f.jobs != ""), at+" has no new night"
	if f.jobs != "" {
		title = "The workflow that publishes " + at + " fails"
	}
	if len(wrong) == 0 {
		closed, was, err := client.CloseIssue(ctx, place, marker, "It is well again"+env.runText()+".")
		if err == nil && was {
			fmt.Fprintf(env.stderr, "closed %s\n", closed.URL)
		}
		return err
	}
	issue, err := client.RaiseIssue(ctx, place, github.Alarm{
		Marker: marker, Title: title, Body: statusPage(at, s, wrong),
		Comment: strings.Join(listed(wrong), "\n") + "\n\nSeen" + env.runText() + ".",
	})
	if err == nil {
		fmt.Fprintf(env.stderr, "see %s\n", issue.URL)
	}
	return err
}

// alarmMarker is by what an issue is known. A monitor does not close what the workflow
// has opened: it does not see the jobs.
func alarmMarker(at string, jobs bool) string {
	kind := "nightly status: "
	if jobs {
		kind = "nightly jobs: "
	}
	return kind + strings.NewReplacer("--", "- -", "<", "", ">", "").Replace(at)
}

// runText is where the run of the workflow can be looked at.
func (env *factory) runText() string {
	if env.getenv(actionsVariable) != "true" {
		return ""
	}
	return " in " + env.getenv("GITHUB_SERVER_URL") + "/" + env.getenv("GITHUB_REPOSITORY") + "/actions/runs/" + env.getenv("GITHUB_RUN_ID")
}

// statusPage is what is wrong and what the status says, in Markdown.
func statusPage(at string, s *publish.Status, wrong []string) string {
	var p markdown.Page
	fmt.Fprintf(&p, "## %s\n\n", markdown.Cell(at))
	for _, line := range listed(wrong) {
		fmt.Fprintln(&p, line)
	}
	if len(wrong) > 0 {
		p.WriteString("\n")
	}
	if s == nil {
		return p.String()
	}
	p.Table("", "night", "at", "result")
	p.Row("current", s.Snapshot, "", plural(len(s.Snapshots), "night")+", "+plural(s.Packages, "package"))
	for _, t := range []struct {
		what string
		try  *publish.Try
	}{{"last good", s.LastGood}, {"last try", s.LastTry}} {
		if t.try == nil {
			continue
		}
		result := "good"
		if !t.try.Good() {
			result = "failed in " + t.try.Stage + ": " + t.try.Reason
		}
		p.RawRow(t.what, markdown.Cell(t.try.Snapshot), t.try.At.UTC().Format(time.RFC3339), markdown.Code(result))
	}
	p.WriteString("\n")
	return p.String()
}

// listed are the points of a list; what stands in them is no Markdown.
func listed(wrong []string) []string {
	lines := make([]string, len(wrong))
	for i, text := range wrong {
		lines[i] = "* " + markdown.Code(text)
	}
	return lines
}
