package build

import (
	"runtime"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
)

// TestWorkers makes sure that packages are packed at the same time when nobody
// says how many: the first that is done waits until another one is.
func TestWorkers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	f := newFixture(t)
	in := f.input(t)
	r := third(t)
	in.Plan.Line.Composer = []releases.ComposerRepository{{URL: r.url}}
	done := make(chan struct{})
	alone := false
	stage := Stage(Options{Store: f.store, Fetcher: r.fetcher(), Progress: func(s pipeline.Step) {
		switch s.Done {
		case 1:
			select {
			case <-done:
			case <-time.After(30 * time.Second):
				alone = true
			}
		case 2:
			close(done)
		}
	}})
	if _, err := pipeline.Run(t.Context(), &pipeline.Session{}, stage, in); err != nil {
		t.Fatal(err)
	}
	if alone {
		t.Error("one package was packed after the other")
	}
}
