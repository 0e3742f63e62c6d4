package compare

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/golden"
	"github.com/mage-os/nightly/releases"
)

// A told history is what somebody wrote down, by URL and both commits.
type told map[string][]Commit

func (h told) Between(_ context.Context, url, before, after string) ([]Commit, error) {
	commits, ok := h[url+" "+before[:2]+" "+after[:2]]
	if !ok {
		return nil, errors.New("nobody\nremembers")
	}
	return commits, nil
}

func id(pair string) string { return strings.Repeat(pair, 20) }

// twoSnapshots are nights in which all that can change does.
func twoSnapshots() (before, after *releases.Manifest) {
	pkg := func(name, version string, requires ...releases.Requirement) releases.ManifestPackage {
		return releases.ManifestPackage{Name: name, Version: version, Type: "magento2-module", Requires: requires}
	}
	require := func(name, constraint string) releases.Requirement {
		return releases.Requirement{Name: name, Constraint: constraint, Evidence: "Model/A.php:3"}
	}
	line := releases.Line{Name: "acme", Title: "Acme *nightly*"}
	before = &releases.Manifest{Snapshot: "2026-11-23", Packages: []releases.ManifestPackage{
		pkg("acme/module-a", "1-a23", require("acme/module-b", "1-a23"), require("php", ">=8.1"), require("ext-old", "*")),
		pkg("acme/module-b", "1-a23"), pkg("acme/module-gone", "1-a23"), pkg("acme/language", "1.0.0"),
	}}
	before.Plan = releases.Plan{Line: line, Repositories: []releases.PlannedRepository{
		{Name: "shop", URL: "https://bot:secret@github.com/acme/shop.git", Commit: id("a1")},
		{Name: "language", URL: "https://git.example.org/acme/language", Commit: id("b1")},
		{Name: "same", URL: "https://github.com/acme/same", Commit: id("c1")},
		{Name: "gone", URL: "file:///srv/gone", Commit: id("d1")},
	}}
	after = &releases.Manifest{Snapshot: "2026-11-24", Packages: []releases.ManifestPackage{
		pkg("acme/module-a", "1-a24", require("acme/module-b", "1-a24"), require("php", ">=8.2"), require("ext-new", "*")),
		pkg("acme/module-b", "1-a24"), pkg("acme/module-new", "1-a24"), pkg("acme/language", "1.0.0"),
	}}
	after.Plan = releases.Plan{Line: line, Repositories: []releases.PlannedRepository{
		{Name: "shop", URL: "https://bot:secret@github.com/acme/shop.git", Commit: id("a2")},
		{Name: "language", URL: "https://git.example.org/acme/language", Commit: id("b2")},
		{Name: "same", URL: "https://github.com/acme/same", Commit: id("c1")},
		{Name: "new", URL: "file:///srv/new", Commit: id("e2")},
	}}
	return before, after
}

var history = told{"https://bot:secret@github.com/acme/shop.git a1 a2": {
	{ID: id("a2"), Subject: "Merge #123 and #124, again #123", Author: "Ann"},
	{ID: id("a3"), Subject: "Escape `code`, <b>, \x1b[31m, [x](y) and @all", Author: "B_e_a"},
}}

func compared(t *testing.T, h History) *Result {
	t.Helper()
	before, after := twoSnapshots()
	c, err := Manifests(t.Context(), before, after, h)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCompareGolden(t *testing.T) {
	c := compared(t, history)
	data, err := c.JSON()
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "testdata/compare.json", data)
	golden.Compare(t, "testdata/compare.txt", c.Text())
	golden.Compare(t, "testdata/compare.md", c.Markdown())
	for _, text := range [][]byte{data, c.Text(), c.Markdown()} {
		if strings.Contains(string(text), "secret") || strings.Contains(string(text), "\x1b") {
			t.Errorf("a password or an escape is in\n%s", text)
		}
	}
	var back Result
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, &back); diff != "" {
		t.Error("read back:", diff)
	}
}

func TestCompareSameNight(t *testing.T) {
	snapshot, _ := twoSnapshots()
	c, err := Manifests(t.Context(), snapshot, snapshot, nil)
	if err != nil || !c.Quiet() || len(c.Changed) != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	// Only the versions move.
	_, after := twoSnapshots()
	after.Packages, after.Plan.Repositories = nil, snapshot.Plan.Repositories
	for _, p := range snapshot.Packages {
		p.Version = strings.ReplaceAll(p.Version, "a23", "a24")
		var requires []releases.Requirement
		for _, r := range p.Requires {
			r.Constraint = strings.ReplaceAll(r.Constraint, "a23", "a24")
			requires = append(requires, r)
		}
		p.Requires = requires
		after.Packages = append(after.Packages, p)
	}
	c, err = Manifests(t.Context(), snapshot, after, nil)
	if err != nil || !c.Quiet() || len(c.Changed) != 3 {
		t.Errorf("%+v, %v", c, err)
	}
}

// What is not known is not counted as none.
func TestCommitText(t *testing.T) {
	known, unknown := ChangedRepository{Commits: make([]Commit, 2)}, ChangedRepository{Unknown: "nobody remembers"}
	for want, repositories := range map[string][]ChangedRepository{
		"0 commits": nil, "2 commits": {known}, "2 known commits": {known, unknown}, "commits not known": {unknown},
	} {
		if got := (&Result{Repositories: repositories}).CommitText(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestCompareStops(t *testing.T) {
	before, after := twoSnapshots()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Manifests(ctx, before, after, history); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
