package ci

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/build"
	"github.com/mage-os/nightly/stages/checkout"
	"github.com/mage-os/nightly/stages/publish"
)

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// planMirror makes the plan of what the target does not have yet.
func (c *chain) planMirror(ctx context.Context, line *releases.Line, f mirrorFlags) (*releases.Plan, error) {
	var errIndex error
	plan, err := c.resolveThen(ctx, line, c.world.date(), 0, func(plan *releases.Plan) error {
		published := &releases.Index{}
		if published.Snapshots, errIndex = c.view.Snapshots(ctx); errIndex == nil && len(plan.Prebuilt) > 0 {
			var known publish.Known
			known, errIndex = c.view.Index(ctx)
			published = known.Index
		}
		if errIndex != nil {
			return errIndex
		}
		plan.Continue(published)
		plan.Number = max(plan.Number, published.NextNumber(plan.Snapshot()))
		if len(f.only) > 0 {
			return plan.Only(f.only)
		}
		return nil
	})
	if errIndex != nil {
		return nil, &pipeline.StageError{Stage: publish.Name, Err: errIndex}
	}
	if err != nil {
		return nil, err
	}
	for _, r := range plan.Repositories {
		for _, note := range r.Notes {
			c.log.Info("tags", slog.String("repository", r.Name), slog.String("note", note))
		}
	}
	return plan, nil
}

// mirror builds the tags of a plan and publishes what is new in them. A plan that was
// saved adds to the nights that it names, whatever there is beside them.
func (c *chain) mirror(ctx context.Context, plan *releases.Plan, saved bool, o order, out *outcome) error {
	tags, err := stages.TagsOf(plan, map[string]int{"checkout": c.checkout().Version, "dependencies": c.dependencies().Version, build.TagName: build.TagVersion})
	if err != nil {
		return err
	}
	if err := c.fetchTags(ctx, plan, tags); err != nil {
		return err
	}
	built, err := c.buildTags(ctx, plan, tags)
	if err != nil {
		return err
	}
	known, err := c.view.Index(ctx)
	if err != nil {
		return &pipeline.StageError{Stage: publish.Name, Err: err}
	}
	if saved {
		known = publish.Known{Index: known.Index.Keep(plan.After)}
	}
	snapshot, err := pipeline.Run(ctx, c.session, build.MirrorStage(c.builder(), known.Index), stages.Mirror{
		Plan: *plan, Tags: built, Index: known.SHA256, Program: releases.Program,
		Stages: map[string]int{"checkout": c.checkout().Version, "dependencies": c.dependencies().Version, build.TagName: build.TagVersion},
	})
	if err != nil {
		return err
	}
	out.snapshot = &snapshot
	return c.publish(ctx, snapshot, o, out)
}

func after(plan *releases.Plan) string {
	if len(plan.After) == 0 {
		return "the beginning"
	}
	return plan.After[0].Snapshot
}

func (c *chain) nothing(stage, why string) error {
	c.show.report(pipeline.Report{Stage: stage, State: pipeline.Skipped, Detail: why})
	return nil
}

// fetchTags checks out the tags that were not built before: those of one repository
// are fetched together, and a file that several of them have is read once.
func (c *chain) fetchTags(ctx context.Context, plan *releases.Plan, tags []stages.Tag) error {
	var pins []stages.Pin
	for _, t := range tags {
		key, err := pipeline.Key(c.tag(), t)
		if err != nil {
			return err
		}
		if _, err := c.store.Results().Load(ctx, key); err != nil || c.session.Fresh {
			pins = append(pins, t.Pin)
		}
	}
	if data := stages.DataPin(&plan.Line); data.Commit != "" {
		pins = append(pins, data)
	}
	if len(pins) == 0 {
		return c.nothing("checkout", "all tags were built before")
	}
	c.show.report(pipeline.Report{Stage: "checkout", State: pipeline.Started})
	sources, err := c.checkout().Run(ctx, stages.Checkout{Pins: pins})
	if err != nil {
		err = &pipeline.StageError{Stage: "checkout", Err: err}
		c.show.report(pipeline.Report{Stage: "checkout", State: pipeline.Failed, Err: err})
		return err
	}
	c.show.report(pipeline.Report{Stage: "checkout", State: pipeline.Done, Detail: fmt.Sprintf("%d tags", len(sources.Repositories))})
	return nil
}

// buildTags builds every tag, or takes what was built of it before. One that cannot
// be built does not hide the others. The tags of a repository are built one after
// the other, since a package is packed from what the last one packed of it.
func (c *chain) buildTags(ctx context.Context, plan *releases.Plan, tags []stages.Tag) ([]stages.TagPackages, error) {
	c.show.report(pipeline.Report{Stage: "build", State: pipeline.Started})
	built, errs := make([]stages.TagPackages, len(tags)+1), make([]error, len(tags)+1)
	built[0], errs[0] = c.prebuilt(ctx, plan)
	var done atomic.Int64
	var group errgroup.Group
	group.SetLimit(repositoriesAtOnce)
	for _, same := range byRepository(tags) {
		group.Go(func() error {
			for _, i := range same {
				built[i+1], errs[i+1] = c.buildTag(ctx, tags[i])
				c.show.step(pipeline.Step{Stage: "build", Item: tags[i].Pin.Name + " " + tags[i].Pin.Tag, Done: done.Add(1), Total: int64(len(tags)), Unit: "tags"})
			}
			return nil // that one fails must not stop the others
		})
	}
	_ = group.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := errors.Join(errs...); err != nil {
		err = &pipeline.StageError{Stage: "build", Err: err}
		c.show.report(pipeline.Report{Stage: "build", State: pipeline.Failed, Err: err})
		return nil, err
	}
	packages := 0
	for _, b := range built {
		packages += b.Packages
	}
	c.show.report(pipeline.Report{Stage: "build", State: pipeline.Done, Detail: fmt.Sprintf("%d tags, %d packages", len(tags), packages)})
	return slices.DeleteFunc(built, func(b stages.TagPackages) bool { return b.Packages == 0 }), nil
}

// repositoriesAtOnce bounds how many repositories' tags are built at a time: it
// waits for the disk as much as for the processor.
const repositoriesAtOnce = 4

// byRepository groups the numbers of tags, in their order.
func byRepository(tags []stages.Tag) [][]int {
	var groups [][]int
	for i, t := range tags {
		if i == 0 || tags[i-1].Pin.Name != t.Pin.Name {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], i)
	}
	return groups
}

func (c *chain) buildTag(ctx context.Context, t stages.Tag) (stages.TagPackages, error) {
	quiet := *c.session
	quiet.Report = nil
	made, err := pipeline.Run(ctx, &quiet, c.tag(), t)
	if err != nil {
		return made, fmt.Errorf("tag %s of repository %s: %w; if it shall not be built, name it in skip-tags of the release line", t.Pin.Tag, t.Pin.Name, errors.Unwrap(err))
	}
	for _, note := range made.Notes {
		c.log.Info("left out", slog.String("repository", t.Pin.Name), slog.String("tag", t.Pin.Tag), slog.String("note", note))
	}
	return made, nil
}

// prebuilt takes over the zips of a plan.
func (c *chain) prebuilt(ctx context.Context, plan *releases.Plan) (stages.TagPackages, error) {
	if len(plan.Prebuilt) == 0 && len(plan.Line.Prebuilt) == 0 {
		return stages.TagPackages{}, nil
	}
	var data pipeline.Tree
	if pin := stages.DataPin(&plan.Line); pin.Commit != "" {
		sources, err := c.quietCheckout().Run(ctx, stages.Checkout{Pins: []stages.Pin{pin}})
		if err != nil {
			return stages.TagPackages{}, err
		}
		data = sources.Repositories[0].Head
	}
	return c.builder().Prebuilt(ctx, plan, data)
}

func (c *chain) quietCheckout() pipeline.Stage[stages.Checkout, stages.Sources] {
	return checkout.Stage(checkout.Options{
		Store: c.trees, Cache: c.store.Cache("git"), Dir: gitDir(c.dir),
		Locate: c.carried.locate, Token: c.world.token, SSH: c.world.ssh(), Log: c.log,
	})
}

// tag is checkout, dependencies and packaging of one tag, as one stage: its result
// is keyed by the tag's commit, so that nothing of a tag that was built is looked
// at again.
func (c *chain) tag() pipeline.Stage[stages.Tag, stages.TagPackages] {
	return pipeline.Stage[stages.Tag, stages.TagPackages]{Name: build.TagName, Version: build.TagVersion, Run: c.runTag}
}

func (c *chain) runTag(ctx context.Context, in stages.Tag) (stages.TagPackages, error) {
	pins := []stages.Pin{in.Pin}
	if in.Data.Commit != "" {
		pins = append(pins, in.Data)
	}
	sources, err := c.quietCheckout().Run(ctx, stages.Checkout{Pins: pins})
	if err != nil {
		return stages.TagPackages{}, err
	}
	var data pipeline.Tree
	if in.Data.Commit != "" {
		data = sources.Repositories[1].Head
		sources.Repositories = sources.Repositories[:1]
	}
	if in.Line, err = build.WithReleased(ctx, c.trees, data, in.Line, in.Pin.Tag); err != nil {
		return stages.TagPackages{}, err
	}
	vendors := append(slices.Collect(maps.Keys(in.Line.Rename)), in.Line.Vendor)
	slices.Sort(vendors)
	quiet := *c
	quiet.progress = func(pipeline.Step) {}
	found, err := quiet.dependencies().Run(ctx, stages.Analysis{
		Repositories: in.Line.Repositories, Editions: in.Line.Editions, Vendors: slices.Compact(vendors), LatestTags: in.LatestTags, Sources: sources,
	})
	if err != nil {
		return stages.TagPackages{}, err
	}
	return quiet.builder().Tag(ctx, stages.TagBuild{Tag: in, Sources: sources, Dependencies: found, Data: data})
}
