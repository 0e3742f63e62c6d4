package page

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish/history"
)

const testURL = "https://nightly.example.org/repo/"

var began = time.Date(2026, 10, 1, 3, 0, 0, 0, time.UTC)

// try is one of a day, with cells; stage is what failed in the last of them.
func try(day int, stage string, cells int) *history.Try {
	at := began.AddDate(0, 0, day)
	t := &history.Try{Line: "nightly", Snapshot: at.Format(time.DateOnly), At: at, Stage: stage}
	for i := range cells {
		c := history.Cell{Name: fmt.Sprintf("php8.%d-mariadb11.4-opensearch2.19", i), State: pipeline.Done, Pages: []history.Page{{Name: "home page", Millis: 200 + int64(day%3), Queries: 40}, {Name: "product", Millis: 300, Queries: 60}}}
		if stage != "" && i == cells-1 {
			c.State, t.Cell, t.Reason = pipeline.Failed, c.Name, stage+" says no"
			t.Suspects = []history.Suspect{{Name: "shop", Title: "Break " + stage}}
		}
		c.Report = t.Dir() + "/" + c.Name + "/report.txt"
		t.Cells = append(t.Cells, c)
	}
	return t
}

func board(tries ...*history.Try) Board {
	m := &releases.Manifest{Snapshot: "2026-11-24"}
	m.Plan.Line.Title, m.Plan.Line.Vendor = "Nightly builds", "acme"
	return Board{Of: m, Base: testURL, At: testURL, Tries: tries}
}

func drawn(t *testing.T, b Board) string {
	t.Helper()
	data, err := b.Draw()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The board says first how the line is, since when, and what was last good.
func TestVerdict(t *testing.T) {
	for name, test := range map[string]struct {
		tries []*history.Try
		want  []string
	}{
		"none":  {nil, nil},
		"green": {[]*history.Try{try(0, "build", 1), try(1, "", 1), try(2, "", 1)}, []string{"Green since 2026-10-02"}},
		"red": {[]*history.Try{try(0, "", 1), try(1, "build", 1), try(2, "install", 1)},
			[]string{"Red since 2026-10-02", "2 bad runs", "last good 2026-10-01", "What failed: install of php8.0", "install says no", ">Break install<"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := drawn(t, board(test.tries...))
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in:\n%s", want, got)
				}
			}
			if len(test.tries) == 0 && strings.Contains(got, "grid") == strings.Contains(got, "<table>") {
				t.Errorf("a grid of nothing:\n%s", got)
			}
		})
	}
}

// Each state has a sign of its own, and leads to its report for as long as that is kept.
func TestGrid(t *testing.T) {
	tries := []*history.Try{try(0, "", 2), try(58, "", 2), try(59, "install", 2)}
	tries[1].Cells[1].State = pipeline.Skipped
	g := board(tries...).Grid()
	var signs []string
	for _, row := range g.Rows {
		signs = append(signs, row.Marks[0].Sign+row.Marks[57].Sign+row.Marks[58].Sign+row.Marks[59].Sign)
	}
	if diff := cmp.Diff([]string{"✓·✓✕", "✓·✓✓", "✓·–✕"}, signs); diff != "" {
		t.Error(diff)
	}
	if old, last := g.Rows[2].Marks[0], g.Rows[2].Marks[59]; old.URL != "" || last.URL != testURL+tries[2].Cells[1].Report || last.Title != "Nov 29: failed" {
		t.Errorf("%+v, and of two months ago %+v", last, old)
	}
	if len(g.Days) != shownDays || g.Months[0] != (Month{"October", 31}) {
		t.Errorf("%d days, of %v", len(g.Days), g.Months)
	}
}

// What others have written is text, and no address of theirs is a script.
func TestEscapes(t *testing.T) {
	evil := `"><script>alert(1)</script>`
	bad := try(0, evil, 1)
	bad.Reason, bad.Run, bad.Cells[0].Report, bad.Blamed = evil, "javascript:alert(1)", "javascript://alert(1)", []string{evil}
	bad.Suspects = []history.Suspect{{Name: evil, Commit: evil, Title: evil, URL: "javascript:alert(1)"}}
	b := board(bad)
	b.Of.Plan.Line.Title = evil
	b.Of.Plan.Repositories = []releases.PlannedRepository{
		{Name: evil, URL: "javascript:alert(1)", Ref: evil, Commit: evil},
		{Name: "shop", URL: "https://bot:secret@github.com/acme/shop.git?x=1", Ref: "refs/heads/main", Commit: "0123456789abcdef"},
	}
	got := drawn(t, b)
	if n := strings.Count(got, "<script>"); n != 1 || strings.Contains(got, `"javascript:`) || strings.Contains(got, "secret") {
		t.Errorf("%d scripts in:\n%s", n, got)
	}
	for _, want := range []string{`href="https://github.com/acme/shop"`, `href="https://github.com/acme/shop/commit/0123456789abcdef"`, ">0123456789<", ">main<"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in:\n%s", want, got)
		}
	}
	files, err := Packages(evil, testURL, []*Package{{Name: "acme/a", Description: evil, Type: evil, License: []string{evil}, Homepage: "javascript:alert(1)"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if strings.HasSuffix(name, ".html") && (strings.Contains(string(data), "<script>alert") || strings.Contains(string(data), `"javascript:`)) {
			t.Errorf("%s:\n%s", name, data)
		}
	}
}

func TestCommands(t *testing.T) {
	edition := releases.ManifestPackage{Name: "acme/project-shop", Version: "1.0-alpha1", Type: "project"}
	for _, tt := range []struct {
		name, base string
		line       releases.Line
		want       string
	}{
		{"the installed project", testURL, releases.Line{Vendor: "acme", Install: releases.Install{Project: "project-shop"}},
			"composer create-project --repository=https://nightly.example.org/repo/ acme/project-shop:1.0-alpha1 shop"},
		{"the first project", testURL, releases.Line{Vendor: "acme", Editions: []releases.Edition{{Name: "product", Type: "product"}, {Name: "project-shop", Type: "project"}}},
			"composer create-project --repository=https://nightly.example.org/repo/ acme/project-shop:1.0-alpha1 shop"},
		{"no project", testURL, releases.Line{Vendor: "acme"}, ""},
		{"a URL that a shell would read", "https://h/a&b'c/", releases.Line{Vendor: "acme", Install: releases.Install{Project: "project-shop"}},
			`composer create-project --repository='https://h/a&b'\''c/' acme/project-shop:1.0-alpha1 shop`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &releases.Manifest{Packages: []releases.ManifestPackage{edition}}
			m.Plan.Line = tt.line
			if diff := cmp.Diff(tt.want, (Board{Of: m, Base: tt.base}).Install()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The pages of packages say what requires them, and what is known against them.
func TestPackages(t *testing.T) {
	a := &Package{Name: "acme/a", Version: "1.0.0", Repository: "https://github.com/acme/shop", Commit: "0123456789abcdef", Directory: "app/a", License: []string{"OSL-3.0"}}
	b := &Package{Name: "acme/b", Version: "1.0.0", Requires: []releases.Requirement{{Name: "acme/a", Constraint: "^1"}, {Name: "php", Constraint: "^8"}}}
	files, err := Packages("Nightly", testURL, []*Package{a, b})
	if err != nil {
		t.Fatal(err)
	}
	for name, wants := range map[string][]string{
		"pages/acme/a.html": {`href="../../pages/acme/b.html">acme/b`, "https://github.com/acme/shop/tree/0123456789abcdef/app/a", "OSL-3.0", "Requires nothing."},
		"pages/acme/b.html": {`href="../../pages/acme/a.html">acme/a`, "<span>php</span>", "Nothing here requires it."},
		"pages/index.html":  {`href="acme/a.html"`, `href="acme/b.html"`},
	} {
		for _, want := range wants {
			if !strings.Contains(string(files[name]), want) {
				t.Errorf("%s has no %s:\n%s", name, want, files[name])
			}
		}
	}
	for _, name := range Files([]string{"acme/a", "acme/b"}) {
		if files[name] == nil {
			t.Errorf("no %s", name)
		}
		delete(files, name)
	}
	if len(files) > 0 {
		t.Errorf("more than Files says: %v", files)
	}
}

// A page that became slow is told, as a plot and as a warning; one that is as slow as usual is not.
func TestSlow(t *testing.T) {
	var tries []*history.Try
	for day := range 8 {
		tries = append(tries, try(day, "", 1))
	}
	if b := board(tries...); len(b.Slow()) > 0 || len(b.Plots()) != 2 {
		t.Errorf("as usual: %q, %d plots", b.Slow(), len(b.Plots()))
	}
	tries[7].Cells[0].Pages[0].Millis, tries[7].Cells[0].Pages[1].Queries = 900, 400
	want := []string{"the home page took 900 ms, and 201 ms in the nights before", "the product asked the database 400 times, and 60 times in the nights before"}
	if diff := cmp.Diff(want, board(tries...).Slow()); diff != "" {
		t.Error(diff)
	}
	b := board(tries...)
	b.Of.Plan.Line.Install.Slower = 10
	if slow := b.Slow(); len(slow) > 0 {
		t.Errorf("a line that allows it: %q", slow)
	}
}

// The feeds are Atom, the newest entry first; the one of breakages has the turns alone.
func TestFeeds(t *testing.T) {
	files, err := Feeds("Nightly & more", testURL, []*history.Try{try(0, "", 1), try(1, "build", 1), try(2, "build", 1), try(3, "", 1)})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		FeedFile:      {"2026-10-04 is good", "2026-10-03 failed in build", "2026-10-02 failed in build", "2026-10-01 is good"},
		BreakagesFile: {"2026-10-04 is good", "2026-10-02 failed in build"},
	} {
		var f atom
		if err := xml.Unmarshal(files[name], &f); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range f.Entries {
			got = append(got, e.Title)
		}
		if diff := cmp.Diff(want, got); diff != "" || f.Updated != "2026-10-04T03:00:00Z" {
			t.Error(name, f.Updated, diff)
		}
	}
}
