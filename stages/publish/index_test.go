package publish

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
)

func TestIndexOfNothing(t *testing.T) {
	got, err := Read(folderTarget(filepath.Join(t.TempDir(), "none"))).Index(t.Context())
	if err != nil || got.SHA256 != "" || len(got.Index.Snapshots) != 0 {
		t.Errorf("%v: %+v", err, got)
	}
}

// An index that is lost or damaged is made of the nights again.
func TestIndexMadeAgain(t *testing.T) {
	dir := t.TempDir()
	mustPublish(t, sample{name: "2026-11-24", modules: 2}, dir, nil)
	r := Read(folderTarget(dir))
	want, err := r.Index(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if string(want.SHA256) != currentMeta(t, dir) {
		t.Errorf("SHA-256 %s, and the folder is %s", want.SHA256, currentMeta(t, dir))
	}
	for _, c := range []struct {
		name   string
		damage func()
	}{
		{"damaged", func() {
			edit(t, filepath.Join(dir, metaDir, currentMeta(t, dir), releases.IndexName), "acme/", "bcme/")
		}},
		{"lost", func() { damageIndex(t, dir) }},
	} {
		c.damage()
		got, err := r.Index(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	if err := os.Remove(filepath.Join(dir, releases.Night.Dir(), "2026-11-24", releases.ManifestName)); err != nil {
		t.Fatal(err)
	}
	_, err = r.Index(t.Context())
	wantError(t, err, "2026-11-24", releases.ManifestName)
}
