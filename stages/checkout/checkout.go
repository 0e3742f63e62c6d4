// Package checkout turns the pinned commits of a plan into trees. It keeps the
// git objects of each repository in a folder of its own, so that the next night
// fetches only what is missing there.
package checkout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/stages"
	"golang.org/x/sync/errgroup"
)

// Options say where a checkout keeps and finds things. Store and Dir are
// needed; the rest may be zero.
type Options struct {
	Store pipeline.Store
	// Cache remembers which commit and which git blob is what in the store. Nil:
	// every blob is read again.
	Cache pipeline.Cache
	// Dir is the folder of the git objects: a bare repository for each URL. It may
	// be lost without harm, and several processes may share it.
	Dir string
	// Git is how repositories are reached; a try ends when nothing comes for two minutes.
	Git git.Options
	// Log takes notes of what was repaired, tried again or left out.
	Log *slog.Logger
	// Progress gets finished repositories, and the received bytes of each fetch.
	Progress pipeline.Progress
	// Workers is how many repositories are worked on at once; 0 is 4.
	Workers int
}

const stageName = "checkout"

// Stage checks out every pin of its input: the whole tree of the commit, and of
// the tag's commit the composer.json files. A repository that cannot be reached
// or that has not the commit is a *releases.SourceError; the problems of all
// repositories are joined, and the others are finished first.
//
// Submodules are left out with a warning. Symbolic links are kept as such and
// never followed.
func Stage(o Options) pipeline.Stage[stages.Checkout, stages.Sources] {
	return pipeline.Stage[stages.Checkout, stages.Sources]{
		Name:    stageName,
		Version: 2,
		Run:     newCheckout(o).run,
	}
}

// A checkout is the options with their defaults, and what the repositories
// share.
type checkout struct {
	Options
	readers readers
}

func newCheckout(o Options) *checkout {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(pipeline.Step) {}
	}
	if o.Workers <= 0 {
		o.Workers = 4
	}
	o.Git = o.Git.ToFetch()
	return &checkout{Options: o, readers: newReaders()}
}

func (c *checkout) run(ctx context.Context, in stages.Checkout) (stages.Sources, error) {
	out := stages.Sources{Repositories: make([]stages.Source, len(in.Pins))}
	errs := make([]error, len(in.Pins))
	var done atomic.Int64
	var g errgroup.Group
	g.SetLimit(c.Workers)
	for _, same := range byURL(in.Pins) {
		g.Go(func() error {
			c.sources(ctx, in.Pins, same, func(i int, s stages.Source, err error) {
				out.Repositories[i], errs[i] = s, err
				c.Progress(pipeline.Step{Stage: stageName, Item: in.Pins[i].Name, Done: done.Add(1), Total: int64(len(in.Pins)), Unit: "repositories"})
			})
			return nil
		})
	}
	_ = g.Wait() // never fails: a problem of one repository does not end the others
	if ctx.Err() != nil {
		return stages.Sources{}, context.Cause(ctx)
	}
	if err := releases.JoinSources(errs...); err != nil {
		return stages.Sources{}, err
	}
	return out, nil
}

// checkPin catches a plan that was written by hand and has no full commits.
func checkPin(pin stages.Pin) error {
	for _, id := range []string{pin.Commit, pin.TagCommit} {
		if id != "" && !plumbing.IsHash(id) || pin.Commit == "" {
			return fmt.Errorf("repository %s: %q is no commit: 40 hexadecimal digits are needed; make the plan anew", pin.Name, id)
		}
	}
	return nil
}

// saved gives the trees of these commits if they were made before. The URL does
// not matter: a commit's id says all that it holds.
func (c *checkout) saved(ctx context.Context, pin stages.Pin) (stages.Source, bool) {
	s := stages.Source{Name: pin.Name, Tag: pin.Tag}
	if s.Head = pin.Tree; pin.Tree.Digest == "" {
		head, ok := c.tree(ctx, headKey+pin.Commit)
		if !ok {
			return s, false
		}
		s.Head, s.Submodules = head.Tree, head.Submodules
	}
	if pin.TagCommit == "" {
		var err error
		s.Tagged, err = c.save(ctx, nil)
		return s, err == nil
	}
	tagged, ok := c.tree(ctx, taggedKey+pin.TagCommit)
	s.Tagged = tagged.Tree
	return s, ok
}

// sourceError says which repository the error is about; nil stays nil, and what
// the store could not do is no fault of the source.
func sourceError(pin stages.Pin, err error) error {
	var store *storeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &store):
		return fmt.Errorf("repository %s: %w", pin.Name, err)
	}
	return &releases.SourceError{Repository: pin.Name, URL: remote.Redacted(pin.URL), Err: err}
}
