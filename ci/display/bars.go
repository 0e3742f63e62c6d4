package display

import (
	"io"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/mage-os/nightly/pipeline"
)

// bars draws one bar a stage on a terminal.
type bars struct {
	progress *mpb.Progress

	mu    sync.Mutex
	stage map[string]*bar
}

// A bar is one stage on the screen.
type bar struct {
	bar  *mpb.Bar
	mu   sync.Mutex
	text string // what is being worked on, or what was done
}

func newBars(out io.Writer) *bars {
	return &bars{
		progress: mpb.New(mpb.WithOutput(out), mpb.WithWidth(28), mpb.WithAutoRefresh()),
		stage:    map[string]*bar{},
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
	s := &bar{}
	s.bar = b.progress.New(0, mpb.BarStyle().Lbound("").Rbound("").Filler("█").Tip("█").Padding("░"),
		mpb.PrependDecorators(decor.Name(stage, decor.WC{W: 13, C: decor.DindentRight})),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + s.label() })))
	b.stage[stage] = s
	return s
}

func (s *bar) label() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text
}

func (s *bar) setLabel(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = text
}

func (b *bars) step(step pipeline.Step) {
	s := b.of(step.Stage)
	s.setLabel(step.Item)
	if step.Total > 0 {
		// One more than the total: the stage itself says when it has ended.
		s.bar.SetTotal(step.Total+1, false)
	}
	s.bar.SetCurrent(step.Done)
}

func (b *bars) report(r pipeline.Report) {
	s := b.of(r.Stage)
	switch r.State {
	case pipeline.Started:
	case pipeline.Failed:
		s.setLabel("failed")
		s.bar.Abort(false)
	case pipeline.Done:
		s.setLabel(r.Detail)
		s.bar.SetTotal(-1, true)
	default:
		s.setLabel(string(r.State) + ": " + r.Detail)
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
