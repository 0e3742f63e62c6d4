package publish

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// A Rollback makes an earlier night of a repository the current one.
type Rollback struct {
	To       string // the target
	Snapshot string
	Keep     int // nights that stay resolvable; 0: as many as are now
	DryRun   bool
}

// Rollback withdraws all nights newer than the given one: they are no longer
// resolved, but stay where they are for who has them in a composer.lock. A night
// that was withdrawn before comes back when it is rolled back to, or published
// again.
func (o Options) Rollback(ctx context.Context, r Rollback) (stages.Publication, error) {
	if !isSnapshot(r.Snapshot) {
		return stages.Publication{}, fmt.Errorf("%q is no name of a night; it has to be a date, as 2026-11-24 or 2026-11-24.1, or the version of a release", r.Snapshot)
	}
	o = o.withDefaults()
	return o.change(ctx, r.To, r.DryRun, func(ctx context.Context, t target.Target, signed seal) (state, wish, error) {
		before, err := o.readTarget(ctx, t, "", signed)
		if err != nil {
			return before, wish{}, err
		}
		w := wish{base: before.key.URL, keep: r.Keep}
		if w.keep == 0 {
			w.keep = max(len(before.key.Snapshots), DefaultKeep)
		}
		there := names(before.all)
		if !slices.Contains(there, r.Snapshot) {
			return before, w, fmt.Errorf("%s has no night %s; it has %s", t, r.Snapshot, strings.Join(there, ", "))
		}
		for _, name := range there {
			if newer := newestFirst(name, r.Snapshot) < 0; newer || name != r.Snapshot && slices.Contains(before.key.Withdrawn, name) {
				w.withdrawn = append(w.withdrawn, name)
			}
		}
		return before, w, nil
	})
}
