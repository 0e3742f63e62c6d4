package nightly

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/rules"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

// Numbered is a plan with the next free number of its day at a repository. A plan that
// equals that day's last night, but for the number, is that night again: then it gets its
// number, and publishing will find nothing to do. What was adopted counts: the versions of
// a night that others have published stay theirs.
func Numbered(ctx context.Context, plan *releases.Plan, at target.Source) (*releases.Plan, error) {
	names, err := snapshotsAt(ctx, at)
	slices.SortFunc(names, releases.NewestFirst)
	if err != nil {
		return nil, &pipeline.StageError{Stage: publish.Name, Err: err}
	}
	numbered := *plan
	if last := slices.IndexFunc(names, plan.Snapshot().SameDay); last >= 0 {
		numbered.Number = names[last].Number()
		if isThis(ctx, &numbered, publish.Read(at), names[last]) {
			return &numbered, nil
		}
		numbered.Number++
	}
	if !slices.ContainsFunc(names, func(n releases.SnapshotName) bool { return n.Kind() == releases.Adoption }) {
		return &numbered, nil
	}
	published, err := publish.Read(at).Index(ctx)
	if err != nil {
		return nil, &pipeline.StageError{Stage: publish.Name, Err: err}
	}
	numbered.Number = max(numbered.Number, nextAdopted(published.Index, plan.Date))
	return &numbered, nil
}

// nextAdopted is the number behind those of the nights of a day that were adopted; 0: none was.
func nextAdopted(index *releases.Index, date string) int {
	next := 0
	for _, file := range index.Files {
		for _, v := range file.Versions {
			adopted := v.Snapshots[len(v.Snapshots)-1].Kind() == releases.Adoption
			if number, ok := rules.NightNumber(v.Version, date); ok && adopted {
				next = max(next, number+1)
			}
		}
	}
	return next
}

// snapshotsAt lists the snapshots at a target. On the web, which cannot be
// listed, they are those that its status names, withdrawn ones too; where nothing is
// published yet there are none.
func snapshotsAt(ctx context.Context, source target.Source) ([]releases.SnapshotName, error) {
	if t, ok := source.(target.Target); ok {
		return publish.Snapshots(ctx, t)
	}
	status, err := publish.ReadStatus(ctx, source)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return slices.Concat(status.Snapshots, status.Withdrawn), nil
}

// isThis reports whether a snapshot at a target was built from this very plan. One whose
// manifest cannot be read, because another program wrote it, was not.
func isThis(ctx context.Context, plan *releases.Plan, r publish.Repository, name releases.SnapshotName) bool {
	manifest, _, err := r.Manifest(ctx, name)
	if err != nil {
		return false
	}
	x, errX := json.Marshal(plan)
	y, errY := json.Marshal(manifest.Plan)
	return errX == nil && errY == nil && string(x) == string(y)
}
