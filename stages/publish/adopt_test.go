package publish

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
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

// A satis is a repository in the shapes that satis writes.
type satis struct {
	files map[string][]byte
	all   map[string][]map[string]any // by package
}

// satisOf has three versions of a tool, one of them of a night, and what else such
// repositories have.
func satisOf(t testing.TB, shape string) map[string][]byte {
	t.Helper()
	s := &satis{files: map[string][]byte{"index.html": []byte("<h1>satis"), "css/a+b.css": []byte("a{}"), "packages/acme/tool/gone.zip": []byte("not named")}, all: map[string][]map[string]any{}}
	s.add(t, "acme/tool", "2.4.8-alpha20261124", nil)
	s.add(t, "acme/tool", "1.1.0+p1", map[string]any{"notification-url": "https://packages.example.org/downloads/", "source": map[string]string{"type": "git", "url": "https://git.example.org/tool", "reference": "a1"}})
	s.add(t, "acme/tool", "1.0.0", map[string]any{"require": map[string]string{"acme/text": "^1.0"}})
	s.add(t, "acme/tool", "dev-main", map[string]any{"default-branch": true})
	s.add(t, "acme/text", "v1.0.0", map[string]any{"description": "Text"})
	s.add(t, "acme/text", "1.0.0.0", nil)                                                        // to Composer the same
	s.add(t, "acme/text", "1.1.0", map[string]any{"require": map[string]string{"php": "a b c"}}) // which Composer cannot read
	s.all["acme/text"] = append(s.all["acme/text"], map[string]any{"name": "acme/text", "version": "1.2.0", "dist": map[string]string{"type": "zip", "url": testURL + "packages.json"}})
	s.all["acme/text"] = append(s.all["acme/text"], map[string]any{"name": "acme/text", "version": "2.0.0", "dist": map[string]string{"type": "zip", "url": "https://api.github.com/zipball/1", "shasum": ""}})
	s.write(t, shape)
	return s.files
}

func (s *satis) add(t testing.TB, name, version string, more map[string]any) {
	data := zipOf(t, map[string]string{"composer.json": `{"name":"` + name + `"}`, "version": version})
	sum := sha1.Sum(data)
	at := "packages/" + name + "-" + version + ".zip"
	s.files[at] = data
	entry := map[string]any{"name": name, "version": version, "dist": map[string]string{"type": "zip", "url": testURL + "/" + at, "shasum": hex.EncodeToString(sum[:])}}
	maps.Copy(entry, more)
	s.all[name] = append(s.all[name], entry)
}

func (s *satis) write(t testing.TB, shape string) {
	root := map[string]any{"packages": []any{}}
	switch shape {
	case "included": // what Composer 1 reads, too
		packages := map[string]map[string]any{}
		for name, list := range s.all {
			packages[name] = map[string]any{}
			for _, entry := range list {
				packages[name][entry["version"].(string)] = entry
			}
		}
		s.files["include/all$0a1b.json"] = mustJSON(t, map[string]any{"packages": packages})
		root["includes"] = map[string]any{"include/all$0a1b.json": map[string]string{"sha1": "0a1b"}}
	default:
		root["metadata-url"] = "/repo/p2/%package%.json"
		if root["available-packages"] = slices.Sorted(maps.Keys(s.all)); shape == "patterns" {
			delete(root, "available-packages")
			root["available-package-patterns"] = []string{"acme/*"}
		}
		for name, list := range s.all {
			for file, dev := range map[string]bool{name: false, name + "~dev": true} {
				of := slices.DeleteFunc(slices.Clone(list), func(e map[string]any) bool { return strings.HasPrefix(e["version"].(string), "dev-") != dev })
				s.files["p2/"+file+".json"] = minified(t, name, of, shape == "minified")
			}
		}
	}
	s.files["packages.json"] = mustJSON(t, root)
}

func minified(t testing.TB, name string, list []map[string]any, yes bool) []byte {
	if !yes {
		return mustJSON(t, map[string]any{"packages": map[string]any{name: list}})
	}
	var entries [][]byte
	var last composer.Fields
	for _, entry := range list {
		fields, err := composer.ParseFields(mustJSON(t, entry))
		if err != nil {
			t.Fatal(err)
		}
		entries, last = append(entries, fields.Minify(last)), fields
	}
	return metadataFile(minifiedHead, name, entries)
}

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
