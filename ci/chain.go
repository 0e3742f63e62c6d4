package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/build"
	"github.com/mage-os/nightly/stages/checkout"
	"github.com/mage-os/nightly/stages/dependencies"
	"github.com/mage-os/nightly/stages/install"
	"github.com/mage-os/nightly/stages/publish"
)

// stageNames are the stages in their order; the plan comes before them.
var stageNames = []string{"plan", "checkout", "dependencies", "build", "install", "publish"}

// A chain is the stages wired to this machine.
type chain struct {
	world   *world
	store   *store.Store
	dir     string // of the store
	session *pipeline.Session
	carried *carried
	fetcher composer.Fetcher
	log     *slog.Logger
	show    *display
}

func newChain(w *world, fresh bool) (*chain, error) {
	s, dir, err := w.openStore()
	if err != nil {
		return nil, err
	}
	show := newDisplay(w)
	return &chain{
		world: w, store: s, dir: dir, show: show,
		session: &pipeline.Session{Results: s.Results(), Store: s, Fresh: fresh, Report: show.report},
		carried: &carried{dir: filepath.Join(dir, "embedded")},
		fetcher: composer.NewFetcher(&http.Client{}),
		log:     w.logger(show.logs()),
	}, nil
}

// Close ends the display and gives the store back.
func (c *chain) Close() error {
	c.show.finish()
	return c.store.Close()
}

// resolve makes the plan of a line: its commits, tags and upstream versions.
func (c *chain) resolve(ctx context.Context, line *releases.Line, date string, number int) (*releases.Plan, error) {
	c.show.report(pipeline.Report{Stage: "plan", State: pipeline.Started})
	resolver := &releases.Resolver{
		Lister:  git.NewLister(git.Options{Token: c.world.token, Locate: c.carried.locate, Log: c.log}),
		Fetcher: c.fetcher, Locate: c.carried.locate, Log: c.log, Progress: c.show.step,
	}
	plan, err := resolver.Resolve(ctx, line, date, number)
	if err != nil {
		err = &pipeline.StageError{Stage: "plan", Err: err}
		c.show.report(pipeline.Report{Stage: "plan", State: pipeline.Failed, Err: err})
		return nil, err
	}
	c.show.report(pipeline.Report{Stage: "plan", State: pipeline.Done, Detail: plan.Summary()})
	return plan, nil
}

// An order is what of the chain is to be run, and where its result goes.
type order struct {
	until       string // the last stage; empty: all
	to          string // target of publishing; empty: not published
	url         string // base URL of the published repository; empty: the line's
	keep        int    // nights to keep; 0: the line's
	dryRun      bool
	local       bool   // a local build may be published
	unpublished string // why there is no target
}

// An outcome is what a run of the chain made, as far as it came.
type outcome struct {
	plan        *releases.Plan
	night       *stages.Night
	shop        string // folder of the installed shop
	publication *stages.Publication
}

// run takes a plan through the stages. The composition is ordinary Go: the
// compiler checks that each stage fits the next.
func (c *chain) run(ctx context.Context, plan *releases.Plan, o order) (*outcome, error) {
	out := &outcome{plan: plan}
	if o.done(c, "plan") {
		return out, nil
	}
	sources, err := pipeline.Run(ctx, c.session, c.checkout(), stages.CheckoutOf(plan))
	if err != nil || o.done(c, "checkout") {
		return out, err
	}
	found, err := pipeline.Run(ctx, c.session, c.dependencies(), stages.AnalysisOf(plan, sources))
	if err != nil || o.done(c, "dependencies") {
		return out, err
	}
	night, err := pipeline.Run(ctx, c.session, c.build(), stages.Build{
		Plan: *plan, Sources: sources, Dependencies: found,
		Program: releases.Program,
		Stages:  map[string]int{"checkout": c.checkout().Version, "dependencies": c.dependencies().Version},
	})
	if err != nil {
		return out, err
	}
	out.night = &night
	if o.done(c, "build") {
		return out, nil
	}
	if err := c.prove(ctx, plan, night, out); err != nil || o.done(c, "install") {
		return out, err
	}
	return out, c.publish(ctx, night, o, out)
}

// done reports whether stage was the last one wanted, and says of the others
// that they were skipped.
func (o order) done(c *chain, stage string) bool {
	if o.until != stage {
		return false
	}
	for _, later := range stageNames[slices.Index(stageNames, stage)+1:] {
		c.show.report(pipeline.Report{Stage: later, State: pipeline.Skipped, Detail: "--until " + stage})
	}
	return true
}

func (c *chain) prove(ctx context.Context, plan *releases.Plan, night stages.Night, out *outcome) error {
	tools, err := install.Tools(ctx)
	if err != nil {
		return err
	}
	work := filepath.Join(c.dir, "install", plan.Line.Name)
	stage := install.Stage(install.Options{
		Store: c.store, Dir: work, Cache: filepath.Join(c.dir, "composer"),
		Locate: c.carried.locate, Log: c.log, Progress: c.show.step, Environ: c.world.environ(),
	})
	_, err = pipeline.Run(ctx, c.session, stage, stages.Candidate{
		Night: night, Composer: plan.Line.Composer, Install: plan.Line.Install, Tools: tools,
	})
	if err == nil {
		out.shop = filepath.Join(work, "shop")
	}
	return err
}

func (c *chain) publish(ctx context.Context, night stages.Night, o order, out *outcome) error {
	if o.to == "" {
		c.show.report(pipeline.Report{Stage: "publish", State: pipeline.Skipped, Detail: o.unpublished})
		return nil
	}
	keep := o.keep
	if keep == 0 {
		keep = night.Keep
	}
	log := c.log
	if o.dryRun {
		// What would be published is what a dry run is for.
		log = c.world.loggerAt(c.show.logs(), slog.LevelInfo)
	}
	stage := publish.Stage(publish.Options{Store: c.store, Owner: owner(), Log: log, Progress: c.show.step})
	publication, err := pipeline.Run(ctx, c.session, stage, stages.Release{
		Night: night, To: o.to, URL: o.url, Keep: keep, DryRun: o.dryRun, AllowLocal: o.local,
	})
	if err == nil {
		out.publication = &publication
	}
	return err
}

func (c *chain) checkout() pipeline.Stage[stages.Checkout, stages.Sources] {
	return checkout.Stage(checkout.Options{
		Store: c.store, Cache: c.store.Cache("git"), Dir: gitDir(c.dir),
		Locate: c.carried.locate, Token: c.world.token, Log: c.log, Progress: c.show.step,
	})
}

func (c *chain) dependencies() pipeline.Stage[stages.Analysis, stages.Dependencies] {
	return dependencies.Stage(dependencies.Options{Store: c.store, Log: c.log, Progress: c.show.step})
}

func (c *chain) build() pipeline.Stage[stages.Build, stages.Night] {
	return build.Stage(build.Options{
		Store: c.store, Cache: c.store.Cache("build"), Fetcher: c.fetcher, Locate: c.carried.locate,
		Log: c.log, Progress: c.show.step,
	})
}

// checkUntil refuses a stage that there is not.
func checkUntil(stage string) error {
	if stage == "" || slices.Contains(stageNames, stage) {
		return nil
	}
	return &usageError{fmt.Errorf("--until %s: no such stage; the stages are %s", stage, strings.Join(stageNames, ", "))}
}

// isSkip reports whether a stage had nothing to do, which is no failure.
func isSkip(err error) bool {
	var skip *pipeline.SkipError
	return errors.As(err, &skip)
}
