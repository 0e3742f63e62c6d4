package display

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/golden"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

func TestAnnotations(t *testing.T) {
	var out bytes.Buffer
	Annotate(&out, "mageos-nightly nightly", errors.Join(
		errors.New("nightly.yaml:12:3: url: want, a URL\nas https://example.org/"), fmt.Errorf("plan: %w; end", errors.Join(errors.New("lines/mine.yaml:7: no name"), errors.New("repository a: 100% gone"))),
	))
	want := `::error file=releases/nightly.yaml,line=12,title=mageos-nightly nightly::url: want, a URL%0Aas https://example.org/
::error file=lines/mine.yaml,line=7,title=mageos-nightly nightly::no name
::error title=mageos-nightly nightly::repository a: 100%25 gone; end
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	out.Reset()
	Annotate(&out, "ci", errors.Join(slices.Repeat([]error{errors.New("p")}, 26)...))
	if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); len(lines) != 10 || lines[9] != "::error title=ci::and 17 more: the page of the run has all" {
		t.Errorf("%d lines, the last: %s", len(lines), lines[len(lines)-1])
	}
}

// failedRun has shown a run that failed.
func failedRun() *Run {
	snapshot := &stages.Snapshot{Packages: []stages.SnapshotPackage{{Name: "acme/one", Version: "1.0", Type: "library"}}}
	plan := &releases.Plan{Date: "2026-11-24", Line: releases.Line{Name: "acme", Title: "Acme | <b>"}, Repositories: []releases.PlannedRepository{
		{Name: "shop", URL: "https://github.com/acme/shop.git", Ref: "refs/heads/main", Commit: strings.Repeat("a1", 20), Tag: "1.0"},
		{Name: "own", URL: "ssh://git@example.org/own", Ref: "refs/heads/main", Commit: strings.Repeat("b2", 20)},
	}}
	return &Run{
		Result: nightly.Result{Plan: plan, Snapshot: snapshot, Proof: nightly.Proof{Installations: []stages.Installation{{
			Level: releases.Shop, Cell: releases.Cell{PHP: "8.4", Database: "mariadb:11.4"}, Tools: []stages.Tool{{Name: "php", Version: "8.4.1"}},
			Proven: []stages.Proof{{Step: "storefront"}}, NotProven: []stages.Proof{{Step: "upgrade"}},
		}}}, Publication: &stages.Publication{Target: "sftp://secret@host/", URL: "https://example.org/", Snapshot: "2026-11-24", Changes: "night 2026-11-23: 1 package added", Added: 3, Bytes: 1500, Kept: []releases.SnapshotName{"2026-11-24"}}},
		reports: []timed{
			{Report: pipeline.Report{Stage: "build", State: pipeline.Done, Detail: "1 package", Notes: []string{"a <note>"}}, took: 1234 * time.Millisecond},
			{Report: pipeline.Report{Stage: "install", State: pipeline.Failed, Err: errors.New("x")}, took: time.Second},
		},
	}
}

func TestPage(t *testing.T) {
	failed := &pipeline.StageError{Stage: "install", Err: errors.Join(errors.New("first `problem`\n\tand why\nnamed by that: acme/one"), errors.New("second"))}
	golden.Compare(t, "testdata/page.golden", []byte(Page("mageos-nightly nightly", []*Run{failedRun()}, nil, failed, 5)))
	if page := Page("mageos-nightly clean", nil, nil, nil, 0); page != "## Green\n\nmageos-nightly clean\n\n" {
		t.Errorf("a command that has nothing to say: %s", page)
	}
	if page := Page("mageos-nightly status", nil, []string{"## Red: here\n\n"}, nil, 0); page != "mageos-nightly status\n\n## Red: here\n\n" {
		t.Errorf("a command that says itself what came of it: %s", page)
	}
}

// A page begins with what came of the run.
func TestVerdict(t *testing.T) {
	made, dry := failedRun(), failedRun()
	made.reports = append(made.reports[:1], timed{Report: pipeline.Report{Stage: "install php8.3-mysql8.4", State: pipeline.Skipped}})
	dry.Result.Publication = nil
	for want, test := range map[string]struct {
		runs   []*Run
		failed error
	}{
		"Green": {},
		"Green: 1 of 2 cells, published as night 2026-11-24":             {runs: []*Run{made}},
		"Red at install in php8.4: acme/one; 1 of 1 cell, not published": {[]*Run{dry}, &pipeline.StageError{Stage: "install php8.4", Err: errors.New("x\n" + stages.NamedBy + "acme/one\nlog")}},
		"Red at plan: no such branch":                                    {failed: fmt.Errorf("a: %w", &pipeline.StageError{Stage: "plan", Err: errors.New("no such branch\nmore")})},
		"Red: " + strings.Repeat("x", maxVerdict-1) + "…":                {failed: errors.New(strings.Repeat("x", maxVerdict+1))},
	} {
		if got := verdict(test.runs, test.failed); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestLongPage(t *testing.T) {
	run := failedRun()
	for i := range 40_000 {
		run.Result.Snapshot.Packages = append(run.Result.Snapshot.Packages, stages.SnapshotPackage{Name: fmt.Sprintf("acme/module-%d", i)})
	}
	if page := Page("ci", []*Run{run}, nil, nil, 0); len(page) > maxPage+100 || !strings.HasSuffix(page, "… cut off here\n") {
		t.Errorf("%d bytes", len(page))
	}
}
