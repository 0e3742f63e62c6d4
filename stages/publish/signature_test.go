package publish

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/trust"
	"github.com/mage-os/nightly/stages/trust/trusttest"
)

// publishSigned publishes a sample, and says what of the target it changed.
func publishSigned(t *testing.T, s sample, to string, by *trust.Authority) error {
	t.Helper()
	store := newMemory()
	o := options(t, store, s.name)
	o.Attest, o.Trust = &attest.Options{}, by
	_, err := Stage(o).Run(t.Context(), stages.PublishRequest{Snapshot: s.build(t, store), To: to})
	return err
}

// A key does not sign what somebody else has put into the repository, and a signed
// repository is not published to without its key. Nothing is written then.
func TestSignedRepository(t *testing.T) {
	by, other := trusttest.Authority(t, testURL), trusttest.Authority(t, testURL)
	online, err := trust.ParseAuthority(by.Files())
	if err != nil {
		t.Fatal(err)
	}
	online.Keys = by.Keys[:1]
	first, second := sample{name: "2026-11-24", modules: 2}, sample{name: "2026-11-25", modules: 2}
	snapshot := first.name.Dir()
	tests := []struct {
		name   string
		file   string // that is changed at the target; empty: none
		change func(text string) string
		by     *trust.Authority
		want   string // part of the error; empty: none
	}{
		{"as it was", "", nil, by, ""},
		{"no key", "", nil, nil, "is signed, and without its keys"},
		{"another root", "", nil, other, "does not count any more"},
		{"no key of a night", "", nil, online, "nights changes, and no key is given that may sign it"},
		// Of nights that are not merged yet, or whose metadata is damaged:
		{"a manifest that was changed", filepath.Join(snapshot, "nightly.json"), func(s string) string { return s + "\n" }, by, "nothing was signed or published"},
		{"a require in the metadata to merge", filepath.Join(snapshot, versionsFile), func(s string) string { return strings.ReplaceAll(s, "acme/language\":\"", "evil/language\":\"") }, by, "nothing was signed or published"},
		{"a timestamp of nobody", trust.TimestampFile, func(s string) string { return strings.Replace(s, `"sig":"`, `"sig":"00`, 1) }, by, "does not count any more"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := publishSigned(t, first, dir, by); err != nil {
				t.Fatal(err)
			}
			if test.file != "" {
				damageIndex(t, dir)
				file := filepath.Join(dir, test.file)
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				changed := test.change(string(data))
				if changed == string(data) {
					t.Fatalf("%s was not changed:\n%s", test.file, data)
				}
				if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			before := listing(t, dir)
			err := publishSigned(t, second, dir, test.by)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v; want %q", err, test.want)
			}
			if diff := cmp.Diff(before, listing(t, dir)); diff != "" {
				t.Errorf("the target was changed: %s", diff)
			}
		})
	}
}

// damageIndex takes the index of the current metadata away.
func damageIndex(t *testing.T, dir string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, metaDir, currentMeta(t, dir), releases.IndexName)); err != nil {
		t.Fatal(err)
	}
}

// currentMeta is the metadata folder that packages.json names.
func currentMeta(t *testing.T, dir string) string {
	t.Helper()
	s, err := readSwitch(t.Context(), folderTarget(dir))
	if err != nil {
		t.Fatal(err)
	}
	return s.folder()
}

// Metadata is merged onto what is there only as it was signed. What somebody else has
// put there is made anew of the nights; what they changed in nights that are merged goes
// nowhere.
func TestSignedMetadata(t *testing.T) {
	by := trusttest.Authority(t, testURL)
	first, second := sample{name: "2026-11-24", modules: 2}, sample{name: "2026-11-25", modules: 2}
	tests := []struct {
		name   string
		change func(t *testing.T, dir string)
	}{
		{"as it was", func(*testing.T, string) {}},
		{"a night's metadata", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, first.name.Dir(), versionsFile), "acme/language\":", "evil/language\":")
		}},
		{"a file of metadata", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, metaDir, currentMeta(t, dir), "acme/module-000.json"), "acme/language\":", "evil/language\":")
		}},
		{"the index", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, metaDir, currentMeta(t, dir), releases.IndexName), "acme/module-000", "acme/module-009")
		}},
		{"metadata by who knows the layout", evilMetadata},
	}
	var want map[string]string
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := publishSigned(t, first, dir, by); err != nil {
				t.Fatal(err)
			}
			test.change(t, dir)
			if err := publishSigned(t, second, dir, by); err != nil {
				t.Fatal(err)
			}
			got := listing(t, filepath.Join(dir, metaDir, currentMeta(t, dir)))
			if want == nil {
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
				t.Errorf("the metadata is not that of the nights: %s", diff)
			}
		})
	}
}

// evilMetadata changes an entry, and all that is named by its content.
func evilMetadata(t *testing.T, dir string) {
	t.Helper()
	old := currentMeta(t, dir)
	file := filepath.Join(dir, metaDir, old, "acme/module-000.json")
	sum := func(name string) string {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(pipeline.DigestOf(data))
	}
	was := sum(file)
	edit(t, file, "acme/language\":", "evil/language\":")
	index := filepath.Join(dir, metaDir, old, releases.IndexName)
	edit(t, index, was, sum(file))
	named := sum(index)
	if err := os.Rename(filepath.Join(dir, metaDir, old), filepath.Join(dir, metaDir, named)); err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(dir, stages.PackagesFile), old, named)
	if c, err := readIndex(t.Context(), folderTarget(dir), named); err != nil || c == nil {
		t.Fatalf("the attack does not work: %v", err)
	}
}

// edit replaces a text in a file that has it.
func edit(t *testing.T, file, old, with string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		t.Fatalf("%s does not have %q:\n%s", file, old, data)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(data), old, with)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What is said of a night lies beside it, and goes with it.
func TestAttestedNightGoes(t *testing.T) {
	dir, by := t.TempDir(), trusttest.Authority(t, testURL)
	for _, name := range []releases.SnapshotName{"2026-11-10", "2026-11-14", "2026-11-20"} {
		store := newMemory()
		s := sample{name: name, modules: 1}
		o := options(t, store, name)
		o.Attest, o.Trust = &attest.Options{}, by
		if _, err := Stage(o).Run(t.Context(), stages.PublishRequest{Snapshot: s.build(t, store), To: dir, Keep: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(dir, "nights", "2026-11-10")); !os.IsNotExist(err) {
		t.Errorf("the first night left %v, %v", entries, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "nights", "2026-11-20", attest.ProvenanceFile)); err != nil {
		t.Error(err)
	}
}
