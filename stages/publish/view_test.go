package publish

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

func look(t *testing.T, dir string) *View {
	t.Helper()
	v, err := Look(t.Context(), dir, target.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

func TestViewOfNothing(t *testing.T) {
	v := look(t, filepath.Join(t.TempDir(), "none"))
	snapshots, errSnapshots := v.Snapshots(t.Context())
	known, err := v.Index(t.Context())
	if err := errors.Join(errSnapshots, err); err != nil || len(snapshots) != 0 || known.Index == nil || len(known.Index.Snapshots) != 0 {
		t.Errorf("%v: nights %v, index %+v", err, snapshots, known)
	}
}

// An index that is lost or damaged is made of the nights again.
func TestViewWithoutIndex(t *testing.T) {
	dir := t.TempDir()
	mustPublish(t, sample{name: "2026-11-24", modules: 2}, dir, nil)
	want, err := look(t, dir).Index(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(){
		"damaged": func() {
			edit(t, filepath.Join(dir, metaDir, currentMeta(t, dir), releases.IndexName), "acme/", "bcme/")
		},
		"lost": func() { damageIndex(t, dir) },
	} {
		damage()
		v := look(t, dir)
		got, err := v.Index(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if snapshots, err := v.Snapshots(t.Context()); err != nil || cmp.Diff(want.Index.Snapshots, snapshots) != "" {
			t.Errorf("%s: nights %v, %v", name, snapshots, err)
		}
	}
	if err := os.Remove(filepath.Join(dir, nightsDir, "2026-11-24", releases.ManifestName)); err != nil {
		t.Fatal(err)
	}
	v := look(t, dir)
	_, errSnapshots := v.Snapshots(t.Context())
	_, err = v.Index(t.Context())
	wantError(t, errSnapshots, "2026-11-24", releases.ManifestName)
	wantError(t, err, "2026-11-24", releases.ManifestName)
}

// Whatever becomes of a target after it was looked at: a night is published to it as it
// is when it is locked.
func TestPublishAfterView(t *testing.T) {
	first, second, third := sample{name: "2026-11-24", modules: 2}, sample{name: "2026-11-25", modules: 2}, sample{name: "2026-11-26", modules: 2}
	publish := func(t *testing.T, dir string, v *View, s sample) {
		t.Helper()
		store := newMemory()
		o := options(t, store, s.name)
		o.View = v
		if _, err := Stage(o).Run(t.Context(), stages.PublishRequest{Snapshot: s.build(t, store), To: dir}); err != nil {
			t.Fatal(err)
		}
		if err := whole(dir); err != nil {
			t.Error(err)
		}
		if err := noLeftovers(t.Context(), folderTarget(dir), 0); err != nil {
			t.Error(err)
		}
	}
	orphan := filepath.Join(stages.DistsDir, "acme", "gone-1.0.0.zip")
	for _, tt := range []struct {
		name      string
		meanwhile func(t *testing.T, dir string)
		used      bool // what was seen
	}{
		{"nothing", func(*testing.T, string) {}, true},
		{"a night more", func(t *testing.T, dir string) { publish(t, dir, nil, third) }, false},
		{"a dist gone that the next night has, too", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, stages.DistPath("acme/language", "1.0.0"))); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"what nothing names gone", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, orphan)); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"the metadata damaged", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, metaDir, currentMeta(t, dir), "acme/module-000.json"), "]", " ]")
		}, true},
		{"everything gone", func(t *testing.T, dir string) {
			for _, name := range []string{stages.PackagesFile, metaDir, nightsDir, stages.DistsDir} {
				if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			publish(t, dir, nil, first)
			if err := os.WriteFile(filepath.Join(dir, orphan), []byte("of a run that was killed"), 0o644); err != nil {
				t.Fatal(err)
			}
			v := look(t, dir)
			if _, err := v.sight.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			tt.meanwhile(t, dir)
			seen, err := v.still(t.Context(), folderTarget(dir))
			if err != nil || (seen != nil) != tt.used {
				t.Errorf("what was seen counts: %v (%v), want %v", seen != nil, err, tt.used)
			}
			publish(t, dir, v, second)
		})
	}
}

// Who is stopped does not wait for a slow target.
func TestViewStops(t *testing.T) {
	v := &View{snapshots: newPromise[[]releases.IndexedSnapshot](), known: newPromise[Known](), sight: newPromise[sight]()}
	ctx, stop := context.WithCancelCause(t.Context())
	why := errors.New("stopped")
	stop(why)
	_, errSnapshots := v.Snapshots(ctx)
	_, errIndex := v.Index(ctx)
	_, errStill := v.still(ctx, nil)
	for _, err := range []error{errSnapshots, errIndex, errStill} {
		if !errors.Is(err, why) {
			t.Errorf("%v, want that it was stopped", err)
		}
	}
	if err := (*View)(nil).Close(); err != nil {
		t.Error(err)
	}
}

// Every kind of target is looked at while others use it, and published to with what was
// seen.
func TestViewOfEveryTarget(t *testing.T) {
	for name, start := range spots {
		t.Run(name, func(t *testing.T) {
			p := start(t)
			publish := func(s sample, v *View) stages.Publication {
				store := newMemory()
				o := options(t, store, s.name)
				o.Target, o.View = p.options(), v
				got, err := Stage(o).Run(t.Context(), stages.PublishRequest{Snapshot: s.build(t, store), To: p.url})
				if err != nil {
					t.Fatal(err)
				}
				return got
			}
			publish(sample{name: "2026-11-24", modules: 2}, nil)
			v, err := Look(t.Context(), p.url, p.options())
			if err != nil {
				t.Fatal(err)
			}
			known, err := v.Index(t.Context())
			if err != nil || len(known.Index.Snapshots) != 1 || known.Index.Snapshots[0].Snapshot != "2026-11-24" {
				t.Fatalf("%v: %+v", err, known.Index)
			}
			if seen, err := v.still(t.Context(), p.open(t)); err != nil || seen == nil || len(seen.dists) == 0 {
				t.Fatalf("%v: %+v", err, seen)
			}
			got := publish(sample{name: "2026-11-25", modules: 2}, v)
			if err := v.Close(); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff([]string{"2026-11-25", "2026-11-24"}, got.Kept); diff != "" {
				t.Error(diff)
			}
			if err := wholeTarget(t.Context(), p.open(t)); err != nil {
				t.Error(err)
			}
		})
	}
}
