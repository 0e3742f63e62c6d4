package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// What is published is told with what changed since the night before it.
func TestPublicationChanges(t *testing.T) {
	dir := t.TempDir()
	mustPublish(t, sample{name: "2026-11-24", modules: 2}, dir, nil)
	for range 2 { // the second finds all there
		if got, want := mustPublish(t, sample{name: "2026-11-25", modules: 3}, dir, nil).Changes, "night 2026-11-24: 1 package added, "; !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	_, err := publishSnapshot(t, sample{name: "2026-11-01", modules: 1}, dir, func(r *stages.PublishRequest) { r.Keep = 1 })
	if err == nil || !strings.Contains(err.Error(), "older than the 1 night that") {
		t.Error(err)
	}
}

func TestPublishTwice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "repository")
	snapshot := sample{name: "2026-11-24", modules: 3}
	got := mustPublish(t, snapshot, dir, nil)
	// 5 dists; packages.json, nightly.json, versions.json, the page and 2 files of
	// each package in the night's folder; those and index.json in the metadata's;
	// 3 at the root; a page of each package, the list of all and 3 files that they share.
	want := stages.Publication{
		Target: dir, URL: testURL, Snapshot: "2026-11-24", Added: 5 + 14 + 11 + 3 + 9, Kept: []releases.SnapshotName{"2026-11-24"}, Removed: []releases.SnapshotName{},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(stages.Publication{}, "Bytes")); diff != "" {
		t.Error(diff)
	}
	if err := whole(dir); err != nil {
		t.Fatal(err)
	}
	before := listing(t, dir)
	info, err := os.Stat(filepath.Join(dir, stages.PackagesFile))
	if err != nil {
		t.Fatal(err)
	}
	want.Added, want.Unchanged = 0, want.Added
	if diff := cmp.Diff(want, mustPublish(t, snapshot, "file://"+dir, nil)); diff != "" {
		t.Error("the same night again:", diff)
	}
	if diff := cmp.Diff(before, listing(t, dir)); diff != "" {
		t.Error(diff)
	}
	again, err := os.Stat(filepath.Join(dir, stages.PackagesFile))
	if err != nil || !os.SameFile(info, again) {
		t.Errorf("packages.json was written again (%v)", err)
	}
}

// A repository is a function of its nights and its URL, not of the way there.
func TestPublishOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	names := []releases.SnapshotName{"2026-11-02", "2026-11-10", "2026-11-10.2", "2026-11-10.10"}
	one, other := t.TempDir(), t.TempDir()
	for i := range names {
		mustPublish(t, sample{name: names[i], modules: 2}, one, nil)
		mustPublish(t, sample{name: names[len(names)-1-i], modules: 2}, other, nil)
	}
	merged := func(dir string) map[string]string {
		files := listing(t, dir)
		s, err := switchOf(dir)
		if err != nil {
			t.Fatal(err)
		}
		current := strings.Split(s.MetadataURL, "/")[5]
		delete(files, supersededFile) // of the way there
		for name := range files {
			if strings.HasPrefix(name, metaDir+"/") && !strings.HasPrefix(name, metaDir+"/"+current) {
				delete(files, name)
			}
		}
		return files
	}
	if diff := cmp.Diff(merged(one), merged(other)); diff != "" {
		t.Error(diff)
	}
	got, err := snapshotsIn(other)
	if diff := cmp.Diff([]releases.SnapshotName{"2026-11-10.10", "2026-11-10.2", "2026-11-10", "2026-11-02"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestPublishKeepsNights(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var p stages.Publication
	for day := 1; day <= 20; day++ {
		p = mustPublish(t, sample{name: releases.SnapshotName(fmt.Sprintf("2026-11-%02d", day)), modules: 2}, dir, nil)
		if err := whole(dir); err != nil {
			t.Fatalf("day %d: %v", day, err)
		}
	}
	var kept []releases.SnapshotName
	for day := 20; day > 6; day-- {
		kept = append(kept, releases.SnapshotName(fmt.Sprintf("2026-11-%02d", day)))
	}
	if diff := cmp.Diff(kept, p.Kept); diff != "" {
		t.Error("kept:", diff)
	}
	if diff := cmp.Diff([]releases.SnapshotName{"2026-11-06"}, p.Removed); diff != "" {
		t.Error("removed:", diff)
	}
	// The metadata of the two nights before is within its grace, and so are the
	// nights that it names.
	held, err := snapshotsIn(dir)
	if diff := cmp.Diff(append(slices.Clone(kept), "2026-11-06", "2026-11-05"), held); diff != "" || err != nil {
		t.Error("held:", diff, err)
	}
	metas, err := os.ReadDir(filepath.Join(dir, metaDir))
	if len(metas) != 3 || err != nil {
		t.Errorf("%d metadata folders, want 3 (%v)", len(metas), err)
	}
	dists, err := filepath.Glob(filepath.Join(dir, stages.DistsDir, "acme", "*.zip"))
	if want := 16*3 + 1; len(dists) != want || err != nil {
		t.Errorf("%d dists, want %d (%v)", len(dists), want, err)
	}
}

func TestPublishKeepOfLine(t *testing.T) {
	dir := t.TempDir()
	for day := 1; day <= 4; day++ {
		mustPublish(t, sample{name: releases.SnapshotName(fmt.Sprintf("2026-11-%02d", day)), modules: 1}, dir, func(r *stages.PublishRequest) { r.Snapshot.Keep = 2 })
	}
	s, err := switchOf(dir)
	if diff := cmp.Diff([]releases.SnapshotName{"2026-11-04", "2026-11-03"}, s.Nightly.Snapshots); diff != "" || err != nil {
		t.Error(diff, err)
	}
	_, err = publishSnapshot(t, sample{name: "2026-11-01", modules: 1}, dir, func(r *stages.PublishRequest) { r.Keep = 2 })
	wantError(t, err, "2026-11-01", "older than the 2 nights", "keep more nights")
}

func TestPublishRefuses(t *testing.T) {
	t.Parallel()
	old := sample{name: "2026-11-24", modules: 2}
	clash := sample{name: "2026-11-24", modules: 2, change: " changed"}
	for _, tt := range []struct {
		name     string
		snapshot sample
		change   func(*stages.PublishRequest)
		want     []string
	}{
		{"other content under the same name", clash, nil, []string{"night 2026-11-24 is published already", "SHA-256", "next free number"}},
		{"local build", sample{name: "2026-11-25", modules: 1, local: true}, nil, []string{"2026-11-25 is a local build", "--publish-local"}},
		{"files that are in no commit", sample{name: "2026-11-25", modules: 1},
			func(r *stages.PublishRequest) { r.Snapshot.WorkTree, r.To = true, "s3://bucket/x" }, []string{"publish it to a folder alone"}},
		{"other URL", sample{name: "2026-11-25", modules: 1}, func(r *stages.PublishRequest) { r.URL = "https://other.example.org" },
			[]string{testURL, "https://other.example.org/", "empty folder"}},
		{"no URL", sample{name: "2026-11-25", modules: 1}, func(r *stages.PublishRequest) { r.Snapshot.URL = "" }, []string{"base URL"}},
		{"URL with a password", sample{name: "2026-11-25", modules: 1}, func(r *stages.PublishRequest) { r.URL = "https://u:secret@example.org/" }, []string{"leave out user"}},
		{"name that is no night", sample{name: "2026-11-25", modules: 1}, func(r *stages.PublishRequest) { r.Snapshot.Name = "../x" }, []string{`"../x" is no name of a snapshot`}},
		{"keep nothing", sample{name: "2026-11-25", modules: 1}, func(r *stages.PublishRequest) { r.Keep = -1 }, []string{"keep at least 1"}},
		{"target that is none", sample{name: "2026-11-25", modules: 1}, func(r *stages.PublishRequest) { r.To = "ftp://u:secret@host/x" }, []string{"ftp://u:xxxxx@host/x", "give a folder"}},
		{"no target", sample{name: "2026-11-25", modules: 1}, func(r *stages.PublishRequest) { r.To = "" }, []string{"no target"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			mustPublish(t, old, dir, nil)
			before := listing(t, dir)
			_, err := publishSnapshot(t, tt.snapshot, dir, tt.change)
			wantError(t, err, tt.want...)
			if diff := cmp.Diff(before, listing(t, dir)); diff != "" {
				t.Error("the repository changed:", diff)
			}
		})
	}
}

// wantError checks that an error has all these words and keeps secrets.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not name %q", err, word)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("error %q shows the password", err)
	}
}

func TestPublishRefusesOtherBytesOfDist(t *testing.T) {
	dir := t.TempDir()
	mustPublish(t, sample{name: "2026-11-24", modules: 1}, dir, nil)
	// A night of another day with a dist of the same name.
	store := newMemory()
	snapshot := sample{name: "2026-11-25", modules: 1}.build(t, store)
	language := "dists/acme/language-1.0.0.zip"
	zip, err := os.ReadFile(filepath.Join(dir, language))
	if err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(dir, releases.Night.Dir(), "2026-11-24", releases.ManifestName), string(pipeline.DigestOf(zip)), string(pipeline.DigestOf([]byte("other"))))
	damageIndex(t, dir) // else the night is not read
	_, err = Stage(options(t, store, snapshot.Name)).Run(t.Context(), stages.PublishRequest{Snapshot: snapshot, To: dir})
	wantError(t, err, language, "2026-11-24", "2026-11-25", string(pipeline.DigestOf(zip)), string(pipeline.DigestOf([]byte("other"))), "next free number")
}

func TestPublishReplacesWhatNothingNames(t *testing.T) {
	dir := t.TempDir()
	mustPublish(t, sample{name: "2026-11-24", modules: 1}, dir, nil)
	// A run that was killed before its night's folder was there.
	orphan := filepath.Join(dir, "dists/acme/module-000-2.4.8-alpha20261125.zip")
	stray := filepath.Join(dir, "dists/gone/module-1.0.zip")
	leftover := filepath.Join(dir, tempDir, "file-1")
	for _, name := range []string{orphan, stray, leftover} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte("cut of"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	mustPublish(t, sample{name: "2026-11-25", modules: 1}, dir, nil)
	if err := whole(dir); err != nil {
		t.Error(err)
	}
	for _, name := range []string{filepath.Dir(stray), filepath.Join(dir, tempDir)} {
		if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there (%v)", name, err)
		}
	}
}

func TestPublishRepairsDamage(t *testing.T) {
	snapshot := sample{name: "2026-11-24", modules: 1}
	dir := t.TempDir()
	mustPublish(t, snapshot, dir, nil)
	want := listing(t, dir)
	metas, err := filepath.Glob(filepath.Join(dir, metaDir, "*", "acme", "language.json"))
	if err != nil || len(metas) != 1 {
		t.Fatal(metas, err)
	}
	for _, name := range []string{metas[0], filepath.Join(dir, "dists/acme/language-1.0.0.zip"), filepath.Join(dir, "nights/2026-11-24/p2/acme/language.json")} {
		if err := os.Truncate(name, 3); err != nil {
			t.Fatal(err)
		}
	}
	if p := mustPublish(t, snapshot, dir, nil); p.Added != 3 {
		t.Errorf("%d files written, want 3", p.Added)
	}
	if diff := cmp.Diff(want, listing(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestPublishDryRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "repository")
	dry := func(r *stages.PublishRequest) { r.DryRun, r.Keep = true, 1 }
	wet := func(r *stages.PublishRequest) { r.Keep = 1 }
	first := mustPublish(t, sample{name: "2026-11-24", modules: 1}, dir, dry)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a dry run made the folder (%v)", err)
	}
	first.DryRun = false
	if diff := cmp.Diff(first, mustPublish(t, sample{name: "2026-11-24", modules: 1}, dir, wet)); diff != "" {
		t.Error("what a dry run said and what was done differ:", diff)
	}
	before := listing(t, dir)
	second := mustPublish(t, sample{name: "2026-11-25", modules: 1}, dir, dry)
	if diff := cmp.Diff(before, listing(t, dir)); diff != "" {
		t.Error("a dry run wrote:", diff)
	}
	second.DryRun = false
	if diff := cmp.Diff(second, mustPublish(t, sample{name: "2026-11-25", modules: 1}, dir, wet)); diff != "" {
		t.Error("what a dry run said and what was done differ:", diff)
	}
	if diff := cmp.Diff([]releases.SnapshotName{"2026-11-24"}, second.Removed); diff != "" {
		t.Error(diff)
	}
}

func TestPublishModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "repository")
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	mustPublish(t, sample{name: "2026-11-24", modules: 1}, dir, nil)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		want := fs.FileMode(0o644)
		if e.IsDir() {
			want = fs.ModeDir | 0o755
		}
		if err == nil && info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestPublishLocked(t *testing.T) {
	dir := t.TempDir()
	mustPublish(t, sample{name: "2026-11-23", modules: 1}, dir, nil)
	store := newMemory()
	snapshot := sample{name: "2026-11-24", modules: 1}.build(t, store)
	var inner error
	var once sync.Once
	outer := options(t, store, snapshot.Name)
	outer.Owner, outer.Progress = "pid 17 on builder", func(pipeline.Step) {
		once.Do(func() { _, inner = publishSnapshot(t, sample{name: "2026-11-25", modules: 1}, dir, nil) })
	}
	if _, err := Stage(outer).Run(t.Context(), stages.PublishRequest{Snapshot: snapshot, To: dir}); err != nil {
		t.Fatal(err)
	}
	wantError(t, inner, dir, "pid 17 on builder", "since 2026-11-24T03:00:00Z (24h0m0s)", "wait")
	mustPublish(t, sample{name: "2026-11-25", modules: 1}, dir, nil)
}

func TestPublishForeignFolder(t *testing.T) {
	for _, name := range []string{stages.DistsDir, metaDir, releases.Night.Dir()} {
		dir := t.TempDir()
		file := filepath.Join(dir, name, "holiday", "photo.jpg")
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte("x"), 0o644)); err != nil {
			t.Fatal(err)
		}
		_, err := publishSnapshot(t, sample{name: "2026-11-24", modules: 1}, dir, nil)
		wantError(t, err, dir, name, "another folder")
		if diff := cmp.Diff(map[string]string{name + "/holiday/photo.jpg": string(pipeline.DigestOf([]byte("x")))}, listing(t, dir)); diff != "" {
			t.Error(diff)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "CNAME"), []byte("nightly.example.org"), 0o644); err != nil {
		t.Fatal(err)
	}
	mustPublish(t, sample{name: "2026-11-24", modules: 1}, dir, nil)
	if _, err := os.Stat(filepath.Join(dir, "CNAME")); err != nil {
		t.Error(err)
	}
}

func TestPublishCancelled(t *testing.T) {
	dir := t.TempDir()
	mustPublish(t, sample{name: "2026-11-23", modules: 1}, dir, nil)
	before := listing(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	store := newMemory()
	snapshot := sample{name: "2026-11-24", modules: 1}.build(t, store)
	o := options(t, store, snapshot.Name)
	o.Progress = func(s pipeline.Step) {
		if strings.HasPrefix(s.Item, releases.Night.Dir()) {
			cancel()
		}
	}
	_, err := Stage(o).Run(ctx, stages.PublishRequest{Snapshot: snapshot, To: dir})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	for name := range listing(t, dir) {
		if before[name] == "" && (strings.HasPrefix(name, tempDir+"/") || strings.HasPrefix(name, metaDir) || name == snapshotFile("2026-11-24", stages.PackagesFile)) {
			t.Errorf("left %s", name)
		}
	}
	if err := whole(dir); err != nil {
		t.Error(err)
	}
}

// Nights go after a while; releases and additions to a mirror stay, each in a folder of
// its kind. A rollback of one kind leaves the others.
func TestPublishKinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []releases.SnapshotName{"3.0.0", "mirror-2026-11-01", "2026-11-02", "2026-11-03", "3.1.0-rc1", "2026-11-04"} {
		mustPublish(t, sample{name: name, modules: 1}, dir, func(r *stages.PublishRequest) { r.Keep = 2 })
		if err := whole(dir); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	s, err := switchOf(dir)
	want := []releases.SnapshotName{"3.1.0-rc1", "3.0.0", "2026-11-04", "2026-11-03", "mirror-2026-11-01"}
	if diff := cmp.Diff(want, s.Nightly.Snapshots); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, name := range []string{"releases/3.0.0", "nights/2026-11-04", "mirror/2026-11-01"} {
		if _, err := os.Stat(filepath.Join(dir, name, releases.ManifestName)); err != nil {
			t.Error(err)
		}
	}
	o := options(t, newMemory(), "2026-11-05")
	if _, err := o.Rollback(t.Context(), Rollback{To: dir, Snapshot: "3.0.0", Keep: 2}); err != nil {
		t.Fatal(err)
	}
	s, err = switchOf(dir)
	if diff := cmp.Diff(nightlyKey{switchFormat, testURL, want[1:], want[:1], nil, ""}, s.Nightly); diff != "" || err != nil {
		t.Error("rolled back:", diff, err)
	}
	_, err = o.Rollback(t.Context(), Rollback{To: dir, Snapshot: "2026-11-01"})
	wantError(t, err, "has no night 2026-11-01", "2026-11-03")
}
