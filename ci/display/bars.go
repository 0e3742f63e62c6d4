package display

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/markdown"
)

// The widths of a row's columns; what was done has the rest.
const (
	nameWidth = 12
	barWidth  = 20
)

// bars draws one bar a stage on a terminal.
type bars struct {
	progress *mpb.Progress
	now      func() time.Time
	colour   bool

	mu    sync.Mutex
	stage map[string]*bar
}

// A bar is one stage on the screen.
type bar struct {
	*bars
	bar   *mpb.Bar
	began time.Time

	mu    sync.Mutex
	text  string // what is being worked on, or what was done
	known bool   // how much there is to do
	state pipeline.State
	took  time.Duration // once it has ended
}

func newBars(out io.Writer, now func() time.Time, colour bool) *bars {
	return &bars{
		progress: mpb.New(mpb.WithOutput(out), mpb.WithWidth(barWidth), mpb.WithAutoRefresh()),
		now:      now, colour: colour, stage: map[string]*bar{},
	}
}

// Write puts log lines above the bars.
func (b *bars) Write(p []byte) (int, error) { return b.progress.Write(p) }

func (b *bars) of(stage string) *bar {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, ok := b.stage[stage]; ok {
		return s
	}
	s := &bar{bars: b, began: b.now(), state: pipeline.Started}
	s.bar = b.progress.New(0, s,
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return column(stage, nameWidth) })),
		mpb.AppendDecorators(decor.Any(func(st decor.Statistics) string { return s.label(st.AvailableWidth - barWidth - 2) })))
	b.stage[stage] = s
	return s
}

// Build implements mpb.BarFillerBuilder: a bar, and a spinner for as long as nobody knows how
// much there is to do.
func (s *bar) Build() mpb.BarFiller {
	filled := mpb.BarStyle().Lbound("").Rbound("").Filler("█").Tip("█").Padding("░").FillerMeta(s.paint).TipMeta(s.paint).Build()
	spinner := mpb.SpinnerStyle().PositionLeft().Build()
	return mpb.BarFillerFunc(func(w io.Writer, st decor.Statistics) error {
		if s.spins() {
			return spinner.Fill(w, st)
		}
		return filled.Fill(w, st)
	})
}

// column is a text of exactly that width.
func column(text string, width int) string {
	return runewidth.FillRight(runewidth.Truncate(text, width, "…"), width)
}

// spins reports whether nobody knows how far it has come.
func (s *bar) spins() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.known && s.state == pipeline.Started
}

// colours of what became of a stage, as SGR numbers: green, red, grey.
var colours = map[pipeline.State]int{pipeline.Done: 32, pipeline.Reused: 32, pipeline.Failed: 31, pipeline.Skipped: 90}

func (s *bar) paint(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if colour, ok := colours[s.state]; ok && s.colour {
		return fmt.Sprintf("\x1b[%dm%s\x1b[0m", colour, text)
	}
	return text
}

// label is the time, and what is being worked on, in that width.
func (s *bar) label(width int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	took, text := s.took, s.text
	switch s.state {
	case pipeline.Started:
		took = s.now().Sub(s.began)
	case pipeline.Done:
	default:
		text = strings.TrimSuffix(string(s.state)+": "+text, ": ")
	}
	return runewidth.Truncate(clock(took)+" "+markdown.Printable(text), max(width, 0), "…")
}

// clock writes a time as 1:05.
func clock(d time.Duration) string {
	return fmt.Sprintf("%2d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

func (b *bars) step(step pipeline.Step) {
	s := b.of(step.Stage)
	s.mu.Lock()
	s.text, s.known = stepText(step), step.Total > 0
	s.mu.Unlock()
	if step.Total > 0 {
		// One more than the total: the stage itself says when it has ended.
		s.bar.SetTotal(step.Total+1, false)
	}
	s.bar.SetCurrent(step.Done)
}

// stepText is a step in a line: which one it is, what it does, and its last output.
func stepText(step pipeline.Step) string {
	text := step.Item
	if step.Unit == pipeline.Steps {
		text = fmt.Sprintf("%d/%d %s", min(step.Done+1, step.Total), step.Total, text)
	}
	if step.Detail != "" {
		text += ": " + strings.TrimSpace(step.Detail)
	}
	return text
}

func (b *bars) report(r pipeline.Report) {
	s := b.of(r.Stage)
	if r.State == pipeline.Started {
		return
	}
	s.mu.Lock()
	s.state, s.took = r.State, b.now().Sub(s.began)
	if r.State != pipeline.Failed { // where it failed stays
		s.text = r.Detail
	}
	s.mu.Unlock()
	if r.State == pipeline.Failed || r.State == pipeline.Skipped {
		s.bar.Abort(false) // as far as it came
	} else {
		s.bar.SetTotal(1, true)
	}
}

// Finish leaves the bars as they are and gives the terminal back.
func (b *bars) finish() {
	b.mu.Lock()
	for _, s := range b.stage {
		if !s.bar.Completed() {
			s.bar.Abort(false)
		}
	}
	b.mu.Unlock()
	b.progress.Wait()
}
