package publish

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/stages/publish/target"
)

// changes says what changed in a snapshot since the one before it; nil for the oldest,
// for an addition to a mirror, and for what was adopted.
// What the target says already is taken from there: the history is asked once, and a
// snapshot before that is no longer there is remembered.
func (o Options) changes(ctx context.Context, s target.Source, r *repository, i int) (*compare.Result, error) {
	n := r.snapshots[i]
	if kind := n.name.Kind(); kind == releases.Addition || kind == releases.Adoption {
		return nil, nil //nolint:nilnil // what it adds is all that changed
	}
	known, err := readChanges(ctx, s, n.name)
	if err != nil {
		return nil, err
	}
	for _, before := range r.snapshots[i+1:] {
		if before.indexed.Line != n.indexed.Line {
			continue // a release line may share the repository
		}
		if known != nil && known.Before.Snapshot == before.name {
			return known, nil
		}
		old, errOld := before.manifest(ctx)
		m, err := n.manifest(ctx)
		if err := errors.Join(errOld, err); err != nil {
			return nil, err
		}
		return compare.Manifests(ctx, old, m, o.History)
	}
	return known, nil
}

// readChanges returns nil where there is no comparison that this program knows.
func readChanges(ctx context.Context, s target.Source, name releases.SnapshotName) (*compare.Result, error) {
	data, err := target.ReadIfThere(ctx, s, snapshotFile(name, changesFile))
	if data == nil {
		return nil, err
	}
	var c compare.Result
	if json.Unmarshal(data, &c) != nil || c.Format != compare.Format {
		return nil, nil //nolint:nilnil // made by another version of this program: made anew
	}
	return &c, nil
}
