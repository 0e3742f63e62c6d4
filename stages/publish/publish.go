// Package publish adds a night to a published Composer repository: a folder that
// any web server can serve, or Handler.
//
// One small file, packages.json, is the switch: it names the folder of the
// current metadata, and everything that it leads to was written, synced and
// renamed into place before. A run that is killed leaves the repository as it
// was or as it shall be, and the next run removes what was left over. See
// "The published repository" in the project's documentation for the layout.
package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages"
)

// Name is the stage's name.
const Name = "publish"

// Version is the stage's version; see pipeline.Stage.
const Version = 1

// DefaultKeep is how many nights stay resolvable when neither the release nor
// the night says so.
const DefaultKeep = 14

// Options are what the stage works with.
type Options struct {
	Store pipeline.Reader // has the night's tree
	// Owner says who publishes, for whoever finds the target locked: a process
	// and its host. It is written to the lock file and nowhere else.
	Owner string
	// Log gets one line for each file written or removed, or with DryRun that
	// would be; nil for none.
	Log      *slog.Logger
	Progress pipeline.Progress // nil for none
}

// Stage publishes a night to a folder, or does nothing where it is there
// already. It is never reused: it compares with the target.
func Stage(o Options) pipeline.Stage[stages.Release, stages.Publication] {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(pipeline.Step) {}
	}
	return pipeline.Stage[stages.Release, stages.Publication]{
		Name: Name, Version: Version, Always: true, Run: o.run,
	}
}

func (o Options) run(ctx context.Context, r stages.Release) (p stages.Publication, err error) {
	base, dir, err := check(r)
	if err != nil {
		return p, err
	}
	f := &folder{dir: dir, dry: r.DryRun, log: o.Log, progress: o.Progress}
	if err := f.open(o.Owner); err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	add, err := fromStore(ctx, o.Store, r.Night, base)
	if err != nil {
		return p, err
	}
	before, err := readTarget(ctx, dir, base)
	if err != nil {
		return p, err
	}
	repo, err := plan(ctx, before, add, base, keep(r))
	if err != nil {
		return p, err
	}
	if err := o.apply(ctx, f, before, add, repo); err != nil {
		return p, fmt.Errorf("publish night %s to %s: %w; the repository there still is whole, run this again", r.Night.Name, dir, err)
	}
	return stages.Publication{
		Target: dir, URL: base, Night: r.Night.Name,
		Added: f.added, Unchanged: f.unchanged, Bytes: f.bytes,
		Kept: repo.names(), Removed: without(before.nights, repo.names()), DryRun: r.DryRun,
	}, nil
}

// apply writes what is missing. The order is what keeps the repository whole: no
// file is there before those that it names.
func (o Options) apply(ctx context.Context, f *folder, before state, add *night, r *repository) error {
	sweep, err := findUnused(f.dir, before, r)
	if err != nil {
		return err
	}
	f.total = len(add.dists) + len(add.files) + len(r.metadata) + 3 + len(sweep)
	if err := f.putDists(ctx, o.Store, add); err != nil {
		return err
	}
	if err := f.putFolder(ctx, nightsDir+"/"+add.name, add.files); err != nil {
		return err
	}
	if err := f.putFolder(ctx, metaDir+"/"+r.meta, r.metadata); err != nil {
		return err
	}
	// The switch, and then what only people and monitors read.
	for _, file := range []struct {
		name string
		data []byte
	}{{stages.PackagesFile, r.packages}, {pageFile, r.page}, {statusFile, r.status}} {
		if err := f.putFile(ctx, file.name, file.data); err != nil {
			return err
		}
	}
	return f.remove(ctx, sweep)
}

// check validates a release before anything is read or written.
func check(r stages.Release) (base, dir string, err error) {
	var errs []error
	if r.Night.Local && !r.AllowLocal {
		errs = append(errs, fmt.Errorf("night %s is a local build: a source was replaced with --with; publish it only where nobody takes it for a real night, with --publish-local", r.Night.Name))
	}
	if !isNight(r.Night.Name) {
		errs = append(errs, fmt.Errorf("%q is no name of a night; it has to be a date, as 2026-11-24 or 2026-11-24.1", r.Night.Name))
	}
	if keep(r) < 1 {
		errs = append(errs, fmt.Errorf("%d nights cannot be kept; keep at least 1", keep(r)))
	}
	url := r.URL
	if url == "" {
		url = r.Night.URL
	}
	base, err = stages.BaseURL(url)
	errs = append(errs, err)
	dir, err = Folder(r.To)
	errs = append(errs, err)
	return base, dir, errors.Join(errs...)
}

// keep is how many nights stay: as the release says, else the line, else the default.
func keep(r stages.Release) int {
	switch {
	case r.Keep != 0:
		return r.Keep
	case r.Night.Keep != 0:
		return r.Night.Keep
	}
	return DefaultKeep
}

// without gives the names that are not in the other list, in their order.
func without(names, other []string) []string {
	rest := []string{}
	for _, name := range names {
		if !slices.Contains(other, name) {
			rest = append(rest, name)
		}
	}
	return rest
}
