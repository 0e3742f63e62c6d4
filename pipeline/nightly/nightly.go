// Package nightly is a night from its plan to the published repository: Run takes a plan
// through the stages, and Build, Prove and Publish are its parts.
package nightly

import (
	"context"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/history"
)

// Stages are the names of the stages in their order; the plan comes before them.
var Stages = []string{"plan", "checkout", "dependencies", "build", "install", "publish"}

// Options are what is asked for of a night.
type Options struct {
	// Until is the last stage to run, one of Stages; empty: all.
	Until   string
	Prove   ProveOptions
	Publish PublishOptions
}

// A Result is what a run made, as far as it came.
type Result struct {
	Plan     *releases.Plan
	Snapshot *stages.Snapshot
	Proof
	Publication *stages.Publication
	// Suspects are what may have made it fail, the most likely first, where somebody looked for them.
	Suspects []history.Suspect
}

// Run takes a plan through the stages. Nothing is published that was not installed.
func Run(ctx context.Context, r *runner.Runner, plan *releases.Plan, o Options) (made Result, err error) {
	defer func() {
		if err == nil {
			skipAfter(r, o.Until)
		}
	}()
	made.Plan = plan
	if o.Until == "plan" {
		return made, nil
	}
	if o.Until == "" || o.Until == "install" || o.Until == publish.Name {
		stop, err := Prepare(ctx, r, plan, o.Prove)
		if err != nil {
			return made, err
		}
		defer stop()
	}
	if made.Snapshot, err = Build(ctx, r, plan, o.Until); err != nil || o.Until == "checkout" || o.Until == "dependencies" || o.Until == "build" {
		return made, err
	}
	return Finish(ctx, r, made, o)
}

// Finish proves a snapshot that was built, and publishes it.
func Finish(ctx context.Context, r *runner.Runner, made Result, o Options) (Result, error) {
	var err error
	if made.Proof, err = Prove(ctx, r, made.Plan, *made.Snapshot, o.Prove); err != nil {
		return made, withOrigins(ctx, r.Trees, *made.Snapshot, err)
	}
	if o.Until == "install" {
		return made, nil
	}
	if !o.Prove.level(made.Plan).Includes(releases.Installed) {
		r.Session().Skip(publish.Name, "nothing is published that was not installed first, and --level resolve installs nothing")
		return made, nil
	}
	made.Publication, err = Publish(ctx, r, *made.Snapshot, made.Proof, o.Publish)
	return made, err
}

// Build builds a plan's packages. It gives nothing if it is to end at a stage before.
func Build(ctx context.Context, r *runner.Runner, plan *releases.Plan, until string) (*stages.Snapshot, error) {
	sources, err := pipeline.Run(ctx, r.Session(), r.Checkout(), stages.CheckoutOf(plan))
	if err != nil || until == "checkout" {
		return nil, err
	}
	return BuildFrom(ctx, r, plan, sources, until)
}

// BuildFrom builds a plan's packages from sources that were checked out.
func BuildFrom(ctx context.Context, r *runner.Runner, plan *releases.Plan, sources stages.Sources, until string) (*stages.Snapshot, error) {
	found, err := pipeline.Run(ctx, r.Session(), r.Dependencies(), stages.AnalysisOf(plan, sources))
	if err != nil || until == "dependencies" {
		return nil, err
	}
	snapshot, err := pipeline.Run(ctx, r.Session(), r.Build(), BuildOf(r, plan, sources, found))
	if err != nil {
		return nil, err
	}
	return &snapshot, nil
}

// BuildOf is the input of the package build.
func BuildOf(r *runner.Runner, plan *releases.Plan, sources stages.Sources, found stages.Dependencies) stages.Build {
	return stages.Build{Plan: *plan, Sources: sources, Dependencies: found, Program: releases.Program, Stages: r.Versions()}
}

// skipAfter reports the stages behind the last one that was asked for.
func skipAfter(r *runner.Runner, until string) {
	if until == "" {
		return
	}
	for _, later := range Stages[slices.Index(Stages, until)+1:] {
		r.Session().Skip(later, "--until "+until)
	}
}
