package publish

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/publish/target/targettest"
)

func TestPublishPreview(t *testing.T) {
	dir := t.TempDir()
	one := func(r *stages.PublishRequest) { r.Keep = 1 }
	mustPublish(t, sample{name: "preview-2026-11-24", modules: 2}, dir, one)
	p := mustPublish(t, sample{name: "preview-2026-11-24.1", modules: 2, change: "pushed"}, dir, one)
	if diff := cmp.Diff([]releases.SnapshotName{"preview-2026-11-24.1"}, p.Kept); diff != "" {
		t.Errorf("only the newest is resolved (-want +got):\n%s", diff)
	}
	if err := whole(dir); err != nil {
		t.Error(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, pageFile))
	if err != nil || !strings.Contains(string(page), "preview of acme/shop#1 at c3c3c3c3c3; no night, ends on 2026-12-01") {
		t.Errorf("the page does not say that it is a preview, %v", err)
	}
	status, err := os.ReadFile(filepath.Join(dir, statusFile))
	if err != nil || !strings.Contains(string(status), `"snapshot": "preview-2026-11-24.1"`) {
		t.Errorf("status %s, %v", status, err)
	}

	for name, first := range map[releases.SnapshotName]string{"2026-11-24": dir, "preview-2026-11-25": t.TempDir()} {
		if first != dir {
			mustPublish(t, sample{name: "2026-11-24", modules: 2}, first, nil)
		}
		before := listing(t, first)
		if _, err := publishSnapshot(t, sample{name: name, modules: 2}, first, nil); err == nil || !strings.Contains(err.Error(), "does not belong into a repository with other snapshots") {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(before, listing(t, first)); diff != "" {
			t.Errorf("%s changed what is there (-want +got):\n%s", name, diff)
		}
	}
}

// Nothing is removed but a repository of previews, and by its day none that has not ended.
func TestRemovePreview(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, filepath.FromSlash(name)) }
	mustPublish(t, sample{name: "preview-2026-11-24", modules: 1}, at("acme/shop/pr/1"), nil)
	mustPublish(t, sample{name: "preview-2026-11-24", modules: 1}, at("acme/shop/pr/2"), nil)
	mustPublish(t, sample{name: "preview-2026-11-24", modules: 1}, at("acme/shop/pr/3"), nil)
	mustPublish(t, sample{name: "2026-11-24", modules: 1}, at("nightly"), nil)
	for name, text := range map[string]string{"acme/shop/pr/3/mine.txt": "mine", "satis/packages.json": `{"packages": []}`, "plain/index.html": "hello"} {
		if err := os.MkdirAll(filepath.Dir(at(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before := listing(t, root)
	last := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	o := Options{Owner: "test", Now: last}
	for name, want := range map[string]string{
		"nightly": "has night 2026-11-24, which is no preview", "satis": "was published by this program", "plain": "was published by this program",
		"acme/shop/pr/3": "has mine.txt, which is of no preview", "acme": "was published by this program",
	} {
		_, err := o.RemovePreview(t.Context(), at(name), false, false)
		var mistake *config.Error
		if !errors.As(err, &mistake) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", name, err, want)
		}
	}
	if removed, err := o.RemovePreview(t.Context(), at("nowhere"), false, false); removed != "" || err != nil {
		t.Errorf("nowhere: %q, %v", removed, err)
	}
	removed, err := o.RemoveEnded(t.Context(), root, false)
	if diff := cmp.Diff([]string(nil), removed); err != nil || diff != "" {
		t.Errorf("on its last day: %v\n%s", err, diff)
	}
	o.Now = last.AddDate(0, 0, 1)
	if removed, err = o.RemoveEnded(t.Context(), root, true); err != nil || len(removed) != 2 {
		t.Errorf("dry: %v, %v", removed, err)
	}
	if diff := cmp.Diff(before, listing(t, root)); diff != "" {
		t.Fatalf("something is gone (-want +got):\n%s", diff)
	}
	if removed, err = o.RemoveEnded(t.Context(), root, false); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{at("acme/shop/pr/1"), at("acme/shop/pr/2")}, removed); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
	for name := range before {
		gone := strings.HasPrefix(name, "acme/shop/pr/1/") || strings.HasPrefix(name, "acme/shop/pr/2/")
		if _, there := listing(t, root)[name]; there == gone && !strings.HasSuffix(name, ".publish.lock") {
			t.Errorf("%s is there: %v", name, there)
		}
	}
	// A place from which one was removed takes the next one.
	mustPublish(t, sample{name: "preview-2026-11-25", modules: 1}, at("acme/shop/pr/1"), nil)
}

// A preview is found and removed wherever it lies.
func TestRemoveEndedElsewhere(t *testing.T) {
	server := targettest.StartSSH(t)
	for name, test := range map[string]struct {
		url string
		o   target.Options
	}{"sftp": {server.URL(t.TempDir()), target.Options{SSH: server.Login}}, "s3": {targettest.StartS3(t), target.Options{}}} {
		t.Run(name, func(t *testing.T) {
			at, err := target.Join(test.url, "acme/shop/pr/1")
			if err != nil {
				t.Fatal(err)
			}
			store := newMemory()
			snapshot := sample{name: "preview-2026-11-24", modules: 1}
			o := options(t, store, snapshot.name)
			o.Target = test.o
			if _, err := Stage(o).Run(t.Context(), stages.PublishRequest{Snapshot: snapshot.build(t, store), To: at}); err != nil {
				t.Fatal(err)
			}
			o.Now = time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC)
			removed, err := o.RemoveEnded(t.Context(), test.url, false)
			if err != nil || len(removed) != 1 {
				t.Errorf("removed %q, %v", removed, err)
			}
			err = target.With(t.Context(), at, test.o, func(there target.Target) error {
				files, err := target.Files(t.Context(), there, ".")
				if len(files) > 1 || len(files) == 1 && !strings.HasPrefix(files[0], ".publish.lock") {
					t.Errorf("left there: %q", files)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
