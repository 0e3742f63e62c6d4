package releases

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
)

// madeIndex is the index of a mirror with so many tags of so many packages, each tag
// a night.
func madeIndex(tags, packages int) *Index {
	i := &Index{Format: IndexFormat, URL: "https://mirror.example.org/", Snapshots: []IndexedSnapshot{}, Files: []IndexedFile{}}
	for n := range tags {
		m := &Manifest{Snapshot: SnapshotName(fmt.Sprintf("2026-11-26.%d", tags-n)), Plan: Plan{Line: Line{Name: "mirror"}}}
		m.Plan.Repositories = []PlannedRepository{{Name: "shop", Tags: []PlannedTag{{fmt.Sprintf("1.%d.0", tags-n), commitID("a")}}}}
		i.Snapshots = append(i.Snapshots, m.Indexed(pipeline.DigestOf([]byte(m.Snapshot))))
	}
	for p := range packages {
		f := IndexedFile{Name: fmt.Sprintf("acme/module-%03d", p), SHA256: pipeline.DigestOf(nil), Type: "magento2-module", Versions: []IndexedVersion{}}
		for n := range tags {
			f.Versions = append(f.Versions, IndexedVersion{
				Version: fmt.Sprintf("1.%d.0", tags-n), SHA256: pipeline.DigestOf([]byte{byte(n), byte(p)}), Snapshots: []SnapshotName{i.Snapshots[n].Snapshot},
			})
		}
		i.Files = append(i.Files, f, IndexedFile{Name: f.Name + "~dev", SHA256: pipeline.DigestOf(nil), Versions: []IndexedVersion{}})
	}
	return i
}

func TestIndexFile(t *testing.T) {
	want := madeIndex(3, 2)
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseIndex(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
	again, err := got.Encode()
	if err != nil || string(again) != string(data) {
		t.Errorf("%v: written again it is another file:\n%s\n%s", err, data, again)
	}
	if f := got.File("acme/module-001~dev"); f == nil || f.Name != "acme/module-001~dev" || got.File("acme/module-002") != nil {
		t.Errorf("file %v", f)
	}
	if n := got.NextNumber("2026-11-26"); n != 4 {
		t.Errorf("next number %d, want 4", n)
	}
	if n := got.NextNumber("2026-11-27"); n != 0 {
		t.Errorf("next number %d of a new day", n)
	}
}

func TestParseIndexRefuses(t *testing.T) {
	data, err := madeIndex(1, 1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ old, with, want string }{
		{`"format":1`, `"format":2`, "format 2"},
		{`"format":1,`, ``, `no "format"`},
		{`"url"`, `"uri"`, `unknown key "uri"`},
		{`"version":"1.1.0"`, `"version":1`, "line 1"},
		{`]}` + "\n", ``, "line 1"},
	} {
		text := strings.Replace(string(data), tt.old, tt.with, 1)
		if text == string(data) {
			t.Fatalf("no %s in %s", tt.old, data)
		}
		if _, err := ParseIndex([]byte(text)); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), IndexName) {
			t.Errorf("%s: %v, want %q", tt.with, err, tt.want)
		}
	}
}

// What a plan names of an index: its nights, and the versions that one of them has.
func TestIndexKeep(t *testing.T) {
	all := madeIndex(3, 1)
	all.Files[0].Versions[0].Snapshots = append(all.Files[0].Versions[0].Snapshots, all.Snapshots[1].Snapshot)
	got := all.Keep([]Continued{{Snapshot: all.Snapshots[1].Snapshot}})
	if len(got.Snapshots) != 1 || got.Snapshots[0].Snapshot != all.Snapshots[1].Snapshot {
		t.Errorf("nights %v", got.Snapshots)
	}
	for at, v := range all.Files[0].Versions {
		for _, text := range []string{v.Version, "v" + v.Version, v.Version + "+p3"} { // all one to Composer
			if has := got.Version("acme/module-000", text); (has != nil) != (at < 2) || has != nil && has.SHA256 != v.SHA256 {
				t.Errorf("version %s: %v", text, has)
			}
		}
	}
	if got.Version("acme/module", "1.1.0") != nil {
		t.Error("it has a package that it does not have")
	}
	if len(all.Files[0].Versions) != 3 {
		t.Error("the index itself was changed")
	}
}

func BenchmarkIndex(b *testing.B) {
	index := madeIndex(100, 73)
	data, err := index.Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := index.Encode(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parse", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := ParseIndex(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// FuzzParseIndex: an index that is read is written the same however often, and its
// nights are those that are read alone.
func FuzzParseIndex(f *testing.F) {
	data, err := madeIndex(2, 2).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"format":1,"url":"","snapshots":[],"files":[]}`))
	f.Add([]byte(`{"files":[],"snapshots":[{"snapshot":"x"}],"format":1}`))
	f.Add([]byte(`{"snapshots":[{}],"format":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		index, err := ParseIndex(data)
		if err != nil {
			return
		}
		first, err := index.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseIndex(first)
		if err != nil {
			t.Fatalf("%v:\n%s", err, first)
		}
		second, err := again.Encode()
		if err != nil || string(first) != string(second) {
			t.Errorf("%v: written again it is another file:\n%s\n%s", err, first, second)
		}
	})
}
