package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/mage-os/nightly/releases"
)

// A Found is a snapshot of a repository: its manifest as read, and as it lies there.
type Found struct {
	Manifest *releases.Manifest
	Data     []byte
}

// Find reads a snapshot; an empty name is the current one's. Its error is fs.ErrNotExist
// where there is none.
func (r Repository) Find(ctx context.Context, name releases.SnapshotName) (Found, error) {
	if name == "" {
		snapshots, err := r.Snapshots(ctx)
		if err != nil {
			return Found{}, err
		}
		if len(snapshots) == 0 {
			return Found{}, fmt.Errorf("%s has no snapshots: %w", r.source, fs.ErrNotExist)
		}
		name = snapshots[0]
	}
	m, data, err := r.Manifest(ctx, name)
	return Found{m, data}, err
}

// OfVersion reads the newest snapshot that has a package of that version.
func (r Repository) OfVersion(ctx context.Context, version string) (Found, error) {
	found, err := r.newest(ctx, func(m *releases.Manifest) bool {
		return slices.ContainsFunc(m.Packages, func(p releases.ManifestPackage) bool { return p.Version == version })
	})
	if errors.Is(err, errNone) {
		err = fmt.Errorf("no snapshot of %s has a package of version %s: %w", r.source, version, fs.ErrNotExist)
	}
	return found, err
}

// Before reads the snapshot before another one: the next older one of the same line, as
// several lines may share a repository.
func (r Repository) Before(ctx context.Context, after *releases.Manifest) (Found, error) {
	line := after.Plan.Line.Name
	found, err := r.newest(ctx, func(m *releases.Manifest) bool {
		return m.Plan.Line.Name == line && releases.NewestFirst(m.Snapshot, after.Snapshot) > 0
	})
	if errors.Is(err, errNone) {
		err = fmt.Errorf("%s resolves no snapshot of %s before %s: %w", r.source, line, after.Snapshot, fs.ErrNotExist)
	}
	return found, err
}

var errNone = errors.New("no such snapshot")

// newest reads the newest snapshot that is as wanted.
func (r Repository) newest(ctx context.Context, wanted func(*releases.Manifest) bool) (Found, error) {
	snapshots, err := r.Snapshots(ctx)
	if err != nil {
		return Found{}, err
	}
	for _, name := range snapshots {
		found, err := r.Find(ctx, name)
		if err != nil || wanted(found.Manifest) {
			return found, err
		}
	}
	return Found{}, errNone
}
