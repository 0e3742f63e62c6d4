package nightly

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/pipeline/suspects"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/history"
	"github.com/mage-os/nightly/stages/publish/target"
)

// Suspects are the commits and the releases of others that may have made a run fail: those since the last good night of
// its line at a target, up to the first try after it that failed alike. There are none where there is no such night.
func Suspects(ctx context.Context, r *runner.Runner, made Result, failed error, at target.Source, known suspects.History) ([]history.Suspect, error) {
	repository := publish.Read(at)
	good, err := repository.Before(ctx, &releases.Manifest{Snapshot: made.Plan.Snapshot(), Plan: *made.Plan})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c := suspects.Case{
		Good: &good.Manifest.Plan, Bad: made.Plan, Packages: good.Manifest.Packages, Was: good.Manifest.Packages, Failure: failed.Error(),
		Before: Others(ctx, repository, good.Manifest.Snapshot), After: InstalledOthers(r, made, failed),
	}
	if first := firstBad(ctx, at, made.Plan.Line.Name, failed); first != nil {
		c.Bad = first
	}
	if made.Snapshot != nil {
		m, err := manifestOf(ctx, r.Trees, *made.Snapshot)
		if err != nil {
			return nil, err
		}
		c.Packages = m.Packages
	}
	c.Read = sourceFiles(ctx, r, made.Plan)
	return suspects.Find(ctx, c, known)
}

// maxSource bounds a source file that is looked into, in bytes.
const maxSource = 1 << 20

// sourceFiles gives the files of a plan that was checked out here; nil: it was not.
func sourceFiles(ctx context.Context, r *runner.Runner, plan *releases.Plan) func(repository, path string) []byte {
	session := r.SessionOf(func(pipeline.Report) {})
	if session.Results == nil {
		return nil
	}
	sources, err := pipeline.Run(ctx, session, r.Checkout(), stages.CheckoutOf(plan))
	if err != nil {
		return nil
	}
	lists := map[string]pipeline.Listing{}
	for _, source := range sources.Repositories {
		if lists[source.Name], err = pipeline.List(ctx, r.Trees, source.Head); err != nil {
			return nil
		}
	}
	return func(repository, path string) []byte {
		list, ok := lists[repository]
		if !ok {
			return nil
		}
		data, _ := list.Read(ctx, path, maxSource) // one that is gone, or too large, has no word
		return data
	}
}

// firstBad is the plan of a line's first try since its last good one, if that failed in the same stage by the same packages;
// nil: it is not known.
func firstBad(ctx context.Context, at target.Source, line string, failed error) *releases.Plan {
	tries, err := history.Read(ctx, at, time.Time{})
	if err != nil {
		return nil
	}
	bad := history.FirstBad(slices.DeleteFunc(tries, func(t *history.Try) bool { return t.Line != line }))
	var stage *pipeline.StageError
	if bad == nil || !errors.As(failed, &stage) || bad.Stage != stage.Stage || strings.Join(bad.Blamed, ", ") != stages.Blamed(failed.Error()) {
		return nil
	}
	plan, err := history.Plan(ctx, at, bad)
	if err != nil {
		return nil
	}
	return plan
}
