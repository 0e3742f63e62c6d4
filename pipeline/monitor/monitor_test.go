package monitor

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/history"
)

func TestFailedJobs(t *testing.T) {
	for text, want := range map[string]string{
		`{"build": {"result": "success"}, "install": {"result": "skipped"}}`:                                "",
		`{"b": {"result": "failure", "outputs": {}}, "a": {"result": "cancelled"}, "c": {"result": "odd"}}`: "a was cancelled, or took too long; b failed; c failed",
		`[]`: "want what toJSON(needs) gives",
	} {
		failed, err := FailedJobs([]byte(text))
		got := strings.Join(failed, "; ")
		if err != nil {
			got = err.Error()
		}
		if !strings.HasSuffix(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestMarker(t *testing.T) {
	f := Finding{At: "https://a--b.example.org/<x>"}
	if got := f.marker(false); got != "nightly status: https://a- -b.example.org/x" {
		t.Error(got)
	}
	if f.marker(true) == f.marker(false) {
		t.Error("a monitor would close what the workflow has opened")
	}
}

// A failed try is wrong at once only where nobody watches the age.
func TestJudge(t *testing.T) {
	at := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	failed := &publish.Status{Snapshot: "2026-11-23", LastTry: &history.Try{Snapshot: "2026-11-24", At: at, Stage: "build", Reason: "a `broken` | package"}}
	const try = "the last try, of 2026-11-24, failed in build: a `broken` | package"
	for name, test := range map[string]struct {
		status *publish.Status
		bad    error
		jobs   []string
		age    bool
		want   []string
	}{
		"well":                 {status: &publish.Status{}},
		"a failed try":         {status: failed, want: []string{try}},
		"a failed try, by age": {status: failed, age: true},
		"a workflow alone":     {jobs: []string{"a failed"}, want: []string{"job a failed"}},
		"no status, and jobs":  {bad: errors.New("no answer"), jobs: []string{"a failed"}, want: []string{"job a failed", "no answer"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Judge("here", test.status, test.bad, test.jobs, test.age).Wrong); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	failed.LastTry.Suspects = []history.Suspect{{Name: "shop", Commit: "0123456789abc", Author: "Paul", Title: "Count", URL: "https://github.com/acme/shop/pull/7", Why: "changes a.php, which the failure names"}}
	page := Judge("here", failed, nil, nil, false).Page()
	for _, want := range []string{
		"\n### Suspects, the first of 1\n", "| shop | [`0123456789 Count`](https://github.com/acme/shop/pull/7) | `Paul` | changes a.php, which the failure names |\n",
		"## Red: here, 1 problem\n\n* `the last try, of 2026-11-24, failed in build: a 'broken' \\| package`\n\n",
		"| current | 2026-11-23 |  | 0 snapshots, 0 packages |\n",
		"| last try | 2026-11-24 | 2026-11-24T03:00:00Z | `failed in build: a 'broken' \\| package` |\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}
