// Package publish adds a night to a published Composer repository: a folder that
// any web server can serve, or Handler; the same behind sftp; a bucket.
//
// One small file, packages.json, is the switch: it names the folder of the
// current metadata, and everything that it leads to was written, read back and
// kept before. A run that is killed leaves the repository as it was or as it shall
// be, and the next run goes on where it was. See "The published repository" in the
// project's documentation for the layout.
package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish/target"
)

// Name is the stage's name.
const Name = "publish"

// Version is the stage's version; see pipeline.Stage.
const Version = 2

// DefaultKeep is how many nights stay resolvable when neither the release nor
// the night says so.
const DefaultKeep = 14

// Options are what publishing works with.
type Options struct {
	Store pipeline.Reader // has the night's tree
	// Owner says who publishes, for whoever finds the target locked: a process
	// and its host. It is written to the lock and nowhere else.
	Owner string
	// Now is when the run began. Grace periods and the age of a lock are counted
	// from it.
	Now time.Time
	// Grace is how long superseded metadata stays; 0: DefaultGrace.
	Grace time.Duration
	// Target is how targets are reached.
	Target target.Options
	// History gives the commits between nights, for the page; nil: the page has
	// none.
	History compare.History
	// Published is what Repository.Index gave of the target: publishing does not read
	// it again if the target still has it. The zero value is none.
	Published Published
	// Attest is what is said of the night and, with a key, signed; nil: nothing.
	Attest *attest.Options
	// Changed is told of each file that is written or removed, or with DryRun would
	// be; nil for none.
	Changed  func(Change)
	Log      *slog.Logger      // nil for none
	Progress pipeline.Progress // nil for none
}

// A Change is one file that a run writes or removes.
type Change struct {
	Path    string `json:"path"`  // from the target's root
	Bytes   int64  `json:"bytes"` // 0 for one that is removed
	Removed bool   `json:"removed"`
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Target.Log == nil {
		o.Target.Log = o.Log
	}
	if o.Progress == nil {
		o.Progress = func(pipeline.Step) {}
	}
	if o.Changed == nil {
		o.Changed = func(Change) {}
	}
	if o.Grace <= 0 {
		o.Grace = DefaultGrace
	}
	return o
}

// Stage publishes a night to a target, or does nothing where it is there already.
// It is never reused: it compares with the target.
func Stage(o Options) pipeline.Stage[stages.PublishRequest, stages.Publication] {
	return pipeline.Stage[stages.PublishRequest, stages.Publication]{
		Name: Name, Version: Version, Always: true, Run: o.withDefaults().run,
	}
}

func (o Options) run(ctx context.Context, r stages.PublishRequest) (stages.Publication, error) {
	base, err := check(r)
	if err != nil {
		return stages.Publication{}, err
	}
	p, err := o.change(ctx, r.To, r.DryRun, func(ctx context.Context, t target.Target, signed seal) (state, wish, error) {
		var add *snapshot
		var reading errgroup.Group
		reading.Go(func() (err error) {
			if add, err = fromStore(ctx, o.Store, r.Snapshot, base); err != nil {
				return err
			}
			return o.attestSnapshot(ctx, add, base)
		})
		before, err := o.readTarget(ctx, t, base, signed)
		if err := errors.Join(reading.Wait(), err); err != nil {
			return state{}, wish{}, err
		}
		withdrawn := slices.DeleteFunc(slices.Clone(before.key.Withdrawn), func(name string) bool { return name == add.name })
		return before, wish{base: base, keep: keep(r), add: add, withdrawn: withdrawn}, nil
	})
	p.Snapshot = r.Snapshot.Name
	if err != nil {
		return stages.Publication{}, err
	}
	return p, nil
}

// A decision says what a run wants of a target that it has locked.
type decision func(context.Context, target.Target, seal) (state, wish, error)

// change brings a target to what is decided, under its lock.
func (o Options) change(ctx context.Context, to string, dry bool, decide decision) (p stages.Publication, err error) {
	t, err := target.Open(ctx, to, o.Target)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	if err := mine(ctx, t); err != nil {
		return p, err
	}
	if !dry {
		held, release, err := t.Lock(ctx, target.Holder{Name: o.Owner, Since: o.Now})
		if err != nil {
			return p, err
		}
		defer func() { p, err = released(p, err, context.Cause(held), release()) }()
		ctx = held
	}
	signed, err := o.readSeal(ctx, t)
	if err != nil {
		return p, err
	}
	// Most files of a repository are dists: they are listed while its nights are read.
	writer := o.writer(t, dry)
	var listing errgroup.Group
	listing.Go(func() error { return writer.look(ctx, stages.DistsDir) })
	defer func() { _ = listing.Wait() }() // its error is returned below, or an earlier one is
	before, w, err := decide(ctx, t, signed)
	if err != nil {
		return p, err
	}
	w.now, w.grace = o.Now, o.Grace
	after, err := plan(ctx, before, w)
	if err != nil {
		return p, err
	}
	if after.anew && before.metadata != nil {
		o.Log.Warn("the metadata of the repository is damaged: it was made anew of its nights")
	}
	if err := o.checkSigned(ctx, t, before, after, w.add); err != nil {
		return p, err
	}
	err = listing.Wait()
	if err == nil {
		err = o.apply(ctx, writer, before, w, after)
	}
	if err != nil {
		return p, fmt.Errorf("publish to %s: %w; the repository there still is whole, run this again", t, err)
	}
	return writer.publication(after, before.key.Snapshots), nil
}

// released joins what a run and its lock say at its end. That the lock was lost is
// why the run failed.
func released(p stages.Publication, err, cause, errRelease error) (stages.Publication, error) {
	var lost *target.LostError
	if errors.As(cause, &lost) && err != nil {
		return p, lost
	}
	return p, errors.Join(err, errRelease)
}

// mine refuses a place in which names that publishing writes or sweeps were put by
// somebody else.
func mine(ctx context.Context, t target.Target) error {
	root, err := t.List(ctx, ".")
	if err != nil {
		return fmt.Errorf("look at %s: %w", t, err)
	}
	if target.Used(root) {
		return nil
	}
	if s, err := readSwitch(ctx, t); err == nil && s.Nightly.Format != 0 {
		return nil
	}
	ours := append(releases.SnapshotDirs(), stages.PackagesFile, stages.DistsDir, metaDir, pageFile, statusFile, badgeFile, attest.RepositoryFile)
	for _, e := range root {
		if slices.Contains(ours, e.Name) {
			return fmt.Errorf("%s has %s but is no repository that was published here before; publish to another folder, or move that away", t, e.Name)
		}
	}
	return nil
}

// apply writes what is missing. The order is what keeps the repository whole: no
// file is there before those that it names.
func (o Options) apply(ctx context.Context, w *writer, before state, want wish, r *repository) error {
	// Pages are drawn while dists travel; when that fails, nobody waits for them.
	var pages map[string][]byte
	var drawing errgroup.Group
	drawCtx, giveUp := context.WithCancel(ctx)
	drawing.Go(func() (err error) {
		pages, err = o.pages(drawCtx, w.target, want, r)
		return err
	})
	defer func() {
		giveUp()
		_ = drawing.Wait() // its error is returned below, or an earlier one is
	}()
	if err := w.lookAround(ctx, want, r); err != nil {
		return err
	}
	w.total = r.size(want)
	if want.add != nil {
		if err := w.putAll(ctx, want.add.distContents(o.Store)); err != nil {
			return err
		}
		if err := w.putFolder(ctx, snapshotFile(want.add.name, ""), want.add.files, stages.PackagesFile); err != nil {
			return err
		}
	}
	if err := w.putSummed(ctx, metaDir+"/"+r.metadata.name, r.files, r.sums(), mergedFile); err != nil {
		return err
	}
	if err := drawing.Wait(); err != nil {
		return err
	}
	if err := w.putFolder(ctx, "", map[string][]byte{stages.PackagesFile: r.packages}, stages.PackagesFile); err != nil {
		return err
	}
	if err := o.putSeal(ctx, w, before.seal.data, r, r.sealedRoot(pages)); err != nil {
		return err
	}
	// From here on only people, monitors and the next run read what is written.
	if err := w.putSuperseded(ctx, before, r); err != nil {
		return err
	}
	if err := w.putFolder(ctx, "", pages, statusFile); err != nil {
		return err
	}
	unused, err := w.unused(ctx, before, want, r)
	if err != nil {
		return err
	}
	if err := w.remove(ctx, unused.groups()); err != nil {
		return err
	}
	return w.tidy(ctx, unused.torn)
}

// check validates a release before anything is read or written.
func check(r stages.PublishRequest) (base string, err error) {
	var errs []error
	if r.Snapshot.Local && !r.AllowLocal {
		errs = append(errs, fmt.Errorf("night %s is a local build: a source was replaced with --with; publish it only where nobody takes it for a real night, with --publish-local", r.Snapshot.Name))
	}
	if !isSnapshot(r.Snapshot.Name) {
		errs = append(errs, fmt.Errorf("%q is no name of a night; it has to be a date, as 2026-11-24 or 2026-11-24.1, or the version of a release", r.Snapshot.Name))
	}
	if keep(r) < 1 {
		errs = append(errs, fmt.Errorf("%d nights cannot be kept; keep at least 1", keep(r)))
	}
	url := r.URL
	if url == "" {
		url = r.Snapshot.URL
	}
	base, err = stages.BaseURL(url)
	return base, errors.Join(append(errs, err)...)
}

// keep is how many nights stay: as the release says, else the line, else the default.
func keep(r stages.PublishRequest) int {
	switch {
	case r.Keep != 0:
		return r.Keep
	case r.Snapshot.Keep != 0:
		return r.Snapshot.Keep
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

// size is how many bytes a run looks at, but for the pages.
func (r *repository) size(w wish) int64 {
	n := int64(len(r.packages))
	sets := []map[string][]byte{r.files}
	if w.add != nil {
		sets = append(sets, w.add.files)
		for _, dist := range w.add.dists {
			n += dist.Size
		}
	}
	for _, files := range sets {
		for data := range maps.Values(files) {
			n += int64(len(data))
		}
	}
	return n
}
