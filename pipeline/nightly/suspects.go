package nightly

import (
	"context"
	"errors"
	"io/fs"

	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/pipeline/suspects"
	"github.com/mage-os/nightly/releases"
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
		Before: Others(ctx, repository, good.Manifest.Snapshot), After: InstalledOthers(r, made, failed),
	}
	if made.Snapshot != nil {
		m, err := manifestOf(ctx, r.Trees, *made.Snapshot)
		if err != nil {
			return nil, err
		}
		c.Packages = m.Packages
	}
	return suspects.Find(ctx, c, history)
}
