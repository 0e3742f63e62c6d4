package pipeline

import (
	"fmt"
	"sync/atomic"
	"testing"
)

// One that fails does not keep others from being done, and the errors are in order.
func TestEach(t *testing.T) {
	var at, most, done atomic.Int64
	err := Each(9, 3, func(i int) error {
		now := at.Add(1)
		for was := most.Load(); now > was && !most.CompareAndSwap(was, now); was = most.Load() {
		}
		defer at.Add(-1)
		done.Add(1)
		if i%4 == 0 {
			return fmt.Errorf("%d fails", i)
		}
		return nil
	})
	if want := "0 fails\n4 fails\n8 fails"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	if done.Load() != 9 || most.Load() > 3 {
		t.Errorf("%d were done, %d at a time", done.Load(), most.Load())
	}
}
