// Package runner wires the stages to where they run: to this process, or to the
// containers of a Dagger engine. A command makes one Runner, and the compositions
// (pipeline/nightly, pipeline/release, pipeline/mirror) run their stages with it.
package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"path/filepath"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/releases/resolve"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/build"
	"github.com/mage-os/nightly/stages/checkout"
	"github.com/mage-os/nightly/stages/dependencies"
	"github.com/mage-os/nightly/stages/trust"
)

// A Runner is the machine on which a command runs stages. Once it is made and connected it
// does not change; it is safe for several goroutines.
type Runner struct {
	// Store is this machine's, in the folder Dir.
	Store *store.Store
	Dir   string
	// Trees is where the trees of stages are: the store, with those of the engine or of
	// other stores behind it.
	Trees pipeline.Store
	// Engines are those in whose containers stages run, the first one's the stages before
	// the installation. Without one, stages run in this process.
	Engines []*container.Engine
	// Received are the files that stages sent from their containers.
	Received *Received
	// Fresh runs every stage also where there is a saved result.
	Fresh   bool
	Fetcher composer.Fetcher
	// Git is how repositories are reached; its Locate gives the folder of an embedded: URL.
	Git git.Options
	// GitProgram is the path of git, which merges; empty: there is none.
	GitProgram string
	// Environ is the environment that the programs of an installation see PATH and the
	// proxies of, and Now the clock of its report.
	Environ []string
	Now     func() time.Time

	Log      *slog.Logger
	Progress pipeline.Progress
	Report   func(pipeline.Report)

	closers []io.Closer
}

// Session is what the stages of the command share.
func (r *Runner) Session() *pipeline.Session { return r.SessionOf(r.Report) }

// SessionOf is a session that reports elsewhere; nil: nowhere.
func (r *Runner) SessionOf(report func(pipeline.Report)) *pipeline.Session {
	return &pipeline.Session{Results: r.Store.Results(), Store: r.Trees, Fresh: r.Fresh, Report: report}
}

// InContainers reports whether the stages run in containers.
func (r *Runner) InContainers() bool { return len(r.Engines) > 0 }

// Checkout is the checkout of a plan's commits.
func (r *Runner) Checkout() pipeline.Stage[stages.Checkout, stages.Sources] {
	return remote(r, checkout.Stage(r.CheckoutOptions(r.Progress)), checkoutNeeds)
}

// Dependencies finds what each package requires.
func (r *Runner) Dependencies() pipeline.Stage[stages.Analysis, stages.Dependencies] {
	return remote(r, dependencies.Stage(r.DependenciesOptions(r.Progress)), nil)
}

// Build is the package build.
func (r *Runner) Build() pipeline.Stage[stages.Build, stages.Snapshot] {
	return remote(r, build.Stage(r.BuildOptions(r.Progress)), func(in stages.Build) (container.Needs, error) {
		return ComposerNeeds(in.Plan.Line.Composer), nil
	})
}

// CheckoutOptions are those of the checkout in this process.
func (r *Runner) CheckoutOptions(progress pipeline.Progress) checkout.Options {
	return checkout.Options{
		Store: r.Trees, Cache: r.Store.Cache("git"), Dir: GitDir(r.Dir), Git: r.Git, Log: r.Log, Progress: progress,
	}
}

// DependenciesOptions are those of the dependency generation in this process.
func (r *Runner) DependenciesOptions(progress pipeline.Progress) dependencies.Options {
	return dependencies.Options{Store: r.Trees, Log: r.Log, Progress: progress}
}

// BuildOptions are those of the package build in this process.
func (r *Runner) BuildOptions(progress pipeline.Progress) build.Options {
	o := build.Options{Store: r.Trees, Fetcher: r.Fetcher, Locate: r.Git.Locate, Log: r.Log, Progress: progress}
	if !r.Fresh {
		o.Cache = r.Store.Cache("build")
	}
	return o
}

// Versions are those of the stages before the build, which stand in a manifest.
func (r *Runner) Versions() map[string]int {
	return map[string]int{"checkout": r.Checkout().Version, "dependencies": r.Dependencies().Version}
}

// Sources is how plans reach the sources of lines.
func (r *Runner) Sources() resolve.Options {
	return resolve.Options{Lister: git.NewLister(r.Git), Fetcher: r.Fetcher, Protect: r.protect, Locate: r.Git.Locate, WorkTree: r.workTree, Progress: r.Progress}
}

func (r *Runner) protect(ctx context.Context, f composer.Fetcher, url, root string) (composer.Fetcher, error) {
	return trust.Protect(ctx, f, url, root, r.Now())
}

func (r *Runner) workTree(ctx context.Context, folder string) (pipeline.Tree, error) {
	return checkout.WorkTree(ctx, r.Store, folder, r.Log)
}

// WorkTrees takes the working trees of a plan that was saved into the store, and what was
// merged in it. That they are no longer as planned, or not on this machine, is a *config.Error.
func (r *Runner) WorkTrees(ctx context.Context, plan *releases.Plan) error {
	errs := []error{r.Merge(ctx, plan)}
	for i, repository := range plan.Repositories {
		if repository.Tree.Digest == "" || len(repository.Merged) > 0 {
			continue
		}
		folder := plan.Line.Repositories[i].Folder
		tree, err := r.workTree(ctx, folder)
		if err == nil && tree != repository.Tree {
			err = fmt.Errorf("it has changed since: its SHA-256 is %s, not %s", tree.Digest, repository.Tree.Digest)
		}
		if err != nil {
			errs = append(errs, config.Errorf("repository %s is planned as it lay in the folder %s: %w; make the plan anew, or build commits, with --with %s=URL#REF",
				repository.Name, folder, err, repository.Name))
		}
	}
	return errors.Join(errs...)
}

// GitDir is the folder of the git objects in that of a store.
func GitDir(store string) string { return filepath.Join(store, "git") }

// remote is the stage in a container, where there is an engine.
func remote[In, Out any](r *Runner, stage pipeline.Stage[In, Out], needs func(In) (container.Needs, error)) pipeline.Stage[In, Out] {
	if !r.InContainers() {
		return stage
	}
	return container.Remote(r.Engines[0], stage, needs)
}

// checkoutNeeds are the repositories that lie on this machine.
func checkoutNeeds(in stages.Checkout) (container.Needs, error) {
	var n container.Needs
	var errs []error
	for _, pin := range in.Pins {
		dir, ok := localFolder(pin.URL)
		if !ok {
			continue
		}
		folders, err := container.Repository(dir)
		if err != nil {
			errs = append(errs, &releases.SourceError{Repository: pin.Name, URL: pin.URL, Err: err})
		}
		n.Folders = append(n.Folders, folders...)
	}
	return n, errors.Join(errs...)
}

// ComposerNeeds are the Composer repositories that lie on this machine.
func ComposerNeeds(repositories []releases.ComposerRepository) container.Needs {
	var n container.Needs
	for _, r := range repositories {
		if dir, ok := localFolder(r.URL); ok {
			n.Folders = append(n.Folders, container.Folder{Path: dir})
		}
	}
	return n
}

// localFolder gives the folder of a file:// URL.
func localFolder(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "file" {
		return "", false
	}
	return filepath.Clean(filepath.FromSlash(u.Path)), true
}

// Plan reports how a plan is made.
func (r *Runner) Plan(ctx context.Context, find func(context.Context, resolve.Options) (*releases.Plan, error)) (plan *releases.Plan, err error) {
	err = pipeline.Do(ctx, r.Session(), "plan", func(ctx context.Context) (string, error) {
		if plan, err = find(ctx, r.Sources()); err != nil {
			return "", err
		}
		return plan.Summary(), nil
	})
	if err != nil {
		return nil, err
	}
	return plan, nil
}
