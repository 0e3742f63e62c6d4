package publish

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/publish/target/targettest"
	"github.com/mage-os/nightly/stages/trust/trusttest"
	"github.com/mage-os/nightly/stages/verify"
)

// A full server refuses to write some files, from one on.
type full struct {
	from, to int64 // the numbers of the writes that it refuses; 0: none
	writes   atomic.Int64
	switched atomic.Bool // it took a switch
	led      atomic.Bool // before it refused something
}

func (f *full) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && !strings.Contains(r.URL.Path, "/.publish") {
			if n := f.writes.Add(1); f.from <= n && n <= f.to {
				f.led.Store(f.led.Load() || f.switched.Load())
				http.Error(w, `<Error><Code>QuotaExceeded</Code><Message>it is full</Message></Error>`, http.StatusForbidden)
				return
			}
			if strings.HasSuffix(r.URL.Path, "/repo/packages.json") {
				f.switched.Store(true)
			}
		}
		next.ServeHTTP(w, r)
	})
}

// Whatever a publish could not write: what it has left is never taken for published, and
// the next one, of another snapshot, leaves a repository with which nothing is wrong.
func TestPublishFailed(t *testing.T) {
	t.Parallel()
	const endless = 1 << 30
	for name, test := range map[string]struct {
		first bool
		last  int64
	}{"the first, once": {true, 0}, "a later one, once": {false, 0}, "a later one, for ever": {false, endless}} {
		for n, failed := int64(1), true; failed; n++ {
			t.Run(fmt.Sprintf("%s, at write %d", name, n), func(t *testing.T) {
				failed = publishBetween(t, test.first, n, max(n, test.last))
			})
		}
	}
}

// publishBetween publishes a night that fails between two others, or before the first; it
// reports whether it failed.
func publishBetween(t *testing.T, first bool, from, to int64) bool {
	server, by := &full{}, trusttest.Authority(t, testURL)
	url := targettest.StartS3Behind(t, server.before)
	var want []releases.SnapshotName
	if !first {
		if err := publishSigned(t, sample{name: "2026-11-23", modules: 1}, url, by); err != nil {
			t.Fatal(err)
		}
		want = append(want, "2026-11-23")
	}
	server.writes.Store(0)
	server.switched.Store(false)
	server.from, server.to = from, to
	err := publishSigned(t, sample{name: "2026-11-24", modules: 2}, url, by)
	switch {
	case err == nil:
		return false
	case !strings.Contains(err.Error(), "it is full"):
		t.Fatal(err)
	case server.led.Load(): // the next run ends it: clients go back to no earlier timestamp
		want = append([]releases.SnapshotName{"2026-11-24"}, want...)
	}
	server.from, server.to = 0, 0
	at, err := target.Open(t.Context(), url, target.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	resolves := func() []releases.SnapshotName {
		s, err := readSwitch(t.Context(), at)
		if err != nil && !strings.Contains(err.Error(), "not exist") {
			t.Error(err)
		}
		return s.Nightly.Snapshots
	}
	if diff := cmp.Diff(want, resolves()); diff != "" {
		t.Errorf("what failed is resolved, or what was there is not:\n%s", diff)
	}
	if err := publishSigned(t, sample{name: "2026-11-25", modules: 1}, url, by); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append([]releases.SnapshotName{"2026-11-25"}, want...), resolves()); diff != "" {
		t.Errorf("after the next night:\n%s", diff)
	}
	report, err := verify.Repository(t.Context(), verify.Options{Source: at, URL: testURL, Now: dayOf("2026-11-26"), Dists: true, Root: trusttest.Root(by), List: func(ctx context.Context) (names []string, err error) {
		entries, err := target.Walk(ctx, at, ".")
		for _, e := range entries {
			if !e.Dir {
				names = append(names, e.Name)
			}
		}
		return names, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range report.Problems {
		if !strings.HasSuffix(problem.File, "/installation.json") { // nothing was installed here
			t.Error(problem)
		}
	}
	return true
}
