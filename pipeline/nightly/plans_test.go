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

// TestReadPlan: a plan can come from anywhere, so that its line is checked as one that
// was read from a file.
func TestReadPlan(t *testing.T) {
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
	_, err = ReadPlan(file)
	var bad *config.Error
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), "plan.json: repositories[monorepo].url: ") {
		t.Errorf("a plan with a bad URL: %v", err)
	}
}
