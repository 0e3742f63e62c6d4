package ci

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

// number gives a plan the next free number of its day at the target. A plan
// that equals that day's last night, but for the number, is that night again:
// then its number is kept, and publishing will find nothing to do.
func number(ctx context.Context, w *world, plan *releases.Plan, to string) (err error) {
	if to == "" {
		return nil
	}
	source, closeSource, err := openSource(ctx, w, to)
	if err != nil {
		return &pipeline.StageError{Stage: publish.Name, Err: err}
	}
	defer func() { err = errors.Join(err, closeSource()) }()
	snapshots, err := snapshotsAt(ctx, source)
	if err != nil {
		return &pipeline.StageError{Stage: publish.Name, Err: err}
	}
	last := slices.IndexFunc(snapshots, plan.Snapshot().SameDay)
	if last < 0 {
		return nil
	}
	plan.Number = snapshots[last].Number()
	if !isSnapshot(ctx, plan, publish.Read(source), string(snapshots[last])) {
		plan.Number++
	}
	return nil
}

// snapshotsAt lists the nights at a target, newest first. On the web, which cannot be
// listed, they are those that its status names, withdrawn ones too; where nothing is
// published yet there are none.
func snapshotsAt(ctx context.Context, source target.Source) ([]releases.SnapshotName, error) {
	texts, err := publishedNames(ctx, source)
	names := make([]releases.SnapshotName, len(texts))
	for i, text := range texts {
		var bad error
		names[i], bad = releases.ParseSnapshotName(text)
		err = errors.Join(err, bad)
	}
	slices.SortFunc(names, releases.NewestFirst)
	return names, err
}

func publishedNames(ctx context.Context, source target.Source) ([]string, error) {
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

// isSnapshot reports whether a night at a target was built from this very plan. One
// whose manifest cannot be read, because another program wrote it, was not.
func isSnapshot(ctx context.Context, plan *releases.Plan, r publish.Repository, snapshot string) bool {
	manifest, _, err := r.Manifest(ctx, snapshot)
	return err == nil && samePlan(plan, &manifest.Plan)
}

func samePlan(a, b *releases.Plan) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && string(x) == string(y)
}
