// Package build writes the packages of a snapshot: it composes every
// composer.json, makes sure that what the packages require is to be had, packs
// them, and writes the snapshot's own Composer metadata and manifest.
package build

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"runtime"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// Name is the stage's name, in keys of saved results and in progress.
const Name = "build"

// Version is raised when the same input must give another snapshot.
const Version = 3

// Options are what the stage works with. None of these decides bytes.
type Options struct {
	Store pipeline.Store
	// Cache keeps packed packages; it may be lost without harm, or be nil.
	Cache pipeline.Cache
	// Fetcher reads the Composer repositories of third-party packages.
	Fetcher composer.Fetcher
	// Locate gives the folder of what the program carries in itself, for a URL
	// embedded:NAME.
	Locate   func(url string) (dir string, err error)
	Log      *slog.Logger      // nil: nothing is logged
	Progress pipeline.Progress // nil: nobody looks
	Workers  int               // packages packed at the same time; 0: one per processor
}

// Stage gives the stage that builds the packages. All packages that are not to
// be had are reported together, and before anything is packed.
func Stage(o Options) pipeline.Stage[stages.Build, stages.Snapshot] {
	return pipeline.Stage[stages.Build, stages.Snapshot]{Name: Name, Version: Version, Run: o.withDefaults().run}
}

func (o Options) withDefaults() Options {
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	o.Workers = cmp.Or(o.Workers, runtime.GOMAXPROCS(0))
	return o
}

func (o Options) run(ctx context.Context, in stages.Build) (stages.Snapshot, error) {
	trees, err := in.Sources.Trees(ctx, o.Store)
	if err != nil {
		return stages.Snapshot{}, err
	}
	packages, err := compose(ctx, o.Store, in, trees)
	if err != nil {
		return stages.Snapshot{}, err
	}
	if err := o.closure(ctx, in, trees, packages); err != nil {
		return stages.Snapshot{}, err
	}
	standIns, err := standIns(in.Plan, packages)
	if err != nil {
		return stages.Snapshot{}, err
	}
	packages = append(packages, standIns...)
	packings := make([]packing, len(packages))
	for i, p := range packages {
		packings[i] = p.packing()
	}
	dists, err := o.packAll(ctx, packings)
	if err != nil {
		return stages.Snapshot{}, fmt.Errorf("pack the packages: %w", err)
	}
	o.Log.Info("packages packed", slog.Int("packages", len(dists)))
	return o.snapshot(ctx, in, packages, dists)
}
