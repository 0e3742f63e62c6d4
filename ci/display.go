package ci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/stages/publish"
)

// A display shows a run as it goes: bars on a terminal, one plain line a step
// elsewhere, events as JSON with --json. It is the only place where the time of
// a stage is measured.
type display struct {
	env  *factory
	bars *bars // nil but on a terminal

	mu       sync.Mutex
	started  map[string]time.Time
	reports  []timed // one of each stage, in order, once it has ended
	finished bool
	changes  []publish.Change // that a dry run would make
	result   nightly.Result   // what the run made, as far as it came; for the page about it
}

// A timed report is the end of a stage and how long it took.
type timed struct {
	pipeline.Report
	took time.Duration
}

func newDisplay(env *factory) *display {
	d := &display{env: env, started: map[string]time.Time{}}
	if f, ok := env.stderr.(*os.File); ok && !env.json && term.IsTerminal(int(f.Fd())) && env.getenv("TERM") != "dumb" {
		d.bars = newBars(f)
	}
	env.shown = append(env.shown, d)
	return d
}

// logs is where log lines go, so that they do not tear the bars.
func (d *display) logs() io.Writer {
	if d.bars != nil {
		return d.bars
	}
	return d.env.stderr
}

// report implements the Report function of a pipeline.Session.
func (d *display) report(r pipeline.Report) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.env.now()
	if r.State == pipeline.Started {
		d.started[r.Stage] = now
	} else {
		t := timed{Report: r}
		if start, ok := d.started[r.Stage]; ok {
			t.took = now.Sub(start)
		}
		d.reports = append(d.reports, t)
	}
	switch {
	case d.env.json:
		d.event(now, r)
	case d.bars != nil:
		d.bars.report(r)
	case r.State != pipeline.Skipped:
		fmt.Fprintln(d.env.stderr, plainLine(r))
	}
}

func plainLine(r pipeline.Report) string {
	line := fmt.Sprintf("%-12s %s", r.Stage, r.State)
	if r.Detail != "" {
		line += ": " + r.Detail
	}
	return line
}

// step implements pipeline.Progress.
func (d *display) step(s pipeline.Step) {
	if d.bars != nil {
		d.bars.step(s)
	}
}

// event writes one JSON line. A machine reads it: the names stay.
func (d *display) event(now time.Time, r pipeline.Report) {
	event := struct {
		Time   string         `json:"time"`
		Stage  string         `json:"stage"`
		State  pipeline.State `json:"state"`
		Detail string         `json:"detail,omitempty"`
		Error  string         `json:"error,omitempty"`
	}{now.UTC().Format(time.RFC3339), r.Stage, r.State, r.Detail, ""}
	if r.Err != nil {
		event.Error = r.Err.Error()
	}
	d.writeJSON(event)
}

func (d *display) writeJSON(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		data = []byte(fmt.Sprintf(`{"error":%q}`, err.Error()))
	}
	fmt.Fprintf(d.env.stdout, "%s\n", data)
}

// finish ends the bars; it may be called more than once.
func (d *display) finish() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bars != nil && !d.finished {
		d.bars.finish()
	}
	d.finished = true
}

// end ends a run with the table of its stages. Its error is what Main is to know of the
// run's: of a failure that it was shown, and of what is none nothing.
func (d *display) end(ctx context.Context, made nightly.Result, err error) error {
	d.finish()
	d.table()
	return d.failure(ctx, made, err)
}

// failure ends a run without a table.
func (d *display) failure(ctx context.Context, made nightly.Result, err error) error {
	d.result = made
	d.finish()
	switch {
	case ctx.Err() != nil:
		// Main says that it was stopped; what every stage says to that is noise.
		return &reportedError{ctx.Err()}
	case err != nil && !isSkip(err):
		return d.failed(err)
	}
	return nil
}

// isSkip reports whether a stage had nothing to do, which is no failure.
func isSkip(err error) bool {
	var skip *pipeline.SkipError
	return errors.As(err, &skip)
}

// closing closes what a command ran with. That closing failed is the command's error if it
// has no other.
func closing(err *error, show *display, r *runner.Runner) {
	show.finish()
	if e := r.Close(); *err == nil {
		*err = e
	}
}

// failed shows a failure, all of its problems, each on a line of its own.
func (d *display) failed(err error) error {
	d.finish()
	if d.env.json {
		return &reportedError{err}
	}
	problems := strings.Split(err.Error(), "\n")
	fmt.Fprintf(d.env.stderr, "\nmageos-nightly: %s\n", problems[0])
	for _, p := range problems[1:] {
		fmt.Fprintf(d.env.stderr, "    %s\n", p)
	}
	return &reportedError{err}
}

// runner says where stages run, and why there.
func (d *display) runner(name, why string) {
	if d.env.json {
		d.writeJSON(map[string]string{"event": "runner", "runner": name, "why": why})
		return
	}
	fmt.Fprintf(d.logs(), "%-12s %s: %s\n", "runner", name, why)
}
