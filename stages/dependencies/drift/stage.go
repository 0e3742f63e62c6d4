// Package drift compares what the packages of a distribution use with what their
// composer.json requires: requires that are missing, that nothing refers to, that
// only tests need. Nothing is installed and no PHP is run for it.
package drift

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages"
)

// Name is the stage's name, in keys of saved results and in progress.
const Name = "drift"

// Version is raised when the same input must give another report.
const Version = 2

// Options are what the stage works with. None of them decides its result.
type Options struct {
	Store    pipeline.Reader
	Log      *slog.Logger      // nil: nothing is logged
	Progress pipeline.Progress // nil: nobody looks
}

// Input is the input of the stage: the sources, their requires, and what is known of other packages.
type Input struct {
	Sources      stages.Sources      `json:"sources"`
	Dependencies stages.Dependencies `json:"dependencies"`
	// Lock is the repository whose root holds the composer.lock of the
	// third-party packages, or empty.
	Lock string `json:"lock"`
	// Vendors are those of the distribution's own packages: two names that
	// differ in them alone are one package.
	Vendors []string `json:"vendors"`
	// Only are the repositories whose packages are reported on; empty: all. The
	// others are still known.
	Only []string `json:"only"`
}

// InputOf makes the input from those of the stages before.
func InputOf(in stages.Analysis, found stages.Dependencies, only []string) Input {
	if only == nil {
		only = []string{}
	}
	return Input{Sources: in.Sources, Dependencies: found, Lock: in.Lock, Vendors: in.Vendors, Only: only}
}

// Stage gives the stage that makes the report. It fails only on what cannot be
// read; what is found is no failure.
func Stage(o Options) pipeline.Stage[Input, Report] {
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	return pipeline.Stage[Input, Report]{Name: Name, Version: Version, Run: o.run}
}

func (o Options) run(ctx context.Context, in Input) (Report, error) {
	d, err := open(ctx, o.Store, in)
	if err != nil {
		return Report{}, err
	}
	if err := o.readAll(ctx, d); err != nil {
		return Report{}, fmt.Errorf("read the packages' files: %w", err)
	}
	return o.judge(ctx, d)
}
