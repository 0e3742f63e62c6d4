package ci

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

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
	last := slices.IndexFunc(snapshots, func(n string) bool { return n == plan.Date || strings.HasPrefix(n, plan.Date+".") })
	if last < 0 {
		return nil
	}
	if plan.Number, err = numberOf(snapshots[last]); err != nil {
		return err
	}
	if !isSnapshot(ctx, plan, publish.Read(source), snapshots[last]) {
		plan.Number++
	}
	return nil
}

// snapshotsAt lists the nights at a target, newest first. On the web, which cannot be
// listed, they are those that its status names, withdrawn ones too; where nothing is
// published yet there are none.
func snapshotsAt(ctx context.Context, source target.Source) ([]string, error) {
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
	snapshots := append(slices.Clone(status.Snapshots), status.Withdrawn...)
	slices.SortFunc(snapshots, func(a, b string) int { return compareSnapshots(b, a) })
	return snapshots, nil
}

// compareSnapshots orders by day, and within a day by number.
func compareSnapshots(a, b string) int {
	dayA, _, _ := strings.Cut(a, ".")
	dayB, _, _ := strings.Cut(b, ".")
	x, _ := numberOf(a) // what is no night has none
	y, _ := numberOf(b)
	return cmp.Or(strings.Compare(dayA, dayB), cmp.Compare(x, y))
}

// numberOf is the number in the name of a night: 1 of 2026-11-24.1.
func numberOf(snapshot string) (int, error) {
	_, n, second := strings.Cut(snapshot, ".")
	if !second {
		return 0, nil
	}
	number, err := strconv.Atoi(n)
	if err != nil {
		return 0, fmt.Errorf("night %s at the target: %w", snapshot, err)
	}
	return number, nil
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
