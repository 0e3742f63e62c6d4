// Package dependencies finds the packages of the checked-out repositories, the
// version that each has at its repository's latest tag, and what each requires
// and why.
package dependencies

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// Name is the stage's name, in keys of saved results and in progress.
const Name = "dependencies"

// Version is raised when the same sources must give other dependencies.
const Version = 3

// Options are what the stage works with. None of them decides its result.
type Options struct {
	Store    pipeline.Reader
	Log      *slog.Logger      // nil: nothing is logged
	Progress pipeline.Progress // nil: nobody looks
}

// Stage gives the stage that generates the dependencies. All problems of all
// repositories are reported together.
func Stage(o Options) pipeline.Stage[stages.Analysis, stages.Dependencies] {
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	return pipeline.Stage[stages.Analysis, stages.Dependencies]{Name: Name, Version: Version, Run: o.run}
}

// An analysis is one run of the stage.
type analysis struct {
	Options
	in           stages.Analysis
	repositories map[string]*repository
	packages     []stages.Package // found so far
	// bases are the base packages by their names. What they require is found when
	// all packages are known.
	bases map[string]base
	notes []string
}

// note adds to the notes of the result.
func (a *analysis) note(format string, values ...any) {
	a.notes = append(a.notes, fmt.Sprintf(format, values...))
}

func (o Options) run(ctx context.Context, in stages.Analysis) (stages.Dependencies, error) {
	a := &analysis{Options: o, in: in, repositories: map[string]*repository{}, bases: map[string]base{}, notes: []string{}}
	var errs []error
	for i, layout := range in.Repositories {
		errs = append(errs, a.discover(ctx, layout))
		o.Progress.Tell(pipeline.Step{Stage: Name, Item: layout.Name, Done: int64(i + 1), Total: int64(len(in.Repositories)), Unit: "repositories"})
	}
	errs = append(errs, a.lost(ctx), a.requireBases(ctx), a.addEditions(ctx))
	errs = append(errs, duplicates(a.packages))
	if err := errors.Join(errs...); err != nil {
		return stages.Dependencies{}, err
	}
	return stages.Dependencies{Packages: a.packages, Notes: a.notes}, nil
}

// duplicates finds names that two packages bear: Composer could not tell them
// apart.
func duplicates(packages []stages.Package) error {
	first := map[string]stages.Package{}
	var errs []error
	for _, p := range packages {
		if other, ok := first[p.Name]; ok {
			errs = append(errs, fmt.Errorf("package %s is twice: in %s and in %s; exclude one of them in the release line",
				p.Name, stages.Place(other.Repository, other.Directory), stages.Place(p.Repository, p.Directory)))
			continue
		}
		first[p.Name] = p
	}
	return errors.Join(errs...)
}

// declared are links as they stand in a composer.json or in the release line.
func declared(links []composer.Link) []releases.Requirement {
	requires := make([]releases.Requirement, len(links))
	for i, l := range links {
		requires[i] = releases.Requirement{Name: l.Name, Constraint: l.Constraint, Evidence: "declared"}
	}
	return requires
}

// merge joins requires. Of two with one name the last counts, in the first
// one's place.
func merge(lists ...[]releases.Requirement) []releases.Requirement {
	var merged []releases.Requirement
	for _, r := range slices.Concat(lists...) {
		same := func(m releases.Requirement) bool { return strings.EqualFold(m.Name, r.Name) }
		if i := slices.IndexFunc(merged, same); i >= 0 {
			merged[i] = r
			continue
		}
		merged = append(merged, r)
	}
	return merged
}
