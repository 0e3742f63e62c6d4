// Package monitor says how fresh a published repository is, and keeps one issue on GitHub
// for as long as something is wrong with it.
package monitor

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/pipeline/suspects"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/history"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/trust"
)

// Status reads the status of a repository. What it says, whoever has the server can
// change; with a root its time is the one that was signed, and ends says what somebody has
// to sign anew soon. It gives what it read also when that is not signed.
func Status(ctx context.Context, source target.Source, root []byte, now time.Time) (s *publish.Status, ends []string, err error) {
	s, err = publish.ReadStatus(ctx, source)
	if err != nil || root == nil {
		return s, nil, err
	}
	r, err := trust.Open(ctx, source, trust.ClientOptions{Root: root, Now: now})
	var signed publish.Signed
	if err == nil {
		signed, err = publish.ReadSigned(r)
	}
	if err != nil {
		return s, nil, &publish.UntrustedError{Err: fmt.Errorf("%s is refused: %w", source, err)}
	}
	for _, role := range r.Status() {
		if why := role.Ends(now); why != "" {
			ends = append(ends, why)
		}
	}
	s.Snapshot, s.Snapshots, s.Metadata, s.LastGood = "", signed.Snapshots, signed.Metadata, nil
	if len(signed.Snapshots) > 0 {
		s.Snapshot = signed.Snapshots[0]
		s.LastGood = &history.Try{Snapshot: string(s.Snapshot), At: signed.Published}
	}
	return s, ends, nil
}

// FailedJobs are the jobs of a workflow that failed, in byte order, with what became of
// them. They are read from what toJSON(needs) gives
// (https://docs.github.com/actions/reference/contexts-reference#needs-context).
func FailedJobs(needs []byte) ([]string, error) {
	var jobs map[string]struct {
		Result string `json:"result"`
	}
	if err := json.Unmarshal(needs, &jobs); err != nil {
		return nil, fmt.Errorf("%w; want what toJSON(needs) gives", err)
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

// A Finding is what a monitor saw of a repository.
type Finding struct {
	At     string          // the repository
	Status *publish.Status // nil: it could not be read
	Wrong  []string        // empty: all is well
	// Workflow says that At is a workflow that publishes nothing.
	Workflow bool
}

// Judge says what is wrong with a repository: jobs that failed, a status that is bad, and,
// if no age is watched, a last try that failed. A try that failed is wrong by its age else.
func Judge(at string, s *publish.Status, bad error, jobs []string, watchesAge bool) Finding {
	f := Finding{At: at, Status: s}
	for _, job := range jobs {
		f.Wrong = append(f.Wrong, "job "+job)
	}
	switch {
	case bad != nil:
		f.Wrong = append(f.Wrong, bad.Error())
	case !watchesAge && s != nil && s.LastTry != nil && !s.LastTry.Good():
		f.Wrong = append(f.Wrong, fmt.Sprintf("the last try, of %s, failed in %s: %s", s.LastTry.Snapshot, s.LastTry.Stage, s.LastTry.Reason))
	}
	return f
}

// Page is the finding in Markdown.
func (f Finding) Page() string {
	var p markdown.Page
	verdict := "Green"
	if len(f.Wrong) > 0 {
		verdict = "Red"
	}
	fmt.Fprintf(&p, "## %s: %s\n\n", verdict, markdown.Cell(f.verdict()))
	if len(f.Wrong) > 0 {
		p.WriteString(f.list() + "\n\n")
	}
	s := f.Status
	if s == nil {
		return p.String()
	}
	p.Table("", "snapshot", "at", "result")
	p.Row("current", string(s.Snapshot), "", markdown.Count(len(s.Snapshots), "snapshot")+", "+markdown.Count(s.Packages, "package"))
	for _, t := range []struct {
		what string
		try  *history.Try
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
	p.WriteString("\n" + suspects.Markdown(f.suspects()))
	return p.String()
}

// suspects are those of the last try, if that failed.
func (f Finding) suspects() []history.Suspect {
	if f.Status == nil || f.Status.LastTry == nil || len(f.Wrong) == 0 {
		return nil
	}
	return f.Status.LastTry.Suspects
}

// verdict is the finding in one line: since when there is no newer night, if there is none.
func (f Finding) verdict() string {
	text := f.At
	if len(f.Wrong) > 0 {
		text += ", " + markdown.Count(len(f.Wrong), "problem")
	}
	if f.Status != nil && f.Status.LastGood != nil {
		text += ", last good " + f.Status.LastGood.Snapshot
	}
	return text
}

// list is what is wrong as a list; what stands in it is no Markdown.
func (f Finding) list() string {
	lines := make([]string, len(f.Wrong))
	for i, text := range f.Wrong {
		lines[i] = "* " + markdown.Code(text)
	}
	return strings.Join(lines, "\n")
}
