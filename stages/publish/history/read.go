package history

import (
	"context"
	"fmt"
	"path"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish/target"
)

// PlanFile is the plan of a try that failed, below Try.Dir, LogFile what went wrong, whole, and ReportFile and ShotsDir
// lie below a cell's name there.
const (
	PlanFile   = "plan.json"
	LogFile    = "log.txt"
	ReportFile = "report.txt"
	ShotsDir   = "screenshots"
)

// Read gives the tries of a target that began in the month of since or later, oldest first; none where there is no history.
func Read(ctx context.Context, s target.Source, since time.Time) ([]*Try, error) {
	b, err := Open(ctx, s, since)
	if err != nil {
		return nil, fmt.Errorf("history of %s: %w", s, err)
	}
	return b.Tries(), nil
}

// LastGood is the last good one of tries that are sorted oldest first; nil if there is none.
func LastGood(tries []*Try) *Try {
	for i := len(tries) - 1; i >= 0; i-- {
		if tries[i].Good() {
			return tries[i]
		}
	}
	return nil
}

// Turned are the last good try, and the first bad one after it: where a line turned red. Bad is nil where the last try
// is good, and good where none is.
func Turned(tries []*Try) (good, bad *Try) {
	for i := len(tries) - 1; i >= 0 && !tries[i].Good(); i-- {
		bad = tries[i]
	}
	return LastGood(tries), bad
}

// FirstBad is the first bad try since the last good one; nil if the last try is good.
func FirstBad(tries []*Try) *Try {
	_, bad := Turned(tries)
	return bad
}

// Find is the last try of a snapshot's name, of a day, as 2026-11-24, or of a Try.Name.
func Find(tries []*Try, name string) (*Try, bool) {
	for i := len(tries) - 1; i >= 0; i-- {
		if t := tries[i]; t.Snapshot == name || t.Name() == name || t.Began().UTC().Format(time.DateOnly) == name {
			return t, true
		}
	}
	return nil, false
}

// Plan is the plan of a try: the one that lies with a failed try, else that of the snapshot of a good one. It reports
// fs.ErrNotExist where neither is there any more, and fails where it is not the plan that was tried.
func Plan(ctx context.Context, s target.Source, t *Try) (*releases.Plan, error) {
	if t.Good() {
		name, err := releases.ParseSnapshotName(t.Snapshot)
		if err != nil {
			return nil, err
		}
		data, err := target.Read(ctx, s, path.Join(name.Dir(), releases.ManifestName))
		if err != nil {
			return nil, err
		}
		m, err := releases.ParseManifest(data)
		if err != nil {
			return nil, err
		}
		return &m.Plan, nil
	}
	data, err := target.ReadUpTo(ctx, s, path.Join(t.Dir(), PlanFile), maxFile)
	if err != nil {
		return nil, err
	}
	if sum := pipeline.DigestOf(data); sum != t.Plan {
		return nil, fmt.Errorf("%s of %s has SHA-256 %s, and the plan that was tried %s", path.Join(t.Dir(), PlanFile), s, sum, t.Plan)
	}
	return releases.ParsePlan(data)
}
