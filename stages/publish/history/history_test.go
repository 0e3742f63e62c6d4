package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages/publish/target"
)

var began = time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)

func night(days int, stage string) Entry {
	at := began.AddDate(0, 0, days)
	e := Entry{Try: Try{Line: "nightly", Snapshot: at.Format(time.DateOnly), At: at, Stage: stage, Cells: []Cell{}}}
	if stage != "" {
		e.Reason = stage + " is broken"
	}
	return e
}

// add adds tries to the history in a folder, as a publish does.
func add(t *testing.T, dir string, now time.Time, entries ...Entry) (written map[string][]byte, old []string) {
	t.Helper()
	folder, err := target.Open(t.Context(), dir, target.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(t.Context(), folder, now.AddDate(0, -2, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := b.Add(e, Cleaner([]string{"geheim-1234"})); err != nil {
			t.Fatal(err)
		}
	}
	if written, old, err = b.Write(now); err != nil {
		t.Fatal(err)
	}
	for name, data := range written {
		if err := folder.Write(t.Context(), name, target.Bytes(data)); err != nil {
			t.Fatal(err)
		}
	}
	return written, old
}

func read(t *testing.T, dir string) []*Try {
	t.Helper()
	folder, err := target.Open(t.Context(), dir, target.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tries, err := Read(t.Context(), folder, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return tries
}

// Each night rewrites the file of its month alone; what is read is in order, and says where the line turned red.
func TestHistory(t *testing.T) {
	dir := t.TempDir()
	add(t, dir, began, night(0, ""))
	add(t, dir, began, night(1, ""))
	add(t, dir, began, night(2, "install"))
	written, _ := add(t, dir, began, night(3, "install"))
	if len(written) != 1 || written["history/2026-12.json"] == nil {
		t.Errorf("a night has written %d files, without the one of its month alone", len(written))
	}
	var snapshots []string
	tries := read(t, dir)
	for _, try := range tries {
		snapshots = append(snapshots, try.String())
	}
	want := []string{"2026-11-29 good", "2026-11-30 good", "2026-12-01 failed in install: install is broken", "2026-12-02 failed in install: install is broken"}
	if diff := cmp.Diff(want, snapshots); diff != "" {
		t.Error(diff)
	}
	good, bad := Turned(tries)
	if good.Snapshot != "2026-11-30" || bad.Snapshot != "2026-12-01" || LastGood(tries) != good || FirstBad(tries) != bad {
		t.Errorf("it turned red between %v and %v", good, bad)
	}
	if found, ok := Find(tries, "2026-12-01"); !ok || found != bad {
		t.Errorf("found %v", found)
	}
	if _, bad := Turned(tries[:2]); bad != nil {
		t.Errorf("nothing is red, and it says %v", bad)
	}
}

// What fails as before, each hour, is one record; a job of the same run adds to what another has told.
func TestSame(t *testing.T) {
	dir := t.TempDir()
	for hour := range 5 {
		e := night(0, "plan")
		e.At = e.At.Add(time.Duration(hour) * time.Hour)
		add(t, dir, began, e)
	}
	tries := read(t, dir)
	if len(tries) != 1 || tries[0].Times != 5 || !tries[0].First.Equal(began) || !tries[0].At.Equal(began.Add(4*time.Hour)) {
		t.Errorf("five equal tries are %+v", tries)
	}
	one, other := night(1, "install"), night(1, "")
	one.Run, other.Run = "https://ci.example.org/7", "https://ci.example.org/7"
	one.Cells, other.Cells = []Cell{{Name: "php8.3", State: pipeline.Failed}}, []Cell{{Name: "php8.4", State: pipeline.Done}}
	joined := Join([]Entry{one, other})
	if len(joined) != 1 || len(joined[0].Cells) != 2 || joined[0].Stage != "install" {
		t.Errorf("two jobs of one run are %+v", joined)
	}
}

// A night that was built before and is found published writes no report again: it is a later run of the same record.
func TestAgain(t *testing.T) {
	dir := t.TempDir()
	run := func(minutes int, state pipeline.State) Entry {
		e := night(0, "")
		e.At = e.At.Add(time.Duration(minutes) * time.Minute)
		e.Cells = []Cell{{Name: "php8.4", State: pipeline.Done, Report: "php8.4/report.txt"}}
		e.Stages = []Stage{{Name: "install", State: state}, {Name: "publish", State: pipeline.Done}}
		e.Files = map[string][]byte{"php8.4/report.txt": []byte("a report")}
		return e
	}
	add(t, dir, began, run(0, pipeline.Done))
	written, _ := add(t, dir, began, run(1, pipeline.Reused))
	if len(written) != 1 || written["history/2026-11.json"] == nil {
		t.Errorf("found again it has written %d files", len(written))
	}
	want := []Cell{{Name: "php8.4", State: pipeline.Done, Report: "tries/2026-11-29T030000Z-nightly/php8.4/report.txt"}}
	if tries := read(t, dir); len(tries) != 1 || tries[0].Times != 2 || !cmp.Equal(tries[0].Cells, want) || len(tries[0].Files) != 1 {
		t.Errorf("found again it is %+v", tries)
	}
	add(t, dir, began, run(2, pipeline.Done))
	if tries := read(t, dir); len(tries) != 2 {
		t.Errorf("proven anew it is %+v", tries)
	}
}

// A run that ends after its month is one record, in the later month.
func TestOverMonths(t *testing.T) {
	dir := t.TempDir()
	first, later := night(32, "install"), night(32, "install")
	first.At = time.Date(2026, 12, 31, 23, 59, 0, 0, time.UTC)
	later.At = first.At.Add(2 * time.Minute)
	first.Run, later.Run = "https://ci.example.org/7", "https://ci.example.org/7"
	add(t, dir, first.At, first)
	add(t, dir, later.At, later)
	if tries := read(t, dir); len(tries) != 1 || !tries[0].At.Equal(later.At) {
		t.Errorf("two jobs of one run are %d tries", len(tries))
	}
}

// No secret is in a record or its files, and neither is longer than it may be.
func TestClean(t *testing.T) {
	dir := t.TempDir()
	e := night(0, "checkout")
	e.Reason = "clone https://user:pass@example.org/a with geheim-1234 and ghp_" + strings.Repeat("a", 36) + strings.Repeat("é", maxReason)
	e.Cells = []Cell{{Name: "php8.4", State: pipeline.Failed, Detail: "geheim-1234\nmore", Report: "php8.4/report.txt"}}
	e.Files = map[string][]byte{
		"log.txt": []byte("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY----- geheim-1234"),
		"../x":    []byte("outside"), "php8.4/report.txt": []byte("a report"), "a.png": make([]byte, maxFiles),
	}
	written, _ := add(t, dir, began, e)
	names := []string{}
	for name, data := range written {
		names = append(names, name)
		for _, secret := range []string{"geheim", "pass@", "aaaaaaaa", "AAAA"} {
			if strings.Contains(string(data), secret) {
				t.Errorf("%s has %q:\n%s", name, secret, data)
			}
		}
	}
	if len(names) != 4 { // months, month, log, report
		t.Errorf("it wrote %q", names)
	}
	try := read(t, dir)[0]
	if len(try.Reason) > maxReason+len("…") || try.Cells[0].Report != "tries/2026-11-29T030000Z-nightly/php8.4/report.txt" {
		t.Errorf("%d bytes, report %s", len(try.Reason), try.Cells[0].Report)
	}
}

// A year is kept, files of tries for thirty days; what somebody has broken is written anew.
func TestKept(t *testing.T) {
	dir := t.TempDir()
	add(t, dir, began, night(0, ""))
	if _, old := add(t, dir, began.AddDate(1, 2, 0), night(400, "")); !cmp.Equal(old, []string{"history/2026-11.json"}) {
		t.Errorf("after a year %q is too old", old)
	}
	if old := Old([]string{"tries/2026-11-29T030000Z-nightly", "tries/2026-12-29T030000Z-nightly", "tries/else"}, began.AddDate(0, 0, 32)); !cmp.Equal(old, []string{"tries/2026-11-29T030000Z-nightly"}) {
		t.Errorf("after a month %q is too old", old)
	}
	if err := os.WriteFile(filepath.Join(dir, monthsFile), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	add(t, dir, began.AddDate(1, 2, 0), night(401, ""))
	if tries := read(t, dir); len(tries) != 2 || tries[0].Snapshot != night(400, "").Snapshot {
		t.Errorf("after the list of months was broken there are %v", tries)
	}
}

// A month that became too long to be read again loses its oldest tries, and no others.
func TestLongMonth(t *testing.T) {
	var all []*Try
	for i := range 80 {
		all = append(all, &Try{Stage: fmt.Sprint("stage ", i), Program: strings.Repeat("x", maxFile/60)})
	}
	data, err := encodeMonth(all)
	var read month
	if err := errors.Join(err, json.Unmarshal(data, &read)); err != nil {
		t.Fatal(err)
	}
	if n := len(read.Tries); len(data) > maxFile || n < 40 || read.Tries[n-1].Stage != "stage 79" {
		t.Errorf("it has %d bytes and %d tries", len(data), n)
	}
}

// What a machine keeps, a later run sends.
func TestKeep(t *testing.T) {
	dir := t.TempDir()
	e := night(0, "publish")
	e.Files = map[string][]byte{"plan.json": []byte("{}"), "c/screenshots/home.png": {1, 2}}
	damaged := filepath.Join(dir, "damaged")
	err := errors.Join(Keep(dir, e, Cleaner(nil)), os.Mkdir(damaged, 0o755), os.WriteFile(filepath.Join(damaged, tryFile), []byte(`{"line": "night`), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := Kept(dir)
	if err != nil || len(kept) != 1 {
		t.Fatal(kept, err)
	}
	want, _ := json.Marshal(e.Try)
	got, _ := json.Marshal(kept[0].Try)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(e.Files, kept[0].Files); diff != "" {
		t.Error(diff)
	}
	if err := Forget(dir); err != nil {
		t.Fatal(err)
	}
	if kept, err = Kept(dir); err != nil || len(kept) != 0 {
		t.Error(kept, err)
	}
}
