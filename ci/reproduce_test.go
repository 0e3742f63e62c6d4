package ci

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/lines"
)

// TestReproduceChecksTheLine: what was published may be anybody's, so that its line is
// checked before anything of it is fetched.
func TestReproduceChecksTheLine(t *testing.T) {
	line, err := lines.Load("sample")
	if err != nil {
		t.Fatal(err)
	}
	line.Repositories = line.Repositories[:1]
	line.Repositories[0].URL = "ssh://-oProxyCommand=id/x"
	data, err := (&releases.Manifest{Format: releases.ManifestFormat, Snapshot: "2026-11-24", Plan: releases.Plan{
		Format: releases.PlanFormat, Program: releases.Program, Line: *line, Date: "2026-11-24", Replace: map[string]string{}, LatestTags: map[string]string{},
		Repositories: []releases.PlannedRepository{{Name: "monorepo", URL: line.Repositories[0].URL, Ref: "refs/heads/main", Commit: strings.Repeat("a", 40), Notes: []string{}}},
	}}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "nightly.json")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	env := &factory{stdout: io.Discard, stderr: io.Discard, environ: os.Environ, getenv: func(string) string { return "" }}
	err = runReproduce(t.Context(), env, file, reproduceFlags{})
	if err == nil || !strings.Contains(err.Error(), "names no host") || exitCode(err) != exitConfig {
		t.Errorf("it says %v", err)
	}
}
