package publish

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/stages/publish/target"
)

// pages makes the files for people and monitors: those at the root, and those of
// the nights that this run adds or gives another night before.
func (o Options) pages(ctx context.Context, s target.Source, want wish, r *repository) (map[string][]byte, error) {
	files := map[string][]byte{statusFile: r.status}
	newest, err := o.changes(ctx, s, r, 0)
	if err != nil {
		return nil, err
	}
	for i, n := range r.snapshots {
		if want.add == nil || n != want.add && (i+1 == len(r.snapshots) || r.snapshots[i+1] != want.add) {
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
		if files[snapshotFile(n.name, pageFile)], err = renderPage(newSnapshotPage(m, r.base, c)); err != nil {
			return nil, err
		}
		if c == nil {
			continue
		}
		if files[snapshotFile(n.name, changesFile)], err = c.JSON(); err != nil {
			return nil, err
		}
		if i == 0 {
			newest = c
		}
	}
	m, err := r.snapshots[0].manifest(ctx)
	if err != nil {
		return nil, err
	}
	files[pageFile], err = renderPage(newPage(r, m, newest))
	return files, err
}

// changes says what changed in a night since the one before it; nil for the
// oldest. What the target says already is taken from there: the history is asked
// once, and a night before that is no longer there is remembered.
func (o Options) changes(ctx context.Context, s target.Source, r *repository, i int) (*compare.Result, error) {
	known, err := readChanges(ctx, s, r.snapshots[i].name)
	if err != nil {
		return nil, err
	}
	// The night before of the same line: a release line may share the repository.
	line := r.snapshots[i].indexed.Line
	older := slices.IndexFunc(r.snapshots[i+1:], func(n *snapshot) bool { return n.indexed.Line == line })
	if older < 0 {
		return known, nil
	}
	before := r.snapshots[i+1+older]
	if known != nil && string(known.Before.Snapshot) == before.name {
		return known, nil
	}
	old, errOld := before.manifest(ctx)
	m, err := r.snapshots[i].manifest(ctx)
	if err := errors.Join(errOld, err); err != nil {
		return nil, err
	}
	return compare.Manifests(ctx, old, m, o.History)
}

// readChanges gives nothing where there is no comparison that this program knows.
func readChanges(ctx context.Context, s target.Source, snapshot string) (*compare.Result, error) {
	data, err := target.Read(ctx, s, snapshotFile(snapshot, changesFile))
	if errors.Is(err, errMissing) {
		return nil, nil //nolint:nilnil // documented
	}
	if err != nil {
		return nil, err
	}
	var c compare.Result
	if json.Unmarshal(data, &c) != nil || c.Format != compare.Format {
		return nil, nil //nolint:nilnil // made by another version of this program: made anew
	}
	return &c, nil
}
