package publish

import (
	"cmp"
	"context"
	"slices"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// A Rollback makes an earlier snapshot of a repository the newest of its kind.
type Rollback struct {
	To       string // the target
	Snapshot releases.SnapshotName
	Keep     int // nights that stay resolvable; 0: as many as are now
	DryRun   bool
}

// Rollback withdraws all newer snapshots of the same kind: they are no longer
// resolved, but stay where they are for who has them in a composer.lock. A snapshot
// that was withdrawn before comes back when it is rolled back to, or published again.
func (o Options) Rollback(ctx context.Context, r Rollback) (stages.Publication, error) {
	o = o.withDefaults()
	return o.bring(ctx, r.To, r.DryRun, func(ctx context.Context, t target.Target, signed signature) (observed, desired, error) {
		before, err := o.readTarget(ctx, t, "", signed)
		if err != nil {
			return before, desired{}, err
		}
		want := desired{base: before.key.URL, keep: r.Keep, versions: before.key.Versions}
		if want.keep == 0 {
			want.keep = max(len(before.key.Snapshots), DefaultKeep)
		}
		there := names(before.all)
		if !slices.Contains(there, r.Snapshot) {
			return before, want, config.Errorf("%s has no %s; it has %s", t, r.Snapshot.Title(), cmp.Or(releases.NameList(there), "none"))
		}
		for _, name := range there {
			newer := name.Kind() == r.Snapshot.Kind() && releases.NewestFirst(name, r.Snapshot) < 0
			if newer || name != r.Snapshot && slices.Contains(before.key.Withdrawn, name) {
				want.withdrawn = append(want.withdrawn, name)
			}
		}
		return before, want, nil
	})
}
