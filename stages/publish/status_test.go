package publish

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish/history"
	"github.com/mage-os/nightly/stages/publish/page"
)

var tried = time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)

// A night that failed changes the status and the badge, and no other file; the next
// good one remembers what has to be remembered.
func TestTried(t *testing.T) {
	dir := t.TempDir()
	o := options(t, newMemory(), "2026-11-24")
	tell := func(base string, try history.Try) error {
		o.Tries = []history.Entry{{Try: try}}
		return o.Tried(t.Context(), dir, base, nil)
	}
	if err := tell(testURL, history.Try{Snapshot: "2026-11-24"}); !errors.Is(err, ErrNoRepository) {
		t.Fatalf("a folder without a repository: %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("it left %v", entries)
	}
	mustPublish(t, sample{name: "2026-11-24", modules: 1}, dir, nil)
	good := history.Try{Snapshot: "2026-11-24", At: tried.Add(-24 * time.Hour)}
	if err := tell(testURL, good); err != nil {
		t.Fatal(err)
	}
	before := listing(t, dir)
	bad := history.Try{Snapshot: "2026-11-25", At: tried, Stage: "build", Reason: strings.Repeat("é", 1000)}
	if err := tell(testURL, bad); err != nil {
		t.Fatal(err)
	}
	after := listing(t, dir)
	if err := tell("https://other.example.org/", history.Try{Snapshot: "2026-11-25", Stage: "plan"}); !errors.Is(err, ErrNoRepository) {
		t.Errorf("another line's repository: %v", err)
	}
	if diff := cmp.Diff(after, listing(t, dir)); diff != "" {
		t.Errorf("a run of another line changed (-before +after):\n%s", diff)
	}
	for name, sum := range after {
		if changed := before[name] != sum; changed != slices.Contains([]string{statusFile, badgeFile, pageFile, page.FeedFile, page.BreakagesFile, "history/2026-11.json"}, name) {
			t.Errorf("%s: changed is %v", name, changed)
		}
	}
	s, err := ReadStatus(t.Context(), folderTarget(dir))
	if err != nil {
		t.Fatal(err)
	}
	bad.Reason = strings.Repeat("é", 300) + "…"
	if diff := cmp.Diff([]*history.Try{&good, &bad}, []*history.Try{s.LastGood, s.LastTry}); diff != "" {
		t.Error(diff)
	}
	var b badge
	if err := json.Unmarshal([]byte(readFolder(t, dir)[badgeFile]), &b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(badge{1, "nightly", "2026-11-24, 2026-11-25 failed in build", "red", true}, b); diff != "" {
		t.Error(diff)
	}
	mustPublish(t, sample{name: "2026-11-26", modules: 1}, dir, nil)
	if s, err = ReadStatus(t.Context(), folderTarget(dir)); err != nil || s.Snapshot != "2026-11-26" || !cmp.Equal(s.LastTry, &bad) {
		t.Errorf("after another publish: %+v, %v", s, err)
	}
}

// A status that cannot be read stands in no publish's way: it is written anew.
func TestBrokenStatus(t *testing.T) {
	dir := t.TempDir()
	mustPublish(t, sample{name: "2026-11-24", modules: 1}, dir, nil)
	for _, text := range []string{"{", `{"format":99}`, `{"format":1,"snapshots":7}`} {
		if err := os.WriteFile(filepath.Join(dir, statusFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		mustPublish(t, sample{name: "2026-11-24", modules: 1}, dir, nil)
		if _, err := ReadStatus(t.Context(), folderTarget(dir)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestStale(t *testing.T) {
	now := tried.Add(40 * time.Hour)
	good := &history.Try{Snapshot: "2026-11-25", At: tried}
	tests := []struct {
		name   string
		status Status
		maxAge time.Duration
		want   string // part; empty: not stale
	}{
		{"fresh", Status{Snapshot: "2026-11-25", LastGood: good}, 41 * time.Hour, ""},
		{"as old as it may be", Status{Snapshot: "2026-11-25", LastGood: good}, 40 * time.Hour, ""},
		{"old, and nothing tried", Status{Snapshot: "2026-11-25", LastGood: good, LastTry: good}, 36 * time.Hour, "is 40h0m0s old, longer than 36h0m0s; nothing was tried since"},
		{"old, because a stage failed", Status{Snapshot: "2026-11-25", LastGood: good, LastTry: &history.Try{Snapshot: "2026-11-26", At: now, Stage: "build", Reason: "acme/a"}}, 36 * time.Hour, "failed in build: acme/a"},
		{"no night", Status{}, time.Hour, "nothing was published yet"},
		{"no time", Status{Snapshot: "2026-11-25"}, time.Hour, "does not say when"},
		{"of tomorrow", Status{Snapshot: "2026-11-25", LastGood: &history.Try{At: now.Add(time.Hour)}}, time.Hour, "later than now"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := test.status.Stale(now, test.maxAge)
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("%q; want %q", got, test.want)
			}
		})
	}
}

// A copy that lacks one snapshot misses it since that is there; of several, since what it has.
func TestBehind(t *testing.T) {
	at := func(day int) time.Time { return time.Date(2026, 11, day, 3, 0, 0, 0, time.UTC) }
	status := func(metadata string, day int, names ...releases.SnapshotName) *Status {
		return &Status{Metadata: metadata, Snapshot: names[0], Snapshots: names, LastGood: &history.Try{At: at(day)}}
	}
	origin := status("b", 26, "2026-11-26", "2026-11-25", "2026-11-24")
	for name, test := range map[string]struct {
		copied *Status
		want   string
		since  time.Time
	}{
		"the same":            {status("b", 26, "2026-11-26"), "", time.Time{}},
		"one behind":          {status("a", 25, "2026-11-25", "2026-11-24"), "it is at night 2026-11-25 and lacks 1 of the snapshots of its origin, which is at night 2026-11-26", at(26)},
		"two behind":          {status("a", 24, "2026-11-24"), "it is at night 2026-11-24 and lacks 2 of the snapshots of its origin, which is at night 2026-11-26", at(24)},
		"before a withdrawal": {status("a", 25, "2026-11-26", "2026-11-25", "2026-11-24"), "its origin resolves other versions", at(26)},
	} {
		t.Run(name, func(t *testing.T) {
			if got, since := test.copied.Behind(origin); got != test.want || !since.Equal(test.since) {
				t.Errorf("%q since %v, want %q since %v", got, since, test.want, test.since)
			}
		})
	}
}
