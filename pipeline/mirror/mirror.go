// Package mirror adds the releases of a line, which are git tags, to a Composer repository:
// Plan says what it does not have yet, and Run builds and publishes that.
package mirror

import (
	"context"
	"errors"
	"log/slog"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/resolve"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/build"
	"github.com/mage-os/nightly/stages/publish"
)

// Plan makes the plan of what a repository does not have yet, on a day. With only, which
// names TAG or REPOSITORY=TAG, it is of these tags alone. Published is asked for what the
// repository has when the tags are listed.
func Plan(ctx context.Context, r *runner.Runner, line *releases.Line, date string, published func() (publish.Published, error), only []string) (*releases.Plan, error) {
	plan, err := r.Plan(ctx, func(ctx context.Context, o resolve.Options) (*releases.Plan, error) {
		plan, err := resolve.Line(ctx, o, line, date)
		if err != nil {
			return nil, err
		}
		there, err := published()
		if err != nil {
			return nil, err
		}
		resolve.Continue(plan, there.Index)
		plan.Number = max(plan.Number, there.Index.NextNumber(plan.Snapshot()))
		if len(only) > 0 {
			err = resolve.Only(plan, only)
		}
		return plan, err
	})
	if err != nil {
		return nil, err
	}
	for _, repository := range plan.Repositories {
		for _, note := range repository.Notes {
			r.Log.Info("tags", slog.String("repository", repository.Name), slog.String("note", note))
		}
	}
	return plan, nil
}

// Saved checks that a repository has the snapshots that a saved plan adds to.
func Saved(plan *releases.Plan, published *releases.Index) error {
	if there := published.Keep(plan.After).Snapshots; len(there) != len(plan.After) {
		return config.Errorf("the plan adds to %d snapshots, and the target has %d of them; publish to the repository that it was made for", len(plan.After), len(there))
	}
	return nil
}

// Options are what is asked for of a mirror.
type Options struct {
	// Saved says that the plan was saved: it adds to the snapshots that it names, whatever
	// there is beside them.
	Saved bool
	// Strict says that what is left out is an error, before anything is published. Else it
	// is one if there is nothing beside it.
	Strict  bool
	Publish nightly.PublishOptions
}

// Run builds the tags of a plan and publishes what is new in them. Its error is a
// *pipeline.SkipError if nothing is.
func Run(ctx context.Context, r *runner.Runner, plan *releases.Plan, o Options) (nightly.Result, error) {
	made := nightly.Result{Plan: plan}
	versions := r.Versions()
	versions[build.TagName] = build.TagVersion
	tags, err := stages.TagsOf(plan, versions)
	if err != nil {
		return made, err
	}
	if err := fetch(ctx, r, plan, tags); err != nil {
		return made, err
	}
	built, err := buildAll(ctx, r, plan, tags)
	if err != nil {
		return made, err
	}
	published := o.Publish.Publisher.Published
	if o.Saved {
		published = publish.Published{Index: published.Index.Keep(plan.After)}
	}
	snapshot, err := pipeline.Run(ctx, r.Session(), build.MirrorStage(r.BuildOptions(r.Progress), published.Index), stages.Mirror{
		Plan: *plan, Tags: built, Index: published.SHA256, Program: releases.Program, Stages: versions,
	})
	if err != nil {
		return made, err
	}
	made.Snapshot = &snapshot
	nothing := len(snapshot.Packages) == 0
	if o.Strict || nothing && len(plan.After) == 0 {
		err = leftOutError(snapshot.Notes)
	}
	switch {
	case err != nil:
		return made, err
	case nothing:
		return made, &pipeline.SkipError{Reason: snapshot.Summary()}
	}
	made.Publication, err = nightly.Publish(ctx, r, snapshot, nightly.Proof{}, o.Publish)
	return made, err
}

// leftOutError is what was left out as an error, nil if nothing was.
func leftOutError(notes []releases.Note) error {
	var errs []error
	for _, n := range notes {
		if n.LeftOut {
			errs = append(errs, errors.New(n.String()))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return &pipeline.StageError{Stage: "build", Err: errors.Join(errs...)}
}
