package nightly

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/lines"
)

// samplePlan is a plan of the line sample.
func samplePlan(t *testing.T) *releases.Plan {
	t.Helper()
	line, err := lines.Load("sample")
	if err != nil {
		t.Fatal(err)
	}
	plan := &releases.Plan{Format: releases.PlanFormat, Program: releases.Program, Line: *line, Date: "2026-11-24", Replace: map[string]string{}, LatestTags: map[string]string{}}
	for _, r := range line.Repositories {
		plan.Repositories = append(plan.Repositories, releases.PlannedRepository{
			Name: r.Name, URL: r.URL, Ref: "refs/heads/main", Commit: strings.Repeat("a", 40), Notes: []string{},
		})
	}
	return plan
}

// TestKeepPlan: a kept plan stays what it was when another line of its name, or another
// plan of its day, is kept; a snapshot's name alone then does not say which is meant.
func TestKeepPlan(t *testing.T) {
	store := t.TempDir()
	plan := samplePlan(t)
	name := plan.Snapshot()
	if _, err := KeptPlan(store, "sample", name); err == nil || !strings.Contains(err.Error(), "was not built with this store") {
		t.Errorf("no plan: %v", err)
	}
	first, err := KeepPlan(store, plan)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := KeepPlan(store, plan); err != nil || again != first {
		t.Errorf("the same plan is %s, %v; want %s", again, err, first)
	}
	if kept, err := KeptPlan(store, "sample", name); err != nil || kept != first {
		t.Errorf("the only plan is %s, %v; want %s", kept, err, first)
	}
	plan.Line.Title = "Another line of that name"
	second, err := KeepPlan(store, plan)
	if err != nil {
		t.Fatal(err)
	}
	for file, title := range map[string]string{first: samplePlan(t).Line.Title, second: plan.Line.Title} {
		if kept, err := ReadPlan(file); err != nil || kept.Line.Title != title {
			t.Errorf("%s is of %v, %v; want of %s", file, kept, err, title)
		}
	}
	_, err = KeptPlan(store, "sample", name)
	if err == nil || !strings.Contains(err.Error(), first) || !strings.Contains(err.Error(), second) {
		t.Errorf("two plans: %v", err)
	}
}

// TestReadPlan: a plan can come from anywhere, so that its line is checked as one that
// was read from a file.
func TestReadPlan(t *testing.T) {
	plan := samplePlan(t)
	file := filepath.Join(t.TempDir(), "plan.json")
	if err := WritePlan(file, plan); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPlan(file); err != nil {
		t.Error(err)
	}
	plan.Line.Repositories[0].URL = "ssh://-oProxyCommand=id/x"
	if err := WritePlan(file, plan); err != nil {
		t.Fatal(err)
	}
	_, err := ReadPlan(file)
	var bad *config.Error
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), "plan.json: repositories[monorepo].url: ") {
		t.Errorf("a plan with a bad URL: %v", err)
	}
}
