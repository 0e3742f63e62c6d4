// Package release makes a tagged release: release commits, a build from exactly those, its
// proof, publishing, tags, and a release on GitHub. Each step finds what an earlier run has
// written, so that the same call goes on where one was stopped.
package release

import (
	"context"
	"errors"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/releases/github"
	"github.com/mage-os/nightly/releases/resolve"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

// Options are what is asked for of a release.
type Options struct {
	Version releases.ReleaseVersion
	// Line is the line of the release (releases.Line.Release).
	Line *releases.Line
	// Source is a plan that an earlier run was begun with; nil: that run is looked for on
	// this machine, and then at the release branches.
	Source *releases.Plan
	Date   string // of a new plan
	// Restart begins again from the branches as they are now; what is tagged stays.
	Restart bool
	// DryRun builds and proves, and writes nothing.
	DryRun bool
	// Preview ends behind publishing, to a target for trying.
	Preview bool
	// Client is the API of GitHub, and Repository the one there that gets the release.
	Client     *github.Client
	Repository Repository
	// Public publishes the release on GitHub, rather than leave a draft.
	Public bool
	// To is the release's own target, also for a preview: versions there are taken.
	To string
	// Night is how the release is proven, and where it is published.
	Night nightly.Options
}

// A Result is what was made, as far as it came.
type Result struct {
	nightly.Result
	// Place is the repository on GitHub that gets the release; without one Why says why.
	Place github.Repository
	Why   string
}

// Branch is the branch of a release's commits.
func Branch(version releases.ReleaseVersion) string { return "release/" + version.String() }

// A releasing is one call of Make or Promote.
type releasing struct {
	*runner.Runner
	Options
	writer *git.Writer
	lister resolve.Lister
}

func begin(r *runner.Runner, o Options) *releasing {
	return &releasing{Runner: r, Options: o, writer: git.NewWriter(r.Git), lister: git.NewLister(r.Git)}
}

// Make makes a release, or its preview.
func Make(ctx context.Context, r *runner.Runner, o Options) (Result, error) {
	run := begin(r, o)
	source, err := run.sourcePlan(ctx)
	if err != nil {
		return Result{}, err
	}
	plan, commits, sources, err := run.commit(ctx, source)
	if err != nil {
		return Result{}, err
	}
	made := Result{Result: nightly.Result{Plan: plan}}
	moved, err := run.unwritten(ctx, plan)
	if err != nil {
		return made, err
	}
	if made.Place, made.Why, err = run.place(plan); err != nil {
		return made, err
	}
	if o.DryRun {
		if made.Snapshot, err = nightly.BuildFrom(ctx, r, plan, sources, ""); err != nil {
			return made, err
		}
		made.Result, err = nightly.Finish(ctx, r, made.Result, o.Night)
		return made, err
	}
	if err := run.pushBranches(ctx, plan, commits, moved); err != nil {
		return made, err
	}
	if err := run.sameSources(ctx, plan, sources); err != nil {
		return made, err
	}
	if made.Result, err = nightly.Run(ctx, r, plan, o.Night); err != nil || o.Preview {
		return made, err
	}
	if made.Publication == nil {
		return made, &config.Error{Err: errors.New("nothing was published, so nothing is tagged: prove it with --level install at least")}
	}
	return made, run.finish(ctx, made)
}

// Promote releases what a preview has, byte for byte.
func Promote(ctx context.Context, r *runner.Runner, from target.Source, o Options) (Result, error) {
	run := begin(r, o)
	preview := publish.Read(from)
	var made Result
	err := pipeline.Do(ctx, r.Session(), "promote", func(ctx context.Context) (string, error) {
		snapshot, err := preview.Take(ctx, r.Trees, run.name())
		if err != nil {
			return "", config.Errorf("%w; publish it there with --preview first", err)
		}
		manifest, _, err := preview.Manifest(ctx, snapshot.Name)
		if err != nil {
			return "", &releases.SourceError{Repository: "preview", URL: from.String(), Err: err}
		}
		made.Plan, made.Snapshot = &manifest.Plan, &snapshot
		made.Installations, err = proven(ctx, from, snapshot.Name)
		return snapshot.Summary(), err
	})
	if err != nil {
		return made, err
	}
	if _, err := run.unwritten(ctx, made.Plan); err != nil {
		return made, err
	}
	if made.Place, made.Why, err = run.place(made.Plan); err != nil {
		return made, err
	}
	if made.Publication, err = nightly.Publish(ctx, r, *made.Snapshot, made.Proof, o.Night.Publish); err != nil || o.DryRun {
		return made, err
	}
	return made, run.finish(ctx, made)
}

// proven is what the preview's installation proved. Its report lies with whoever made it;
// nothing if the preview does not tell.
func proven(ctx context.Context, preview target.Source, snapshot releases.SnapshotName) ([]stages.Installation, error) {
	data, err := target.ReadIfThere(ctx, preview, snapshot.Dir()+"/"+attest.InstallationFile)
	if data == nil && err == nil {
		return nil, nil
	}
	if err != nil {
		return nil, &releases.SourceError{Repository: "preview", URL: preview.String(), Err: err}
	}
	installation, err := attest.ParseInstallation(data)
	if err != nil {
		return nil, err
	}
	return []stages.Installation{*installation}, nil
}

// finish writes what says to everybody that there is a release: nothing of it before the
// packages are there.
func (r *releasing) finish(ctx context.Context, made Result) error {
	if err := r.pushTags(ctx, made.Plan); err != nil {
		return err
	}
	return r.release(ctx, made)
}

// sameSources makes sure that the commits that were pushed are the sources that were
// looked at.
func (r *releasing) sameSources(ctx context.Context, plan *releases.Plan, want stages.Sources) error {
	got, err := pipeline.Run(ctx, r.Session(), r.Checkout(), stages.CheckoutOf(plan))
	if err != nil {
		return err
	}
	differs := func(a, b stages.Source) bool { return a.Head.Digest == b.Head.Digest }
	if !slices.EqualFunc(want.Repositories, got.Repositories, differs) {
		return errors.New("the release commits do not hold what was written to them; this is a defect of this program")
	}
	return nil
}
