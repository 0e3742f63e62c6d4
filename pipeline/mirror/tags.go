package mirror

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/build"
	"github.com/mage-os/nightly/stages/checkout"
	"github.com/mage-os/nightly/stages/dependencies"
)

// silent is the progress of a tag, of which there are many at a time.
func silent(pipeline.Step) {}

// fetch checks out the tags that were not built before: those of one repository are
// fetched together, and a file that several of them have is read once.
func fetch(ctx context.Context, r *runner.Runner, plan *releases.Plan, tags []stages.Tag) error {
	var pins []stages.Pin
	for _, t := range tags {
		key, err := pipeline.Key(tagStage(r), t)
		if err != nil {
			return err
		}
		if _, err := r.Store.Results().Load(ctx, key); err != nil || r.Fresh {
			pins = append(pins, t.Pin)
		}
	}
	if data := stages.DataPin(&plan.Line); data.Commit != "" {
		pins = append(pins, data)
	}
	return pipeline.Do(ctx, r.Session(), "checkout", func(ctx context.Context) (string, error) {
		if len(pins) == 0 {
			return "", &pipeline.SkipError{Reason: "all tags were built before"}
		}
		sources, err := checkout.Stage(r.CheckoutOptions(r.Progress)).Run(ctx, stages.Checkout{Pins: pins})
		return fmt.Sprintf("%d tags", len(sources.Repositories)), err
	})
}

// reposAtOnce bounds how many repositories' tags are built at a time: it waits for the
// disk as much as for the processor.
const reposAtOnce = 4

// buildAll builds every tag, or takes what was built of it before. One that cannot be
// built does not hide the others. The tags of a repository are built one after the other,
// since a package is packed from what the last one packed of it.
func buildAll(ctx context.Context, r *runner.Runner, plan *releases.Plan, tags []stages.Tag) (built []stages.TagPackages, err error) {
	err = pipeline.Do(ctx, r.Session(), "build", func(ctx context.Context) (string, error) {
		made, groups := make([]stages.TagPackages, len(tags)+1), byRepository(tags)
		var errOld error
		made[0], errOld = prebuilt(ctx, r, plan)
		var done atomic.Int64
		err := pipeline.Each(len(groups), reposAtOnce, func(group int) error {
			var errs []error
			for _, i := range groups[group] {
				var err error
				made[i+1], err = buildTag(ctx, r, tags[i])
				errs = append(errs, err)
				r.Progress(pipeline.Step{Stage: "build", Item: tags[i].Pin.Name + " " + tags[i].Pin.Tag, Done: done.Add(1), Total: int64(len(tags)), Unit: "tags"})
			}
			return errors.Join(errs...)
		})
		if err := errors.Join(errOld, err); err != nil {
			return "", err
		}
		packages := 0
		for _, b := range made {
			packages += b.Packages
		}
		built = slices.DeleteFunc(made, func(b stages.TagPackages) bool { return b.Packages == 0 })
		return fmt.Sprintf("%d tags, %d packages", len(tags), packages), nil
	})
	return built, err
}

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

func buildTag(ctx context.Context, r *runner.Runner, t stages.Tag) (stages.TagPackages, error) {
	made, err := pipeline.Run(ctx, r.SessionOf(nil), tagStage(r), t)
	if err != nil {
		return made, fmt.Errorf("tag %s of repository %s: %w; if it shall not be built, name it in skip-tags of the release line", t.Pin.Tag, t.Pin.Name, errors.Unwrap(err))
	}
	for _, note := range made.Notes {
		r.Log.Info("tag", slog.String("repository", t.Pin.Name), slog.String("tag", t.Pin.Tag), slog.String("note", note))
	}
	return made, nil
}

// prebuilt takes over the zips of a plan.
func prebuilt(ctx context.Context, r *runner.Runner, plan *releases.Plan) (stages.TagPackages, error) {
	if len(plan.Prebuilt) == 0 && len(plan.Line.Prebuilt) == 0 {
		return stages.TagPackages{}, nil
	}
	var data pipeline.Tree
	if pin := stages.DataPin(&plan.Line); pin.Commit != "" {
		sources, err := checkout.Stage(r.CheckoutOptions(silent)).Run(ctx, stages.Checkout{Pins: []stages.Pin{pin}})
		if err != nil {
			return stages.TagPackages{}, err
		}
		data = sources.Repositories[0].Head
	}
	made, err := r.BuildOptions(r.Progress).Prebuilt(ctx, plan, data)
	for _, note := range made.Notes {
		r.Log.Info("prebuilt: left out", slog.String("note", note))
	}
	return made, err
}

// tagStage is checkout, dependencies and packaging of one tag, as one stage: its result is
// keyed by the tag's commit, so that nothing of a tag that was built is looked at again.
func tagStage(r *runner.Runner) pipeline.Stage[stages.Tag, stages.TagPackages] {
	return pipeline.Stage[stages.Tag, stages.TagPackages]{Name: build.TagName, Version: build.TagVersion,
		Run: func(ctx context.Context, in stages.Tag) (stages.TagPackages, error) { return runTag(ctx, r, in) }}
}

func runTag(ctx context.Context, r *runner.Runner, in stages.Tag) (stages.TagPackages, error) {
	pins := []stages.Pin{in.Pin}
	if in.Data.Commit != "" {
		pins = append(pins, in.Data)
	}
	sources, err := checkout.Stage(r.CheckoutOptions(silent)).Run(ctx, stages.Checkout{Pins: pins})
	if err != nil {
		return stages.TagPackages{}, err
	}
	var data pipeline.Tree
	if in.Data.Commit != "" {
		data = sources.Repositories[1].Head
		sources.Repositories = sources.Repositories[:1]
	}
	if in.Line, err = build.WithReleased(ctx, r.Trees, data, in.Line, in.Pin.Tag); err != nil {
		return stages.TagPackages{}, err
	}
	found, err := dependencies.Stage(r.DependenciesOptions(silent)).Run(ctx, stages.Analysis{
		Repositories: in.Line.Repositories, Editions: in.Line.Editions, Vendors: in.Line.Vendors(), Foreign: in.Line.Foreign, LatestTags: in.LatestTags, Sources: sources,
	})
	if err != nil {
		return stages.TagPackages{}, err
	}
	return r.BuildOptions(silent).Tag(ctx, stages.TagBuild{Tag: in, Sources: sources, Dependencies: found, Data: data})
}
