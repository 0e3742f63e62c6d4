package publish

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// madeSnapshot is a night of versions "acme/a 1.0.0", whose entries are made of them alone.
func madeSnapshot(name releases.SnapshotName, have []string) *snapshot {
	all := versions{}
	m := &releases.Manifest{Snapshot: name, Plan: releases.Plan{Line: releases.Line{Name: "acme"}}}
	for _, v := range have {
		pkg, version, _ := strings.Cut(v, " ")
		file := pkg
		if strings.HasPrefix(version, "dev-") {
			file += "~dev"
		}
		random := rand.New(rand.NewPCG(uint64(len(v)), uint64(v[len(v)-1])))
		entry := fmt.Sprintf(`{"name":%q,"version":%q,"dist":{"url":%q}`, pkg, version, testURL+stages.DistPath(pkg, version))
		for i := range 4 {
			if random.IntN(3) > 0 {
				entry += fmt.Sprintf(`,"field-%d":%d`, i, random.IntN(2))
			}
		}
		if all[file] == nil {
			all[file] = map[string]jsontext.Value{}
		}
		all[file][version] = jsontext.Value(entry + "}")
		m.Packages = append(m.Packages, releases.ManifestPackage{Name: pkg, Version: version, Dist: &releases.ManifestDist{Path: stages.DistPath(pkg, version), SHA256: pipeline.DigestOf([]byte(v))}})
	}
	sum := pipeline.DigestOf([]byte(name))
	return &snapshot{
		name: name, sum: sum, indexed: m.Indexed(sum),
		manifest: func(context.Context) (*releases.Manifest, error) { return m, nil },
		versions: func(context.Context) (versionsForm, error) { return versionsForm{Packages: all}, nil },
	}
}

// put writes metadata to a target and reads its index.
func put(t testing.TB, to target.Target, m *metadata) *indexed {
	t.Helper()
	for name, data := range m.files {
		if err := to.Write(t.Context(), path.Join(metaDir, m.name, name), target.Bytes(data)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := readIndex(t.Context(), to, m.name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Whatever nights are added to metadata and taken out of it, in whichever order: it is
// what those nights give alone.
func TestMergeOnto(t *testing.T) {
	pool := []string{}
	for _, pkg := range []string{"acme/a", "acme/b", "acme/b-more", "acme/c"} {
		for _, version := range []string{"1.0.0", "1.0.0-p1", "1.0.1", "1.1.0", "2.0.0-beta1", "2.0.0", "10.0.0", "dev-main", "dev-next"} {
			pool = append(pool, pkg+" "+version)
		}
	}
	random := rand.New(rand.NewPCG(3, 4))
	var all []*snapshot
	for i := range 12 {
		have := []string{}
		for _, v := range pool {
			if random.IntN(5) == 0 {
				have = append(have, v)
			}
		}
		all = append([]*snapshot{madeSnapshot(releases.SnapshotName(fmt.Sprintf("2026-11-%02d", i+10)), have)}, all...)
	}
	to := folderTarget(t.TempDir())
	_, release, err := to.Lock(t.Context(), target.Holder{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = release() })
	var there *indexed
	var read atomic.Int64
	for step := range 100 {
		snapshots := slices.DeleteFunc(slices.Clone(all), func(*snapshot) bool { return random.IntN(3) == 0 })
		withdrawn := pool[:step/8] // one more from time to time
		want, err := merge(t.Context(), nil, snapshots, testURL, withdrawn, nil)
		if err != nil {
			t.Fatal(err)
		}
		counted := make([]*snapshot, len(snapshots))
		for i, n := range snapshots {
			also := *n
			also.versions = func(ctx context.Context) (versionsForm, error) { read.Add(1); return n.versions(ctx) }
			counted[i] = &also
		}
		read.Store(0)
		got, err := merge(t.Context(), there, counted, testURL, withdrawn, nil)
		if err != nil {
			t.Fatal(err)
		}
		fresh := len(snapshots)
		if there != nil {
			fresh = len(slices.DeleteFunc(slices.Clone(snapshots), func(n *snapshot) bool { return slices.ContainsFunc(there.Index.Snapshots, n.is) }))
		}
		if read.Load() != int64(fresh) {
			t.Fatalf("step %d: %d nights were read, and %d are new", step, read.Load(), fresh)
		}
		if diff := cmp.Diff(texts(want), texts(got)); diff != "" || want.name != got.name {
			t.Fatalf("step %d: what was merged onto the last metadata is not what %v give: %s", step, names(snapshots), diff)
		}
		there = put(t, to, got)
	}
}

func texts(m *metadata) map[string]string {
	all := map[string]string{}
	for name, data := range m.files {
		all[name] = string(data)
	}
	return all
}

// A file that is not what the index says is not merged onto; then all is made anew.
func TestMergeOntoDamage(t *testing.T) {
	snapshots := []*snapshot{madeSnapshot("2026-11-25", []string{"acme/a 1.1.0"}), madeSnapshot("2026-11-24", []string{"acme/a 1.0.0", "acme/b 1.0.0"})}
	want, err := merge(t.Context(), nil, snapshots, testURL, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	first, err := merge(t.Context(), nil, snapshots[1:], testURL, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range []string{"", "acme/a.json", "acme/b.json"} {
		dir := t.TempDir()
		to := folderTarget(dir)
		_, release, err := to.Lock(t.Context(), target.Holder{})
		if err != nil {
			t.Fatal(err)
		}
		there := put(t, to, first)
		if damaged != "" {
			edit(t, path.Join(dir, metaDir, first.name, damaged), "]", "] ")
		}
		got, anew, err := mergeOnto(t.Context(), there, snapshots, testURL, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(texts(want), texts(got)); diff != "" || anew != (damaged != "") {
			t.Errorf("with %q damaged: anew %v, %s", damaged, anew, diff)
		}
		if err := release(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	other := madeSnapshot("2026-11-25", []string{"acme/a 1.0.0"})
	same := other.versions
	other.versions = func(ctx context.Context) (versionsForm, error) {
		all, err := same(ctx)
		all.Packages["acme/a"]["1.0.0"] = jsontext.Value(`{"name":"acme/a","version":"1.0.0","type":"other"}`)
		return all, err
	}
	gone := madeSnapshot("2026-11-25", []string{"acme/a 1.0.0"})
	gone.versions = func(context.Context) (versionsForm, error) { return versionsForm{}, nil }
	more := madeSnapshot("2026-11-25", []string{"acme/a 1.0.0"})
	more.versions = madeSnapshot("", []string{"acme/a 1.0.0", "acme/b 2.0.0"}).versions
	first := madeSnapshot("2026-11-24", []string{"acme/a 1.0.0"})
	onto, err := merge(t.Context(), nil, []*snapshot{first}, testURL, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	to := folderTarget(dir)
	_, release, err := to.Lock(t.Context(), target.Holder{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = release() })
	there := put(t, to, onto)
	for _, tt := range []struct {
		name string
		add  *snapshot
		want string
	}{
		{"the same version with other content", other, "metadata of acme/a: version 1.0.0 of night 2026-11-25 is not what it is in night 2026-11-24"},
		{"two versions that are one to Composer", madeSnapshot("2026-11-25", []string{"acme/a 1.0.0.0"}), "to Composer version 1.0.0 of night 2026-11-24 is 1.0.0.0 of night 2026-11-25"},
		{"a package without metadata", gone, "acme/a 1.0.0 of its nightly.json has no metadata"},
		{"metadata without a package", more, "its metadata of acme/b has the version 2.0.0, which is not in nightly.json"},
		{"a version that Composer cannot read", madeSnapshot("2026-11-25", []string{"acme/a one"}), "metadata of acme/a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, c := range []*indexed{nil, there} {
				_, _, err := mergeOnto(t.Context(), c, []*snapshot{tt.add, first}, testURL, nil, nil)
				wantError(t, err, tt.want)
			}
		})
	}
}
