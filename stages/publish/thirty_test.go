package publish

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/page"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/trust"
	"github.com/mage-os/nightly/stages/trust/trusttest"
)

var (
	thirtyModules = flag.Int("modules", 3, "modules of each night of TestThirtyNights")
	thirtySigned  = flag.Bool("signed", false, "sign the nights of TestThirtyNights")
	thirtyAt      = flag.String("nights-at", "folder", "targets of TestThirtyNights: folder, sftp, s3, real s3")
)

// After thirty nights with the default grace a repository holds what its
// packages.json and what is within its grace name, and nothing else. The log has
// the figures; how long a publish takes, no test decides.
func TestThirtyNights(t *testing.T) {
	for name, start := range spots {
		if !slices.Contains(strings.Split(*thirtyAt, ","), name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			p, by := start(t), trusttest.Authority(t, testURL)
			var took []time.Duration
			for day := 1; day <= 30; day++ {
				store := newMemory()
				snapshot := sample{name: releases.SnapshotName(fmt.Sprintf("2026-11-%02d", day)), modules: *thirtyModules, change: fmt.Sprintf(" change %d", day)}.build(t, store)
				o := options(t, store, snapshot.Name)
				o.Target = p.options()
				if *thirtySigned {
					o.Trust = by
				}
				began := time.Now()
				if _, err := Stage(o).Run(t.Context(), stages.PublishRequest{Snapshot: snapshot, To: p.url}); err != nil {
					t.Fatalf("night %d: %v", day, err)
				}
				took = append(took, time.Since(began))
			}
			at := p.open(t)
			if err := wholeTarget(t.Context(), at); err != nil {
				t.Error(err)
			}
			want, err := named(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			sizes := sizesOf(t, at)
			signed := sum(sizes, trust.Dir)
			maps.DeleteFunc(sizes, func(name string, _ int64) bool { return strings.HasPrefix(name, trust.Dir+"/") })
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(sizes))); diff != "" {
				t.Error("what is there, and what is named:", diff)
			}
			t.Logf("%d packages a night; repository %d bytes, of that metadata of the kept nights %d; second publish %v, thirtieth %v; signed metadata %d bytes",
				*thirtyModules+2, sum(sizes, ""), sum(sizes, metaDir), took[1].Round(time.Millisecond), took[29].Round(time.Millisecond), signed)
		})
	}
}

// named are the files that a repository has to have, from its packages.json on, and
// those that stay for their grace.
func named(ctx context.Context, t target.Target) ([]string, error) {
	s, err := readSwitch(ctx, t)
	if err != nil {
		return nil, err
	}
	superseded, err := readSuperseded(ctx, t)
	if err != nil {
		return nil, err
	}
	files := map[string]bool{stages.PackagesFile: true, pageFile: true, statusFile: true, supersededFile: true}
	metas := []string{path.Base(path.Dir(strings.TrimSuffix(s.MetadataURL, "%package%.json") + "x"))}
	for digest := range superseded {
		metas = append(metas, digest)
	}
	for _, digest := range metas {
		data, err := target.Read(ctx, t, path.Join(metaDir, digest, releases.IndexName))
		if errors.Is(err, errMissing) && digest != metas[0] {
			continue // it was removed after the file of times was written
		}
		if err != nil {
			return nil, err
		}
		var index releases.Index
		if err := json.Unmarshal(data, &index); err != nil {
			return nil, err
		}
		files[path.Join(metaDir, digest, releases.IndexName)] = true
		for _, f := range index.Files {
			for _, name := range page.Files([]string{packageOf(f.Name)}) {
				files[name] = files[name] || digest == metas[0]
			}
		}
		for _, snapshot := range index.Snapshots {
			if err := addNamed(ctx, t, files, path.Join(metaDir, digest), snapshot.Snapshot); err != nil {
				return nil, err
			}
		}
	}
	maps.DeleteFunc(files, func(_ string, named bool) bool { return !named })
	return slices.Sorted(maps.Keys(files)), nil
}

// addNamed adds what a night has to have, and its packages in a metadata folder.
func addNamed(ctx context.Context, t target.Target, files map[string]bool, meta string, snapshot releases.SnapshotName) error {
	data, err := target.Read(ctx, t, snapshotFile(snapshot, releases.ManifestName))
	if err != nil {
		return err
	}
	var m releases.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	for _, name := range []string{releases.ManifestName, versionsFile, pageFile} {
		files[snapshotFile(snapshot, name)] = true
	}
	if snapshot != "2026-11-01" { // the first has none before it
		files[snapshotFile(snapshot, changesFile)] = true
	}
	for _, f := range m.Files {
		files[snapshotFile(snapshot, f.Path)] = true
	}
	for _, pkg := range m.Packages {
		files[pkg.Dist.Path] = true
		files[path.Join(meta, pkg.Name+".json")] = true
		files[path.Join(meta, pkg.Name+"~dev.json")] = true
	}
	return nil
}

// sizesOf are the sizes of all files of a target, its lock apart.
func sizesOf(t *testing.T, at target.Target) map[string]int64 {
	t.Helper()
	entries, err := target.Walk(t.Context(), at, ".")
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int64{}
	for _, e := range entries {
		if e.Dir || strings.HasPrefix(e.Name, lockFile) {
			continue
		}
		data, err := target.Read(t.Context(), at, e.Name)
		if err != nil {
			t.Fatal(err)
		}
		sizes[e.Name] = int64(len(data))
	}
	return sizes
}

func sum(sizes map[string]int64, dir string) (n int64) {
	for name, size := range sizes {
		if strings.HasPrefix(name, dir) {
			n += size
		}
	}
	return n
}
