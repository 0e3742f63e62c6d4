package nightly

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline/container"
)

// TestFleet: every job is done once, on engines that are there at the same time; what a lost
// engine had is done by another, and without any other it fails.
func TestFleet(t *testing.T) {
	for name, test := range map[string]struct {
		engines, lost []string
		want          int // of 8 jobs
	}{
		"two":           {[]string{"a", "b"}, nil, 8},
		"one is lost":   {[]string{"a", "b"}, []string{"a"}, 8},
		"all are lost":  {[]string{"a", "b"}, []string{"a", "b"}, 0},
		"one, and lost": {[]string{"a"}, []string{"a"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			good, busy, most, used := map[int]int{}, map[string]int{}, 0, map[string]bool{}
			fleet(2, test.engines, 8, func(engine string, job int) error {
				mu.Lock()
				busy[engine]++
				most = max(most, busy[engine])
				used[engine] = true
				mu.Unlock()
				time.Sleep(time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				busy[engine]--
				if slices.Contains(test.lost, engine) {
					return &container.EngineError{Lost: true}
				}
				good[job]++
				return nil
			})
			for job, times := range good {
				if times != 1 {
					t.Errorf("job %d was done %d times", job, times)
				}
			}
			if len(good) != test.want || most > 2 || len(used) != len(test.engines) {
				t.Errorf("%d jobs were done, want %d; %d at once on an engine, want 2; used %v", len(good), test.want, most, used)
			}
		})
	}
}
