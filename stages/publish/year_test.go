package publish

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/history"
)

// aTry is what a night of a matrix of six cells tells; every ninth fails in the installation of one.
func aTry(at time.Time) history.Entry {
	day := at.Format(time.DateOnly)
	e := history.Entry{Files: map[string][]byte{}, Try: history.Try{
		Line: "nightly", Snapshot: day, At: at, Millis: 1_234_567, Run: "https://github.com/acme/nightly/actions/runs/" + at.Format("20060102"), Program: releases.Program,
		Plan: pipeline.DigestOf([]byte(day)), Commits: map[string]string{},
	}}
	for i := range 30 {
		e.Commits[fmt.Sprintf("repository-%02d", i)] = strings.Repeat(fmt.Sprintf("%02x", i), 20)
	}
	failed := at.YearDay()%9 == 0
	for i := range 6 {
		c := history.Cell{
			Name: fmt.Sprintf("php8.%d-mariadb11.%d-opensearch2.19", 2+i/2, 4+i%2), State: pipeline.Done, Level: releases.Shop,
			With: []string{"php 8.4.13", "composer 2.8.12", "database 11.4.8-MariaDB", "search opensearch:2.19.1", "mariadb:11.4 docker.io/library/mariadb@sha256:" + strings.Repeat("a1", 32)},
		}
		for p, name := range []string{"category", "home page", "product"} {
			c.Pages = append(c.Pages, history.Page{Name: name, Millis: int64(200 + 40*p + (at.YearDay()*7+i)%30), Queries: 40 + 10*p + at.YearDay()%4})
		}
		c.Report = c.Name + "/" + history.ReportFile
		e.Files[c.Report] = []byte(strings.Repeat("step | seconds | memory\n", 200))
		if failed && i == 5 {
			c.State, c.Detail = pipeline.Failed, "setup:install: SQLSTATE[42S02]: Base table or view not found: 1146 Table 'acme_tool' doesn't exist"
			e.Stage, e.Cell, e.Reason, e.Blamed = "install", c.Name, "cell "+c.Name+": "+c.Detail, []string{"acme/module-007"}
			e.Files[history.PlanFile], e.Files[history.LogFile] = []byte("{}"), []byte(strings.Repeat("a line of the log\n", 2000))
			e.Suspects = []history.Suspect{{Name: "repository-07", Commit: strings.Repeat("07", 20), Author: "Béa O'Neil", Title: "Create the table in a patch", URL: "https://github.com/acme/shop/pull/123", Why: "touches acme/module-007, which the failure names"}}
		}
		e.Cells = append(e.Cells, c)
	}
	for _, name := range []string{"checkout", "dependencies", "build", "install"} {
		e.Stages = append(e.Stages, history.Stage{Name: name, State: pipeline.Done, Millis: 60_000})
	}
	return e
}

// publishNight tells of a night as a run does: with what it publishes, or alone where it failed.
func publishNight(tb testing.TB, dir string, at time.Time, modules int) {
	tb.Helper()
	e := aTry(at)
	name := releases.SnapshotName(e.Snapshot)
	store := newMemory()
	o := options(tb, store, name)
	o.Now, o.Tries = at, []history.Entry{e}
	if !e.Good() {
		if err := o.Tried(tb.Context(), dir, testURL, nil); err != nil {
			tb.Fatal(err)
		}
		return
	}
	built := sample{name: name, modules: modules, change: e.Snapshot}.build(tb, store)
	if _, err := Stage(o).Run(tb.Context(), stages.PublishRequest{Snapshot: built, To: dir, Keep: 14}); err != nil {
		tb.Fatal(err)
	}
}

var yearNights = flag.Int("nights", 70, "nights that TestYear publishes; 366 are a year")

// A year of nights: the history is bounded, the page stays light, and no night rewrites more than its month.
func TestYear(t *testing.T) {
	nights := *yearNights
	dir := t.TempDir()
	begin := time.Date(2025, 12, 1, 3, 0, 0, 0, time.UTC)
	for night := range nights {
		publishNight(t, dir, begin.AddDate(0, 0, night), 2)
	}
	last := begin.AddDate(0, 0, nights-1)
	sizes := map[string]int64{}
	count := map[string]int{}
	for name := range listing(t, dir) {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		top, _, _ := strings.Cut(name, "/")
		sizes[top] += info.Size()
		count[top]++
	}
	t.Logf("after %d nights: history %d KB in %d files, tries %d KB in %d files, board %d KB, status %d bytes, feeds %d KB",
		nights, sizes["history"]/1e3, count["history"], sizes["tries"]/1e3, count["tries"], sizes["index.html"]/1e3, sizes["status.json"], (sizes["feed.xml"]+sizes["breakages.xml"])/1e3)
	tries, err := history.Read(t.Context(), folderTarget(dir), time.Time{})
	if err != nil || len(tries) != nights {
		t.Errorf("%d tries of %d: %v", len(tries), nights, err)
	}
	if sizes["index.html"] > 150_000 || sizes["history"] > 4_000_000 {
		t.Errorf("board %d bytes, history %d", sizes["index.html"], sizes["history"])
	}
	folders, err := os.ReadDir(filepath.Join(dir, history.TriesDir))
	if err != nil || len(folders) > 32 {
		t.Errorf("%d folders of tries stay: %v", len(folders), err)
	}
	for _, f := range folders {
		if f.Name() < last.AddDate(0, 0, -32).Format(time.DateOnly) {
			t.Errorf("%s stays", f.Name())
		}
	}
}
