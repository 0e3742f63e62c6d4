package publish

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/stages/publish/target"
)

// pages makes the files for people and monitors: those at the root, and those of the
// snapshots that this run adds or gives another snapshot before.
func (o Options) pages(ctx context.Context, s target.Source, want desired, r *repository) (map[string][]byte, error) {
	files := map[string][]byte{statusFile: r.status}
	for i, n := range r.snapshots {
		drawn := want.add != nil && (n == want.add || i+1 < len(r.snapshots) && r.snapshots[i+1] == want.add)
		if i > 0 && !drawn {
			continue
		}
		c, err := o.changes(ctx, s, r, i)
		if err != nil {
			return nil, err
		}
		m, err := n.manifest(ctx)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			if files[pageFile], err = renderPage(newPage(r, m, c)); err != nil {
				return nil, err
			}
		}
		if drawn {
			if err := addPage(files, m, r.base, c); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// addPage adds the page of one snapshot and, if there is one, its comparison.
func addPage(files map[string][]byte, m *releases.Manifest, base string, c *compare.Result) (err error) {
	if files[snapshotFile(m.Snapshot, pageFile)], err = renderPage(newSnapshotPage(m, base, c)); err == nil && c != nil {
		files[snapshotFile(m.Snapshot, changesFile)], err = c.JSON()
	}
	return err
}

// changes says what changed in a snapshot since the one before it; nil for the oldest.
// What the target says already is taken from there: the history is asked once, and a
// snapshot before that is no longer there is remembered.
func (o Options) changes(ctx context.Context, s target.Source, r *repository, i int) (*compare.Result, error) {
	n := r.snapshots[i]
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
