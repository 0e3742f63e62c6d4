package publish

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// filesAt are the files of a target but its locks, by their content.
func filesAt(t testing.TB, at target.Target) map[string]string {
	t.Helper()
	names, err := target.Files(t.Context(), at, ".")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		if top, _, _ := strings.Cut(name, "/"); !target.IsLock(top) {
			data, err := target.Read(t.Context(), at, name)
			if err != nil {
				t.Fatal(err)
			}
			all[name] = string(data)
		}
	}
	return all
}

// lay puts files there.
func lay(t testing.TB, at target.Target, files map[string][]byte) map[string]string {
	t.Helper()
	for name, data := range files {
		if err := at.Write(t.Context(), name, target.Bytes(data)); err != nil {
			t.Fatal(err)
		}
	}
	return filesAt(t, at)
}

// changed are the files of before that are gone, or are other ones now.
func changed(before, after map[string]string) []string {
	names := []string{}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if text, ok := after[name]; !ok || text != before[name] {
			names = append(names, name)
		}
	}
	return names
}

// resolved is what Composer reads of a package, by version.
func resolved(t testing.TB, at target.Target, name composer.Name) map[string]composer.PackageVersion {
	t.Helper()
	r, err := composer.OpenRepository(t.Context(), testURL, &adopting{source: at, base: testURL})
	if err != nil {
		t.Fatal(err)
	}
	list, err := r.Versions(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]composer.PackageVersion{}
	for _, v := range list {
		all[v.Manifest.Version()] = v
	}
	return all
}

func adoptOptions(p spot) Options {
	return Options{Owner: "test", Now: dayOf("2026-11-24").Add(2 * time.Hour), Target: p.options()}
}

func TestAdopt(t *testing.T) {
	shapes := map[string]string{"included": "folder", "p2": "sftp", "minified": "s3", "patterns": "folder"}
	for shape, kind := range shapes {
		t.Run(shape+" "+kind, func(t *testing.T) {
			t.Parallel()
			p := spots[kind](t)
			at := p.open(t)
			before := lay(t, at, satisOf(t, shape))
			a, o := Adoption{To: p.url, URL: testURL, Title: "Acme"}, adoptOptions(p)

			dry := a
			dry.DryRun = true
			said, err := o.Adopt(t.Context(), dry)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, filesAt(t, at)); diff != "" {
				t.Fatalf("the dry run changed:\n%s", diff)
			}
			found, err := o.Adopt(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]any{said.Versions, said.Notes, said.Dists, said.Kept, said.Replaced, said.Dropped, said.Elsewhere}, []any{6, found.Notes, 5, found.Kept,
				[]string{"packages.json", "index.html"}, map[string]int{"notification-url": 1}, map[string]int{"https://api.github.com": 1}}); diff != "" || len(found.Notes) != 3 {
				t.Errorf("said and done:\n%s\n%v", diff, found.Notes)
			}
			after := filesAt(t, at)
			if diff := cmp.Diff([]string{"index.html", "packages.json"}, changed(before, after)); diff != "" {
				t.Errorf("files of before that are not as they were:\n%s", diff)
			}
			tool := resolved(t, at, "acme/tool")
			if d := tool["1.1.0+p1"].Dist; d == nil || d.URL != testURL+"/packages/acme/tool-1.1.0+p1.zip" || len(tool) != 4 {
				t.Errorf("the tool is resolved as %v: %v", slices.Collect(maps.Keys(tool)), d)
			}
			if keys := tool["1.1.0+p1"].Manifest.Keys(); !slices.Contains(keys, "source") || slices.Contains(keys, "notification-url") {
				t.Errorf("the tool has the keys %q", keys)
			}
			if !strings.Contains(after["index.html"], "Adopted, not built here") {
				t.Error("the page does not say what was adopted")
			}
			if _, err := o.Adopt(t.Context(), a); !errors.Is(err, ErrAdopted) {
				t.Errorf("adopted again: %v", err)
			}
			if _, err := o.Unadopt(t.Context(), p.url, false); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, filesAt(t, at)); diff != "" {
				t.Fatalf("it was not given back as it was:\n%s", diff)
			}
			if _, err := o.Adopt(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			publishAfterAdoption(t, p, at, before)
		})
	}
}

// publishAfterAdoption publishes nights onto what was adopted, goes back, withdraws, and gives up.
func publishAfterAdoption(t *testing.T, p spot, at target.Target, before map[string]string) {
	t.Helper()
	publish := func(name releases.SnapshotName) error {
		store := newMemory()
		o := options(t, store, name)
		o.Target = p.options()
		s := sample{name: name, modules: 2, line: func(l *releases.Line) { l.KeepAdopted = 10 }}
		_, err := Stage(o).Run(t.Context(), stages.PublishRequest{Snapshot: s.build(t, store), To: p.url, Keep: 2})
		return err
	}
	old := func(when string) {
		t.Helper()
		if diff := cmp.Diff([]string{"index.html", "packages.json"}, changed(before, filesAt(t, at))); diff != "" {
			t.Errorf("%s: files of before that are not as they were:\n%s", when, diff)
		}
	}
	for _, night := range []releases.SnapshotName{"2026-11-25", "2026-11-26"} {
		if err := publish(night); err != nil {
			t.Fatal(err)
		}
	}
	old("nights")
	if _, err := adoptOptions(p).Unadopt(t.Context(), p.url, false); err == nil || !strings.Contains(err.Error(), "was published to since") {
		t.Errorf("undone after nights: %v", err)
	}
	o := options(t, nil, "2026-11-26")
	o.Target = p.options()
	if _, err := o.Rollback(t.Context(), Rollback{To: p.url, Snapshot: "2026-11-25"}); err != nil {
		t.Fatal(err)
	}
	old("rollback")
	if _, err := o.Withdraw(t.Context(), p.url, []string{"acme/tool 1.0.0"}, false); err != nil {
		t.Fatal(err)
	}
	old("withdrawal")
	if tool := resolved(t, at, "acme/tool"); len(tool) != 3 || tool["1.0.0"].Dist != nil {
		t.Errorf("after the withdrawal: %v", slices.Collect(maps.Keys(tool)))
	}
	if s, err := readSwitch(t.Context(), at); err != nil || !cmp.Equal(s.Nightly.Snapshots, []releases.SnapshotName{"2026-11-25", "adopted-2026-11-24"}) {
		t.Errorf("it resolves %v: %v", s.Nightly.Snapshots, err)
	}
	// The line keeps what was adopted for ten days, and who started before has the grace period.
	for _, night := range []releases.SnapshotName{"2026-12-03", "2026-12-04", "2026-12-05"} {
		if err := publish(night); err != nil {
			t.Fatal(err)
		}
		if night != "2026-12-03" {
			if s, err := readSwitch(t.Context(), at); err != nil || slices.ContainsFunc(s.Nightly.Snapshots, isAdoption) {
				t.Errorf("%s resolves %v: %v", night, s.Nightly.Snapshots, err)
			}
		}
		old(string(night))
	}
	o.Now = dayOf("2026-12-05").Add(4 * time.Hour)
	if _, err := o.Rollback(t.Context(), Rollback{To: p.url, Snapshot: "2026-12-04"}); err != nil {
		t.Fatal(err)
	}
	if s, err := readSwitch(t.Context(), at); err != nil || slices.ContainsFunc(s.Nightly.Snapshots, isAdoption) {
		t.Errorf("a rollback brings back what was given up: %v: %v", s.Nightly.Snapshots, err)
	}
	if err := publish("2026-12-08"); err != nil {
		t.Fatal(err)
	}
	after := filesAt(t, at)
	left := slices.DeleteFunc(slices.Sorted(maps.Keys(before)), func(name string) bool { _, ok := after[name]; return !ok })
	if diff := cmp.Diff([]string{"index.html", "packages.json"}, left); diff != "" || slices.ContainsFunc(slices.Collect(maps.Keys(after)), func(name string) bool { return strings.HasPrefix(name, "adopted/") }) {
		t.Errorf("what was given up is still there:\n%s", diff)
	}
	if err := wholeTarget(t.Context(), at); err != nil {
		t.Error(err)
	}
}

func TestAdoptRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(map[string][]byte)
		url    string
		want   string
	}{
		{"a zip that is missing", func(f map[string][]byte) { delete(f, "packages/acme/tool-1.0.0.zip") }, "", "packages/acme/tool-1.0.0.zip of acme/tool 1.0.0 is missing"},
		{"a zip that is damaged", func(f map[string][]byte) { f["packages/acme/tool-1.0.0.zip"] = []byte("x") }, "", "has SHA-1 11f6ad8ec52a2984abaafd7c3b516503785c2072, the metadata says"},
		{"another URL", func(map[string][]byte) {}, "https://other.example.org/repo/", "no dist lies below https://other.example.org/repo/"},
		{"no repository", func(f map[string][]byte) { delete(f, "packages.json") }, "", "there is no Composer repository to take over"},
		{"a folder in the way", func(f map[string][]byte) { f["releases/a.txt"] = nil }, "", "releases: publishing writes a file or folder of that name"},
		{"a file that publishing would remove", func(f map[string][]byte) { f["dists/a.txt"] = nil }, "", "dists/a.txt: no version has it"},
		{"a file of metadata that is missing", func(f map[string][]byte) {
			f["packages.json"] = bytes.Replace(f["packages.json"], []byte("/repo/p2/"), []byte("/else/p2/"), 1)
		}, "", "is not below " + testURL},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := spots["folder"](t)
			at := p.open(t)
			files := satisOf(t, "p2")
			test.change(files)
			before := lay(t, at, files)
			a := Adoption{To: p.url, URL: testURL}
			if test.url != "" {
				a.URL = test.url
			}
			_, err := adoptOptions(p).Adopt(t.Context(), a)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("want an error with %q: %v", test.want, err)
			}
			if diff := cmp.Diff(before, filesAt(t, at)); diff != "" {
				t.Errorf("it was changed:\n%s", diff)
			}
		})
	}
}

// Versions whose zip is damaged are left out on demand, and what satis writes after an
// adoption is adopted anew.
func TestAdoptAgain(t *testing.T) {
	p := spots["folder"](t)
	at := p.open(t)
	files := satisOf(t, "p2")
	files["packages/acme/tool-1.0.0.zip"] = []byte("x")
	lay(t, at, files)
	a, o := Adoption{To: p.url, URL: testURL, LeaveOut: true}, adoptOptions(p)
	if _, err := o.Adopt(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if tool := resolved(t, at, "acme/tool"); len(tool) != 3 {
		t.Errorf("with a damaged zip %v are resolved", slices.Collect(maps.Keys(tool)))
	}
	mended := satisOf(t, "p2")
	at = p.open(t)
	before := lay(t, at, map[string][]byte{"packages.json": mended["packages.json"], "packages/acme/tool-1.0.0.zip": mended["packages/acme/tool-1.0.0.zip"]})
	if _, err := publishSnapshot(t, sample{name: "2026-11-25", modules: 1}, p.url, nil); err == nil || !strings.Contains(err.Error(), "mageos-nightly adopt") {
		t.Errorf("published onto somebody else's packages.json: %v", err)
	}
	if diff := cmp.Diff(before, filesAt(t, at)); diff != "" {
		t.Errorf("it was changed:\n%s", diff)
	}
	o.Now = o.Now.AddDate(0, 0, 1)
	found, err := o.Adopt(t.Context(), a)
	if err != nil || found.Versions != 6 {
		t.Fatalf("%d versions: %v", found.Versions, err)
	}
	if all, err := Snapshots(t.Context(), at); err != nil || !cmp.Equal(all, []releases.SnapshotName{"adopted-2026-11-25"}) {
		t.Errorf("there are %v: %v", all, err)
	}
	if tool := resolved(t, at, "acme/tool"); len(tool) != 4 {
		t.Errorf("%v are resolved", slices.Collect(maps.Keys(tool)))
	}
}

// A version that was adopted is not published with other bytes.
func TestAdoptedVersionStays(t *testing.T) {
	p := spots["folder"](t)
	at := p.open(t)
	s := &satis{files: map[string][]byte{}, all: map[string][]map[string]any{}}
	s.add(t, "acme/module-000", "2.4.8-alpha20261125", nil)
	s.write(t, "p2")
	lay(t, at, s.files)
	if _, err := adoptOptions(p).Adopt(t.Context(), Adoption{To: p.url, URL: testURL}); err != nil {
		t.Fatal(err)
	}
	_, err := publishSnapshot(t, sample{name: "2026-11-25", modules: 1}, p.url, nil)
	if want := "is not what it is in adoption adopted-2026-11-24"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("want an error with %q: %v", want, err)
	}
}

func TestAdoptedIsCopied(t *testing.T) {
	w := startWeb(t, false)
	p := spot{url: w.dir}
	before := lay(t, p.open(t), satisOf(t, "p2"))
	if _, err := adoptOptions(p).Adopt(t.Context(), Adoption{To: p.url, URL: testURL}); err != nil {
		t.Fatal(err)
	}
	w.publish(t, "2026-11-25")
	c := w.copy(t)
	for _, want := range []string{"new", "known"} {
		w.forget()
		if _, err := copied(t, c, dayOf("2026-11-25").Add(4*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"index.html", "packages.json"}, changed(before, filesAt(t, folderTarget(c.To)))); diff != "" {
			t.Errorf("%s: files of before that the copy has not as they were:\n%s", want, diff)
		}
		if diff := cmp.Diff([]string{}, notOf(t, c.To, w.dir)); diff != "" {
			t.Errorf("%s: not of the origin:\n%s", want, diff)
		}
	}
	if again := w.forget(); len(again) > 8 {
		t.Errorf("the second copy asks for %d files: %q", len(again), again)
	}
}
