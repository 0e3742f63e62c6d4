package ci

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/build"
	"github.com/mage-os/nightly/stages/checkout"
	"github.com/mage-os/nightly/stages/dependencies"
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

	trees     pipeline.Store    // store, with the trees of engine or packs
	progress  pipeline.Progress // show's, but in a container
	engine    *container.Engine // nil: stages run in this process
	engineLog *os.File          // what the engine says; nil without one
	others    []*container.Engine
	images    images // for the test installation in containers
	reports   string // the paths of reports of cells begin with it
	files     *received
	attest    *attest.Options  // what is said of a night that is published
	view      *publish.View    // of the target; nil: it was not looked at
	grace     time.Duration    // how long a target keeps what nothing names any more
	changes   []publish.Change // that a dry run of publishing would make
}

func newChain(w *world, fresh bool) (*chain, error) {
	s, dir, err := w.openStore()
	if err != nil {
		return nil, err
	}
	s.Warm()
	show := newDisplay(w)
	return &chain{
		world: w, store: s, dir: dir, show: show, trees: s, progress: show.step,
		session: &pipeline.Session{Results: s.Results(), Store: s, Fresh: fresh, Report: show.report},
		carried: &carried{dir: filepath.Join(dir, "embedded")},
		fetcher: composer.NewFetcher(newClient()),
		log:     w.logger(show.logs()),
		grace:   publish.DefaultGrace,
		attest:  &attest.Options{}, files: &received{},
	}, nil
}

// Close ends the display and the engine's session, and gives the store back.
func (c *chain) Close() error {
	c.show.finish()
	var err error
	for _, engine := range c.engines() {
		err = errors.Join(err, engine.Close())
	}
	if c.engineLog != nil {
		err = errors.Join(err, c.engineLog.Close())
	}
	return errors.Join(err, c.view.Close(), c.store.Close())
}

// end closes the chain when a command returns. That closing failed is the
// command's error if it has no other.
func (c *chain) end(err *error) {
	if e := c.Close(); *err == nil {
		*err = e
	}
}

// resolve makes the plan of a line: its commits, tags and upstream versions.
func (c *chain) resolve(ctx context.Context, line *releases.Line, date string, number int) (*releases.Plan, error) {
	return c.resolveThen(ctx, line, date, number, func(*releases.Plan) error { return nil })
}

// resolveThen also changes the plan, before it is told of.
func (c *chain) resolveThen(ctx context.Context, line *releases.Line, date string, number int, change func(*releases.Plan) error) (*releases.Plan, error) {
	return c.planned(func(r *releases.Resolver) (*releases.Plan, error) {
		plan, err := r.Resolve(ctx, line, date, number)
		if err != nil {
			return nil, err
		}
		return plan, change(plan)
	})
}

// gitOptions is how git repositories are reached.
func (c *chain) gitOptions() git.Options {
	return git.Options{Token: c.world.token, SSH: c.world.ssh(), Locate: c.carried.locate, Log: c.log}
}

// planned reports how a plan is made.
func (c *chain) planned(resolve func(*releases.Resolver) (*releases.Plan, error)) (*releases.Plan, error) {
	c.show.report(pipeline.Report{Stage: "plan", State: pipeline.Started})
	plan, err := resolve(&releases.Resolver{
		Lister:  git.NewLister(c.gitOptions()),
		Fetcher: c.fetcher, Locate: c.carried.locate, Log: c.log, Progress: c.show.step,
	})
	if err != nil {
		err = &pipeline.StageError{Stage: "plan", Err: err}
		c.show.report(pipeline.Report{Stage: "plan", State: pipeline.Failed, Err: err})
		return nil, err
	}
	c.show.report(pipeline.Report{Stage: "plan", State: pipeline.Done, Detail: plan.Summary()})
	c.show.out = &outcome{plan: plan}
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
	install     installFlags
}

// An outcome is what a run of the chain made, as far as it came.
type outcome struct {
	plan        *releases.Plan
	snapshot    *stages.Snapshot
	shop        string // folder of the installed shop
	publication *stages.Publication
	// installation is nil if nothing was installed; of several cells it is the
	// first one's.
	installation *stages.Installation
	proven       []stages.Installation // all of them
	matrix       string                // file with what became of the cells that were proven in containers
	cells        []releases.Cell       // for --matrix
}

// run takes a plan through the stages. The composition is ordinary Go: the
// compiler checks that each stage fits the next.
func (c *chain) run(ctx context.Context, plan *releases.Plan, o order) (*outcome, error) {
	out := &outcome{plan: plan}
	c.show.out = out
	if o.done(c, "plan") {
		return out, nil
	}
	sources, err := pipeline.Run(ctx, c.session, remote(c, c.checkout(), checkoutNeeds), stages.CheckoutOf(plan))
	if err != nil || o.done(c, "checkout") {
		return out, err
	}
	return out, c.runFrom(ctx, sources, o, out)
}

// runFrom takes checked-out sources through the other stages.
func (c *chain) runFrom(ctx context.Context, sources stages.Sources, o order, out *outcome) error {
	plan := out.plan
	found, err := pipeline.Run(ctx, c.session, remote(c, c.dependencies(), nil), stages.AnalysisOf(plan, sources))
	if err != nil || o.done(c, "dependencies") {
		return err
	}
	snapshot, err := pipeline.Run(ctx, c.session, remote(c, c.build(), buildNeeds), c.buildOf(plan, sources, found))
	if err != nil {
		return err
	}
	out.snapshot = &snapshot
	if o.install.matrix != "" {
		out.cells, err = c.cells(ctx, o.install, plan, snapshot)
		return err
	}
	if o.done(c, "build") {
		return nil
	}
	if err := c.prove(ctx, plan, snapshot, o.install, out); err != nil || o.done(c, "install") {
		return err
	}
	if !o.install.levelOf(&plan.Line).Includes(releases.Installed) {
		o.to, o.unpublished = "", "nothing is published that was not installed first, and --level resolve installs nothing"
	}
	return c.publish(ctx, snapshot, o, out)
}

// buildOf is the input of the package build.
func (c *chain) buildOf(plan *releases.Plan, sources stages.Sources, found stages.Dependencies) stages.Build {
	return stages.Build{
		Plan: *plan, Sources: sources, Dependencies: found,
		Program: releases.Program,
		Stages:  map[string]int{"checkout": c.checkout().Version, "dependencies": c.dependencies().Version},
	}
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

func (c *chain) prove(ctx context.Context, plan *releases.Plan, snapshot stages.Snapshot, f installFlags, out *outcome) error {
	if f.proofs != "" {
		return c.provenElsewhere(ctx, plan, snapshot, f, out)
	}
	if c.engine != nil && c.images.hasPHP() {
		return c.proveCells(ctx, plan, snapshot, f, out)
	}
	return c.proveHere(ctx, plan, snapshot, f, out)
}

func (c *chain) publish(ctx context.Context, snapshot stages.Snapshot, o order, out *outcome) error {
	if o.to == "" {
		c.show.report(pipeline.Report{Stage: "publish", State: pipeline.Skipped, Detail: o.unpublished})
		return nil
	}
	keep := o.keep
	if keep == 0 {
		keep = snapshot.Keep
	}
	options, err := c.publisher(o.dryRun)
	if err != nil {
		return err
	}
	said := *c.attest
	said.Installation = out.installation
	options.Attest = &said
	publication, err := pipeline.Run(ctx, c.session, publish.Stage(options), stages.PublishRequest{
		Snapshot: snapshot, To: o.to, URL: o.url, Keep: keep, DryRun: o.dryRun, AllowLocal: o.local,
	})
	if err == nil {
		out.publication = &publication
	}
	return err
}

func (c *chain) checkout() pipeline.Stage[stages.Checkout, stages.Sources] {
	return checkout.Stage(checkout.Options{
		Store: c.trees, Cache: c.store.Cache("git"), Dir: gitDir(c.dir),
		Locate: c.carried.locate, Token: c.world.token, SSH: c.world.ssh(), Log: c.log, Progress: c.progress,
	})
}

func (c *chain) dependencies() pipeline.Stage[stages.Analysis, stages.Dependencies] {
	return dependencies.Stage(dependencies.Options{
		Store: c.trees, Cache: c.store.Cache("dependencies"), Log: c.log, Progress: c.progress,
	})
}

func (c *chain) build() pipeline.Stage[stages.Build, stages.Snapshot] {
	return build.Stage(c.builder())
}

func (c *chain) builder() build.Options {
	return build.Options{
		Store: c.trees, Cache: c.store.Cache("build"), Fetcher: c.fetcher, Locate: c.carried.locate,
		Log: c.log, Progress: c.progress,
	}
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
