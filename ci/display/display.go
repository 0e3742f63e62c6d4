// Package display shows a run of the program: to people as it goes and when it has
// ended, to machines as JSON, and on a page to whoever looks at it later.
package display

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
	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/suspects"
	"github.com/mage-os/nightly/stages/publish"
)

// Options are what a run is shown with.
type Options struct {
	Stdout, Stderr io.Writer
	Terminal       io.Writer // where bars are drawn, if it is one
	Now            func() time.Time
	JSON           bool // events as JSON, one a line, and nothing for people
	Bars           bool // on a terminal, one bar a stage
	Colour         bool // in bars
	Width          int  // of Stdout, in columns; 0: it is no terminal
}

// A Run shows a run as it goes: bars on a terminal, one plain line a step
// elsewhere, or events as JSON. It is the only place where the time of a stage is
// measured. Its methods may be called by several goroutines.
type Run struct {
	// Result is what the run made, as far as it came; for the page about it.
	Result nightly.Result
	// Last are how long stages took when they ran last, and under the name "" all of them.
	Last map[string]time.Duration

	o        Options
	bars     *bars // nil but on a terminal
	mu       sync.Mutex
	started  map[string]time.Time
	reports  []timed // one of each stage, in order, once it has ended
	finished bool
	began    time.Time
	told     map[string]string // last step of each stage that has a line
	lastTold time.Time
	changes  []publish.FileChange // that a dry run would make
}

// A timed report is the end of a stage and how long it took.
type timed struct {
	pipeline.Report
	took time.Duration
}

// New begins to show a run.
func New(o Options) *Run {
	d := &Run{o: o, started: map[string]time.Time{}, told: map[string]string{}}
	if o.Now != nil {
		d.began, d.lastTold = o.Now(), o.Now()
	}
	if f, ok := o.Terminal.(*os.File); ok && o.Bars && !o.JSON && term.IsTerminal(int(f.Fd())) {
		d.bars = newBars(f, o.Now, o.Colour)
	}
	return d
}

// Logs is where log lines go, so that they do not tear the bars.
func (d *Run) Logs() io.Writer {
	if d.bars != nil {
		return d.bars
	}
	return d.o.Stderr
}

// Report implements the Report function of a pipeline.Session.
func (d *Run) Report(r pipeline.Report) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.o.Now()
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
	case d.o.JSON:
		d.event(now, r)
	case d.bars != nil:
		d.bars.report(r)
	case r.State != pipeline.Skipped:
		d.lastTold = now
		fmt.Fprintln(d.o.Stderr, plainLine(r))
	}
	if !d.o.JSON {
		for _, note := range r.Notes {
			fmt.Fprintf(d.Logs(), "note: %s\n", markdown.Indented(note))
		}
	}
}

func plainLine(r pipeline.Report) string {
	line := fmt.Sprintf("%-12s %s", r.Stage, r.State)
	if r.Detail != "" {
		line += ": " + r.Detail
	}
	return line
}

// silence is after what time somebody wants to know that a run is alive.
const silence = 30 * time.Second

// Step implements pipeline.Progress. Off a terminal each of pipeline.Steps has a line, and
// others when nothing was told for long.
func (d *Run) Step(s pipeline.Step) {
	switch {
	case d.bars != nil:
		d.bars.step(s)
		return
	case d.o.JSON || s.Item == "":
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.o.Now()
	if begins := s.Unit == pipeline.Steps && d.told[s.Stage] != s.Item; !begins && now.Sub(d.lastTold) < silence {
		return
	}
	d.told[s.Stage], d.lastTold = s.Item, now
	fmt.Fprintf(d.o.Stderr, "%-12s %s  %s\n", s.Stage, clock(now.Sub(d.started[s.Stage])), markdown.Printable(stepText(s)))
}

// event writes the event of a stage. A machine reads it: the names stay.
func (d *Run) event(now time.Time, r pipeline.Report) {
	event := struct {
		Time   string         `json:"time"`
		Stage  string         `json:"stage"`
		State  pipeline.State `json:"state"`
		Detail string         `json:"detail,omitempty"`
		Error  string         `json:"error,omitempty"`
		Notes  []string       `json:"notes,omitempty"`
	}{now.UTC().Format(time.RFC3339), r.Stage, r.State, r.Detail, "", r.Notes}
	if r.Err != nil {
		event.Error = r.Err.Error()
	}
	d.Event(event)
}

// FailedEvent writes the last event of a command that failed: its result.
func FailedEvent(out io.Writer, err error, code int) {
	event(out, map[string]any{"event": "result", "code": code, "error": err.Error()})
}

// Event writes an event, one JSON line.
func (d *Run) Event(v any) { event(d.o.Stdout, v) }

func event(out io.Writer, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		data = []byte(fmt.Sprintf(`{"error":%q}`, err.Error()))
	}
	fmt.Fprintf(out, "%s\n", data)
}

// Finish ends the bars; it may be called more than once.
func (d *Run) Finish() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bars != nil && !d.finished {
		d.bars.finish()
	}
	d.finished = true
}

// End ends a run with the table of its stages. Its error is what is left to
// say of the run's: of a failure that it was shown, and of what is none nothing.
func (d *Run) End(ctx context.Context, made nightly.Result, err error) error {
	d.Finish()
	d.table()
	return d.Failure(ctx, made, err)
}

// Failure ends a run without a table.
func (d *Run) Failure(ctx context.Context, made nightly.Result, err error) error {
	d.Result = made
	d.Finish()
	switch {
	case ctx.Err() != nil:
		// whoever called says that it was stopped; what every stage says to that is noise.
		return &ShownError{Err: ctx.Err()}
	case err != nil && !IsSkip(err):
		return d.Failed(err)
	}
	return nil
}

// IsSkip reports whether a stage had nothing to do, which is no failure.
func IsSkip(err error) bool {
	var skip *pipeline.SkipError
	return errors.As(err, &skip)
}

// A ShownError has been shown already.
type ShownError struct{ Err error }

func (e *ShownError) Error() string { return e.Err.Error() }
func (e *ShownError) Unwrap() error { return e.Err }

// Printed are the lines of an error for a terminal: package code may have written them.
func Printed(err error) []string {
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		lines[i] = markdown.Printable(line)
	}
	return lines
}

// Failed shows a failure, all of its problems, each on a line of its own.
func (d *Run) Failed(err error) error {
	d.Finish()
	if d.o.JSON {
		if len(d.Result.Suspects) > 0 {
			d.Event(map[string]any{"event": "suspects", "suspects": d.Result.Suspects})
		}
		return &ShownError{Err: err}
	}
	problems := Printed(err)
	fmt.Fprintf(d.o.Stderr, "\nmageos-nightly: %s\n", problems[0])
	for _, p := range problems[1:] {
		fmt.Fprintf(d.o.Stderr, "    %s\n", p)
	}
	if len(d.Result.Suspects) > 0 {
		fmt.Fprintf(d.o.Stderr, "\n%s", suspects.Text(d.Result.Suspects))
	}
	return &ShownError{Err: err}
}

// Where says where stages run, and why there.
func (d *Run) Where(name, why string) {
	if d.o.JSON {
		d.Event(map[string]string{"event": "runner", "runner": name, "why": why})
		return
	}
	fmt.Fprint(d.Logs(), d.hang(fmt.Sprintf("%-12s %s: %s\n", "runner", name, why), nameWidth+1))
}
