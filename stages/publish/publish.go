// Package publish adds a snapshot to a published Composer repository: a folder that
// any web server can serve, or Handler; the same behind sftp; a bucket.
//
// One small file, packages.json, is the switch: it names the folder of the current
// metadata, and everything that it leads to was written, read back and kept before. A
// run that is killed leaves the repository as it was or as it was to become, and the next
// run goes on where it was. See "The published repository" in the project's documentation
// for the layout.
package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish/history"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/trust"
)

// Name is the stage's name.
const Name = "publish"

// Version is the stage's version; see pipeline.Stage.
const Version = 2

// Options are what publishing works with.
type Options struct {
	Store pipeline.Reader // has the snapshot's tree
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
	// History tells the commits between snapshots, for the page; nil: the page has
	// none.
	History compare.History
	// Published is what Repository.Index gave of the target: publishing does not read
	// it again if the target still has it. The zero value is none.
	Published Published
	// Attest makes the attestations of the snapshot; nil for none.
	Attest *attest.Options
	// Trust signs the repository; nil leaves it unsigned.
	Trust *trust.Authority
	// SignAnew signs what lies at the target as it lies there: what was not signed before, or by keys that count no
	// longer.
	SignAnew bool
	// Tries are told to the target: of earlier runs that could not be, and that of this one, as the good try that it is
	// when it has published.
	Tries []history.Entry
	// Secrets are put into no record of a try.
	Secrets []string
	// Rebuilders are the organizations that build snapshots again; the page shows who has.
	Rebuilders trust.Rebuilders
	// Fetch reads what a line names by a URL: its advisories. Nil: those of before stay.
	Fetch func(ctx context.Context, url string) ([]byte, error)
	// Times gives the times of a repository's commits; nil: versions get no time.
	Times func(ctx context.Context, url string, commits []string) (map[string]time.Time, error)
	// Changed is told of each file that is written or removed, or with DryRun would
	// be; nil for none.
	Changed  func(FileChange)
	Log      *slog.Logger      // nil for none
	Progress pipeline.Progress // nil for none
}

// A FileChange is one file that a run writes or removes.
type FileChange struct {
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
		o.Changed = func(FileChange) {}
	}
	if o.Grace <= 0 {
		o.Grace = DefaultGrace
	}
	return o
}

// Stage publishes a snapshot to a target, or does nothing where it is there already.
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
	var add *snapshot
	var reading errgroup.Group // while the target is looked at
	reading.Go(func() (err error) {
		if add, err = fromStore(ctx, o.Store, r.Snapshot, base); err != nil {
			return err
		}
		if err := o.addTimes(ctx, add); err != nil {
			return err
		}
		return o.attestSnapshot(ctx, add, base)
	})
	defer func() { _ = reading.Wait() }() // its error is returned below, or an earlier one is
	return o.bring(ctx, r.To, r.DryRun, func(ctx context.Context, t target.Target, signed signature) (observed, desired, error) {
		before, err := o.readTarget(ctx, t, base, signed)
		if err := errors.Join(reading.Wait(), err); err != nil {
			return observed{}, desired{}, err
		}
		m, err := add.manifest(ctx)
		if err != nil {
			return observed{}, desired{}, err
		}
		if err := add.keepTimes(ctx, t, before.metadata); err != nil {
			return observed{}, desired{}, err
		}
		advisories, err := o.readAdvisories(ctx, m)
		if err != nil {
			return observed{}, desired{}, err
		}
		return before, desired{
			base: base, keep: keep(r), add: add, withdrawn: without(before.key.Withdrawn, add.name), versions: before.key.Versions,
			keepAdopted: m.Plan.Line.KeepAdopted, former: m.Plan.Line.FormerDists, advisories: advisories,
		}, nil
	})
}

// A decision reads a target that is locked and says what a run wants of it.
type decision func(context.Context, target.Target, signature) (observed, desired, error)

// bring brings a target to what is decided, under its lock.
func (o Options) bring(ctx context.Context, to string, dry bool, decide decision) (p stages.Publication, err error) {
	err = target.With(ctx, to, o.Target, func(t target.Target) error {
		others, err := foreign(ctx, t)
		if err != nil {
			return err
		}
		return o.locked(ctx, t, dry, func(ctx context.Context) (err error) {
			p, err = o.bringLocked(ctx, t, dry, decide)
			p.Foreign = others
			return err
		})
	})
	return p, err
}

// locked works with the only right to write; with dry nothing is written.
func (o Options) locked(ctx context.Context, t target.Target, dry bool, work func(context.Context) error) error {
	if dry {
		return work(ctx)
	}
	return target.Locked(ctx, t, target.Holder{Name: o.Owner, Since: o.Now}, work)
}

func (o Options) bringLocked(ctx context.Context, t target.Target, dry bool, decide decision) (p stages.Publication, err error) {
	// Most files of a repository are dists: they are listed while its snapshots are read.
	writer := o.writer(t, dry)
	var listing errgroup.Group
	listing.Go(func() error { return writer.look(ctx, stages.DistsDir) })
	defer func() { _ = listing.Wait() }() // its error is returned below, or an earlier one is
	signed, err := o.readSignature(ctx, t, dry)
	if err != nil {
		return p, err
	}
	before, want, err := decide(ctx, signed.source(t), signed)
	if err != nil {
		return p, err
	}
	if err := o.maySign(want.add); err != nil {
		return p, err
	}
	want.now, want.grace = o.Now, o.Grace
	after, err := plan(ctx, before, want)
	if err != nil {
		return p, err
	}
	if after.anew && before.metadata != nil {
		o.Log.Warn("the metadata of the repository is damaged: it was made anew of its snapshots")
	}
	err = listing.Wait()
	if err == nil {
		err = o.apply(ctx, writer, before, want, after)
	}
	if err != nil && ctx.Err() == nil { // else the lock may be another's by now
		err = errors.Join(err, writer.takeBack(ctx))
	}
	if err != nil {
		return p, fmt.Errorf("publish to %s: %w; the repository there still is whole, run this again", t, err)
	}
	return writer.publication(before, want, after), nil
}

// check validates a request before anything is read or written.
func check(r stages.PublishRequest) (base string, err error) {
	var errs []error
	if r.Snapshot.Local && !r.AllowLocal {
		errs = append(errs, fmt.Errorf("%s is a local build: a source was replaced with --with; publish it only where nobody takes it for a real one, with --publish-local", r.Snapshot.Name.Title()))
	}
	if _, folder := target.Folder(r.To); r.Snapshot.WorkTree && !folder {
		errs = append(errs, fmt.Errorf("%s has files of a folder as they lay there, which nobody else can build again; publish it to a folder alone", r.Snapshot.Name.Title()))
	}
	if _, err := releases.ParseSnapshotName(string(r.Snapshot.Name)); err != nil {
		errs = append(errs, err)
	}
	if keep(r) < 1 {
		errs = append(errs, fmt.Errorf("%d nights cannot be kept; keep at least 1", keep(r)))
	}
	base, err = stages.BaseURL(cmp.Or(r.URL, r.Snapshot.URL))
	return base, errors.Join(append(errs, err)...)
}

// keep is how many nights stay: as the request says, else the line, else the default.
func keep(r stages.PublishRequest) int { return cmp.Or(r.Keep, r.Snapshot.Keep, DefaultKeep) }

// without returns the names that are not among the others, in their order.
func without(names []releases.SnapshotName, others ...releases.SnapshotName) []releases.SnapshotName {
	rest := []releases.SnapshotName{}
	for _, name := range names {
		if !slices.Contains(others, name) {
			rest = append(rest, name)
		}
	}
	return rest
}
