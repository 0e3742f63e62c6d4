package publish

import (
	"cmp"
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
			return Found{}, noneError(fmt.Sprintf("%s has no snapshots", r.source))
		}
		name = snapshots[0]
	}
	m, data, err := r.Manifest(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		there, errThere := r.Snapshots(ctx)
		if errThere != nil {
			return Found{}, err
		}
		err = noneError(fmt.Sprintf("%s has no %s; it has %s", r.source, name.Title(), cmp.Or(releases.NameList(there), "none")))
	}
	return Found{m, data}, err
}

// A noneError says what is not there; it is fs.ErrNotExist.
type noneError string

func (e noneError) Error() string      { return string(e) }
func (noneError) Is(target error) bool { return target == fs.ErrNotExist }

// OfVersion reads the newest snapshot that has a package of that version.
func (r Repository) OfVersion(ctx context.Context, version string) (Found, error) {
	found, err := r.newest(ctx, func(m *releases.Manifest) bool {
		return slices.ContainsFunc(m.Packages, func(p releases.ManifestPackage) bool { return p.Version == version })
	})
	if errors.Is(err, errNone) {
		err = noneError(fmt.Sprintf("no snapshot of %s has a package of version %s", r.source, version))
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
		err = noneError(fmt.Sprintf("%s resolves no snapshot of %s before %s", r.source, line, after.Snapshot))
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
