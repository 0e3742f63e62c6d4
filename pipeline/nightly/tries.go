package nightly

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/history"
	"github.com/mage-os/nightly/stages/publish/target"
)

// A RunInfo has the facts about a run that its record needs beside its result.
type RunInfo struct {
	URL string // of the workflow's run; empty: there is none
	// Stages gives the times of the stages until now; nil if unknown.
	Stages func() []history.Stage
	// Now is the clock; nil leaves out how long the run took.
	Now func() time.Time
	// Tries is a folder with what other jobs and earlier runs were told to keep; empty: none.
	Tries string
}

// A ProvenCell is what became of one cell, with the folder of this machine that has its report; empty: there is none.
type ProvenCell struct {
	history.Cell
	Report string
}

// Tried tells the target what became of a run that published nothing. That it cannot be told is no failure of the run: the
// record is kept in the store, and the next publish of the line sends it. Snapshot is what it would have been, or its day.
// Notes are the target's after a mirror's run that had nothing to publish; nil: it was none.
func Tried(ctx context.Context, r *runner.Runner, o PublishOptions, line, snapshot string, made Result, failed error, notes ...releases.Note) {
	if o.To == "" || o.DryRun || ctx.Err() != nil || made.Publication != nil {
		return // published: it was told with that
	}
	if folder, ok := target.Folder(o.To); ok {
		if _, err := os.Stat(folder); err != nil {
			return // and it is not made for that
		}
	}
	kept := triesDir(r, line)
	err := KeepTry(kept, o, line, snapshot, made, failed)
	if err == nil {
		err = Tell(ctx, r, o, line, notes)
	}
	var stage *pipeline.StageError
	switch {
	case err == nil, errors.Is(err, publish.ErrNoRepository):
	case errors.As(failed, &stage) && stage.Stage == publish.Name: // which has said why the target cannot be written
	default:
		r.Log.Warn("the target could not be told of this run; the next publish of the line tells it", "error", err, "kept", kept)
	}
}

// Tell tells the target of the tries of a line that are kept here, or were given.
func Tell(ctx context.Context, r *runner.Runner, o PublishOptions, line string, notes []releases.Note) (err error) {
	if o.Publisher.Tries, err = o.pending(r, line); err != nil || len(o.Publisher.Tries) == 0 {
		return err
	}
	if err := o.Publisher.Tried(ctx, o.To, o.URL, notes); err != nil {
		return err
	}
	return history.Forget(triesDir(r, line))
}

// KeepTry writes the record of a run to a folder, for RunInfo.Tries of another machine.
func KeepTry(dir string, o PublishOptions, line, snapshot string, made Result, failed error) error {
	e := o.entry(line, snapshot, made.Plan, made.Proof, failed)
	e.Suspects = made.Suspects
	return history.Keep(dir, e, history.Cleaner(o.Publisher.Secrets))
}

// triesDir is the folder of a store with the tries of a line that the target does not have yet.
func triesDir(r *runner.Runner, line string) string { return filepath.Join(r.Dir, "tries", line) }

// pending gives the tries that the target does not have yet.
func (o PublishOptions) pending(r *runner.Runner, line string) ([]history.Entry, error) {
	kept, err := history.Kept(triesDir(r, line))
	if err != nil || o.Run.Tries == "" {
		return kept, err
	}
	given, err := history.Kept(o.Run.Tries)
	return history.Join(append(given, kept...)), err
}

// entry is the record of a run. Good is what has no failure.
func (o PublishOptions) entry(line, snapshot string, plan *releases.Plan, proof Proof, failed error) history.Entry {
	e := history.Entry{Files: map[string][]byte{}, Try: history.Try{
		Line: line, Snapshot: snapshot, At: o.Publisher.Now, Run: o.Run.URL, Program: releases.Program,
	}}
	if o.Run.Stages != nil {
		e.Stages = o.Run.Stages()
	}
	if o.Run.Now != nil {
		e.Millis = o.Run.Now().Sub(o.Publisher.Now).Milliseconds()
	}
	if plan != nil {
		o.addPlan(&e, plan, failed)
	}
	for _, c := range proof.Cells {
		addCell(&e, c)
	}
	if failed == nil {
		return e
	}
	e.Stage, e.Reason = "plan", failed.Error()
	var stage *pipeline.StageError
	if errors.As(failed, &stage) {
		e.Stage = stage.Stage
	}
	if i := slices.IndexFunc(e.Cells, func(c history.Cell) bool { return c.State == pipeline.Failed }); i >= 0 {
		e.Cell = e.Cells[i].Name
	}
	if blamed := stages.Blamed(e.Reason); blamed != "" {
		e.Blamed = strings.Split(blamed, ", ")
	}
	e.Files[history.LogFile] = []byte(e.Reason[:min(len(e.Reason), maxLog)] + "\n")
	return e
}

// addPlan says what was tried. The plan of a good night lies with its snapshot.
func (o PublishOptions) addPlan(e *history.Entry, plan *releases.Plan, failed error) {
	data, err := plan.Encode()
	if err != nil {
		return // it could not have been made
	}
	e.Plan, e.Commits = pipeline.DigestOf(data), map[string]string{}
	for _, r := range plan.Repositories {
		e.Commits[r.Name] = r.Commit
	}
	if failed != nil {
		e.Files[history.PlanFile] = data
	}
}

// The bounds of what a record has of a report, in bytes.
const (
	maxLog  = 256 << 10
	maxShot = 1 << 20
)

// addCell adds a cell with its report and the screenshots, as far as there are any.
func addCell(e *history.Entry, c ProvenCell) {
	if name := c.Name; c.Report != "" && pipeline.ValidPath(name) == nil {
		if data, err := files.Read(filepath.Join(c.Report, stages.ReportFile), maxShot); err == nil {
			c.Cell.Report = path.Join(name, history.ReportFile)
			e.Files[c.Cell.Report] = data
		}
		shots, _ := filepath.Glob(filepath.Join(c.Report, stages.ScreenshotsDir, "*.png"))
		for _, shot := range shots {
			if data, err := files.Read(shot, maxShot); err == nil {
				at := path.Join(name, history.ShotsDir, filepath.Base(shot))
				c.Screenshots = append(c.Screenshots, at)
				e.Files[at] = data
			}
		}
	}
	e.Cells = append(e.Cells, c.Cell)
}

// provenCell is the record of a cell, from its report in a folder.
func provenCell(r cellResult, folder string) ProvenCell {
	i := r.installation
	c := ProvenCell{Cell: history.Cell{Name: cmp.Or(r.cell.Name(), "install"), State: r.state, Level: i.Level, Detail: r.detail}}
	if r.err != nil {
		c.Detail = r.err.Error()
	}
	if folder != "" && r.state != pipeline.Skipped {
		c.Report = filepath.Join(folder, "report")
	}
	for _, t := range i.Tools {
		c.With = append(c.With, t.Name+" "+t.Version)
	}
	for _, image := range i.Images {
		c.With = append(c.With, image.Name+" "+image.Title())
	}
	pages := map[string]history.Page{}
	for _, s := range i.Steps {
		if page, ok := strings.CutPrefix(s.Name, "page "); ok && slices.Contains(timedPages, page) {
			pages[page] = history.Page{Name: page, Millis: s.Millis, Queries: s.Queries} // the last: of a shop that was deployed
		}
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		c.Pages = append(c.Pages, pages[name])
	}
	return c
}

// timedPages are those whose times are kept.
var timedPages = []string{"home page", "category", "product"}

// withTries is how a snapshot is published with the record of this run, and what is pending.
func (o PublishOptions) withTries(ctx context.Context, r *runner.Runner, snapshot stages.Snapshot, proof Proof, log *slog.Logger) publish.Options {
	p := o.Publisher
	m, err := manifestOf(ctx, r.Trees, snapshot)
	if err == nil {
		if p.Tries, err = o.pending(r, m.Plan.Line.Name); err == nil {
			p.Tries = history.Join(append(p.Tries, o.entry(m.Plan.Line.Name, string(snapshot.Name), &m.Plan, proof, nil)))
		}
	}
	if err != nil {
		log.Warn("no record of this run is kept", "error", err)
	}
	return p
}
