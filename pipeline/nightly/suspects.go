package nightly

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/pipeline/suspects"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

// Suspects are the commits and the releases of others that may have made a run fail: those since the last good night of
// its line at a target. There are none where there is no such night.
func Suspects(ctx context.Context, r *runner.Runner, made Result, failed error, at target.Source, history suspects.History) ([]suspects.Suspect, error) {
	repository := publish.Read(at)
	good, err := repository.Before(ctx, &releases.Manifest{Snapshot: made.Plan.Snapshot(), Plan: *made.Plan})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c := suspects.Case{
		Good: &good.Manifest.Plan, Bad: made.Plan, Packages: good.Manifest.Packages, Failure: failed.Error(),
		After: installed(r, made.Plan, failed),
	}
	if made.Snapshot != nil {
		m, err := manifestOf(ctx, r.Trees, *made.Snapshot)
		if err != nil {
			return nil, err
		}
		c.Packages = m.Packages
	}
	if data, err := target.Read(ctx, at, good.Manifest.Snapshot.Dir()+"/"+attest.InstallationFile); err == nil {
		if before, err := attest.ParseInstallation(data); err == nil {
			c.Before = before.Packages
		}
	}
	return suspects.Find(ctx, c, history)
}

// installed are what Composer installed in the cell that failed, as far as it came.
func installed(r *runner.Runner, plan *releases.Plan, failed error) []stages.InstalledPackage {
	var stage *pipeline.StageError
	if !errors.As(failed, &stage) || !strings.HasPrefix(stage.Stage, "install") {
		return nil
	}
	folder := filepath.Join(r.Dir, "install", plan.Line.Name)
	if _, cell, ok := strings.Cut(stage.Stage, " "); ok {
		folder += "-" + cell
	}
	data, err := files.Read(filepath.Join(folder, "report", stages.InstallationFile), files.Large)
	if err != nil {
		return nil
	}
	made, err := attest.ParseInstallation(data)
	if err != nil {
		return nil
	}
	return made.Packages
}
