package checkout

import (
	"os"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

func TestPrune(t *testing.T) {
	r := newRig(t)
	r.mustHaveSample(t)
	lock := r.cache() + lockSuffix
	used := time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC)
	if err := os.Chtimes(lock, used, used); err != nil {
		t.Fatal(err)
	}
	prune := func(before time.Time, want int) {
		t.Helper()
		got, err := Prune(t.Context(), r.options.Dir, before)
		if err != nil || got.Repositories != want || (got.Bytes > 0) != (want > 0) {
			t.Errorf("removed %+v, %v; want %d repositories", got, err, want)
		}
		if _, err := os.Stat(r.cache()); (err == nil) != (want == 0) {
			t.Errorf("the git objects: %v", err)
		}
	}
	prune(used, 0)
	held := flock.New(lock)
	if err := held.Lock(); err != nil {
		t.Fatal(err)
	}
	prune(used.Add(time.Hour), 0) // a checkout uses it
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	prune(used.Add(time.Hour), 1)
	r.mustHaveSample(t) // fetched anew, and used now
	prune(used.Add(time.Hour), 0)
	if got, err := Prune(t.Context(), t.TempDir()+"/none", used); err != nil || got != (Pruned{}) {
		t.Errorf("without a folder: %+v, %v", got, err)
	}
}
