package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/markdown"
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
		_, err := checkout.Stage(r.CheckoutOptions(r.Progress)).Run(ctx, stages.Checkout{Pins: pins})
		var content *checkout.ContentError
		if errors.As(err, &content) {
			err = nil // building its tag tells it
		}
		return markdown.Count(len(pins), "tag"), err
	})
}

// reposAtOnce bounds how many repositories' tags are built at a time: it waits for the
// disk as much as for the processor.
const reposAtOnce = 4

// buildAll builds every tag, or takes what was built of it before. One that cannot be
// built is left out with a note. The tags of a repository are built one after the other,
// since a package is packed from what the last one packed of it.
func buildAll(ctx context.Context, r *runner.Runner, plan *releases.Plan, tags []stages.Tag) (built []stages.TagPackages, err error) {
	err = pipeline.Do(ctx, r.Session(), "build", func(ctx context.Context) (string, error) {
		made, groups := make([]stages.TagPackages, len(tags)+1), byRepository(tags)
		var errOld error
		made[0], errOld = prebuilt(ctx, r, plan)
		var done, bad atomic.Int64
		err := pipeline.Each(len(groups), reposAtOnce, func(group int) error {
			var errs []error
			for _, i := range groups[group] {
				var err error
				made[i+1], err = buildTag(ctx, r, tags[i])
				if notes := leftOut(tags[i], err); len(notes) > 0 {
					made[i+1], err = stages.TagPackages{Repository: tags[i].Pin.Name, Tag: tags[i].Pin.Tag, Commit: tags[i].Pin.Commit, Notes: notes}, nil
					bad.Add(1)
				}
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
		built = slices.DeleteFunc(made, func(b stages.TagPackages) bool { return b.Packages == 0 && len(b.Notes) == 0 })
		return markdown.Count(len(tags)-int(bad.Load()), "tag") + ", " + markdown.Count(packages, "package"), nil
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
		return made, fmt.Errorf("tag %s of repository %s: %w", t.Pin.Tag, t.Pin.Name, errors.Unwrap(err))
	}
	return made, nil
}

// leftOut are notes of a tag that cannot be built for what it holds. There are none where
// the next try may find something else: of a server, a disk, this program.
func leftOut(t stages.Tag, err error) []releases.Note {
	var source *releases.SourceError
	var content *checkout.ContentError
	var system syscall.Errno
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, pipeline.ErrPanic):
		return nil
	case errors.As(err, &content):
	case errors.As(err, &source), errors.As(err, &system):
		return nil
	}
	// What is the tag's own would keep equal problems apart.
	text := strings.NewReplacer(
		fmt.Sprintf("tag %s of repository %s: ", t.Pin.Tag, t.Pin.Name), "", fmt.Sprintf("repository %s (%s): ", t.Pin.Name, t.Pin.URL), "", "commit "+t.Pin.Commit+": ", "",
	).Replace(err.Error())
	var notes []releases.Note
	for problem := range strings.SplitSeq(text, "\n") {
		notes = append(notes, releases.Note{LeftOut: true, What: problem + "; to build them no more, name them in skip-tags of the release line"})
	}
	return notes
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
	return r.BuildOptions(r.Progress).Prebuilt(ctx, plan, data)
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
