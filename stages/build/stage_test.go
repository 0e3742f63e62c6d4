package build

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/golden"
	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// third is a Composer repository with the package that the fixture's product
// takes from elsewhere.
func third(t *testing.T) *repository {
	return newRepository(t, map[string][]string{"third/tool": {"1.9.0", "2.3.0"}})
}

func (f *fixture) build(t *testing.T, r *repository) (stages.Snapshot, error) {
	t.Helper()
	in := f.input(t)
	in.Plan.Line.Composer = []releases.ComposerRepository{{URL: r.url}}
	stage := Stage(Options{Store: f.store, Fetcher: r.fetcher(), Workers: 1})
	return pipeline.Run(t.Context(), &pipeline.Session{}, stage, in)
}

func TestComposed(t *testing.T) {
	f := newFixture(t)
	in := f.input(t)
	trees, err := in.Sources.Trees(t.Context(), f.store)
	if err != nil {
		t.Fatal(err)
	}
	packages, err := compose(t.Context(), f.store, in, trees)
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string][]string{}
	for _, p := range packages {
		name := p.manifest.Name()
		golden.Compare(t, "testdata/"+strings.ReplaceAll(name, "/", "-")+".json", p.manifest.Encode())
		for _, file := range p.files {
			contents[name] = append(contents[name], file.Path)
		}
		for _, dir := range p.directories {
			contents[name] = append(contents[name], dir+"/")
		}
	}
	want := map[string][]string{
		"fork/module-log": {"registration.php"},
		"fork/plugin":     {"src/Plugin.php"},
		"fork/shop-base": {
			"README.md", "bin/shop", "index.php", "lib/web/jquery.js", "lib/web/jquery.min.js", "lib/web/tabs.js", "pub/media/sitemap/.htaccess", "setup/src/Setup.php",
			"app/code/Acme/", "app/design/frontend/Acme/",
		},
	}
	if diff := cmp.Diff(want, contents); diff != "" {
		t.Errorf("files beside composer.json differ (-want +got):\n%s", diff)
	}
}

// TestBaseWithoutLibraries: what PHP writes as an empty list is an empty object.
func TestBaseWithoutLibraries(t *testing.T) {
	f := newFixture(t)
	root := f.files["shop/composer.json"]
	extra := root[strings.Index(root, `    "extra": {`):strings.Index(root, `    "minimum-stability"`)]
	f.replace(t, "shop/composer.json", extra, `    "extra": [],`+"\n")
	f.replace(t, "shop/composer.json", `"twbs/bootstrap": "3.1.0",`, "")
	f.replace(t, "shop/composer.json", `"fork/module-log": "*",`, `"fork/module-log": "*"`)
	f.replace(t, "shop/composer.json", `"components/jquery": "1.11.0"`, "")
	in := f.input(t)
	trees, err := in.Sources.Trees(t.Context(), f.store)
	if err != nil {
		t.Fatal(err)
	}
	packages, err := compose(t.Context(), f.store, in, trees)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		if p.Kind == stages.Base && (len(p.manifest.Links(composer.Replace)) > 0 || strings.Contains(string(p.manifest.Encode()), "component_paths")) {
			t.Errorf("it replaces libraries, or says where they are:\n%s", p.manifest.Encode())
		}
	}
}

func TestNight(t *testing.T) {
	f := newFixture(t)
	snapshot, err := f.build(t, third(t))
	if err != nil {
		t.Fatal(err)
	}
	folder := folderOf(t, f.store, snapshot.Tree)
	golden.Compare(t, "testdata/packages.json", folder[stages.PackagesFile])
	golden.Compare(t, "testdata/metadata.json", withoutSums(folder["p2/fork/plugin.json"]))
	golden.Compare(t, "testdata/metadata-dev.json", folder["p2/fork/plugin~dev.json"])

	var names []string
	for _, p := range snapshot.Packages {
		names = append(names, p.Name)
		want := "dists/" + p.Name + "-" + p.Version + ".zip"
		if _, ok := folder[want]; !ok || p.Dist != want {
			t.Errorf("dist of %s is %s, want %s; the folder has %v", p.Name, p.Dist, want, slices.Sorted(maps.Keys(folder)))
		}
	}
	if want := []string{"fork/all", "fork/module-log", "fork/plugin", "fork/product", "fork/project", "fork/shop-base"}; !slices.Equal(names, want) {
		t.Errorf("packages %v, want %v", names, want)
	}
	if want := 6*3 + 2; len(folder) != want {
		t.Errorf("%d files, want %d: %v", len(folder), want, slices.Sorted(maps.Keys(folder)))
	}
	snapshot.Tree, snapshot.Packages = pipeline.Tree{}, nil
	want := stages.Snapshot{Name: "2026-11-24", URL: "https://nightly.example.org/", Project: "fork/project", Version: "2.4.8.1-a20261124+p1", Keep: snapshot.Keep}
	if diff := cmp.Diff(want, snapshot); diff != "" {
		t.Errorf("night differs (-want +got):\n%s", diff)
	}
}

// The project of a line that says whom it trusts carries that root, and has Composer look for signatures.
func TestTrust(t *testing.T) {
	f := newFixture(t)
	in := f.input(t)
	in.Plan.Line.Trust = `{"signed": {}}`
	trees, err := in.Sources.Trees(t.Context(), f.store)
	if err != nil {
		t.Fatal(err)
	}
	packages, err := compose(t.Context(), f.store, in, trees)
	if err != nil {
		t.Fatal(err)
	}
	c := packages[slices.IndexFunc(packages, func(c composed) bool { return c.Kind == stages.Project })]
	if want := []pipeline.File{{Path: "tuf/nightly.example.org.json", Mode: pipeline.Regular, Size: int64(len(in.Plan.Line.Trust)), Digest: pipeline.DigestOf([]byte(in.Plan.Line.Trust))}}; !slices.Equal(c.files, want) {
		t.Errorf("files %v, want %v", c.files, want)
	}
	if got := string(c.manifest.Encode()); !strings.Contains(got, `"tuf": true`) {
		t.Error(got)
	}
}

// withoutSums blanks what depends on the compressor.
func withoutSums(metadata []byte) []byte {
	for _, key := range []string{`"reference":"`, `"shasum":"`} {
		if i := bytes.Index(metadata, []byte(key)); i >= 0 {
			i += len(key)
			metadata = slices.Concat(metadata[:i], []byte("…"), metadata[i+bytes.IndexByte(metadata[i:], '"'):])
		}
	}
	return metadata
}

func TestManifest(t *testing.T) {
	f := newFixture(t)
	snapshot, err := f.build(t, third(t))
	if err != nil {
		t.Fatal(err)
	}
	files, err := f.store.Files(t.Context(), snapshot.Tree)
	if err != nil {
		t.Fatal(err)
	}
	m, err := releases.ParseManifest(folderOf(t, f.store, snapshot.Tree)[releases.ManifestName])
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]pipeline.Digest{}
	for _, file := range m.Files {
		listed[file.Path] = file.SHA256
	}
	for _, p := range m.Packages {
		listed[p.Dist.Path] = p.Dist.SHA256
	}
	there := map[string]pipeline.Digest{}
	for _, file := range files {
		if file.Path != releases.ManifestName {
			there[file.Path] = file.Digest
		}
	}
	if diff := cmp.Diff(there, listed); diff != "" {
		t.Errorf("manifest does not list what is there (-there +listed):\n%s", diff)
	}
	m.Packages, m.Files, m.Plan = nil, nil, releases.Plan{}
	want := &releases.Manifest{Format: releases.ManifestFormat, Snapshot: "2026-11-24", Program: "1.2.3", Stages: map[string]int{"checkout": 7, "build": Version}}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("manifest differs (-want +got):\n%s", diff)
	}
}

func TestEvidence(t *testing.T) {
	f := newFixture(t)
	in := f.input(t)
	in.Dependencies.Packages[0].Requires[4].Evidence = "Log.php:3"
	trees, err := in.Sources.Trees(t.Context(), f.store)
	if err != nil {
		t.Fatal(err)
	}
	packages, err := compose(t.Context(), f.store, in, trees)
	if err != nil {
		t.Fatal(err)
	}
	want := requires("php", "~8.3.0", "ext-intl", "*", "psr/log-implementation", "^3.0", "fork/plugin", "1.0.0.1-a20261124")
	want[3].Evidence = "Log.php:3"
	if diff := cmp.Diff(want, packages[0].requires); diff != "" {
		t.Errorf("requires differ (-want +got):\n%s", diff)
	}
}

// What an autoloader would miss is an error before anything is packed: here a file that
// is not part of the package, and one that is nowhere.
func TestMissingAutoload(t *testing.T) {
	f := newFixture(t)
	f.replace(t, "extras/plugin/composer.json", `"require"`, `"autoload": {"files": ["src/Plugin.php", "tests/PluginTest.php"], "classmap": ["src", "lib"]}, "require"`)
	_, err := f.build(t, third(t))
	for _, want := range []string{`autoload.files "tests/PluginTest.php"`, `autoload.classmap "lib"`, "fork/plugin 1.0.0.1-a20261124 (extras:plugin/composer.json)"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %s: %v", want, err)
		}
	}
	if err != nil && strings.Contains(err.Error(), "src") {
		t.Errorf("what is there is missing: %v", err)
	}
}

func TestLocal(t *testing.T) {
	f := newFixture(t)
	in := f.input(t)
	in.Plan.Repositories[1].Local = true
	in.Plan.Line.Composer = nil
	in.Dependencies.Packages[4].Requires = requires("php", "*")
	snapshot, err := pipeline.Run(t.Context(), &pipeline.Session{}, Stage(Options{Store: f.store}), in)
	if err != nil {
		t.Fatal(err)
	}
	m, err := releases.ParseManifest(folderOf(t, f.store, snapshot.Tree)[releases.ManifestName])
	if err != nil {
		t.Fatal(err)
	}
	if !snapshot.Local || !m.Local || !strings.Contains(snapshot.Version, "local") {
		t.Errorf("a local build is not marked: night %v, manifest %v, version %s", snapshot.Local, m.Local, snapshot.Version)
	}
}

// TestSameTwice builds in two stores: the same input gives the same bytes.
func TestSameTwice(t *testing.T) {
	carried := t.TempDir()
	if err := os.WriteFile(filepath.Join(carried, "packages.json"), inline(t, "third/tool", []string{"2.5.0"}), 0o666); err != nil {
		t.Fatal(err)
	}
	var snapshots []stages.Snapshot
	for range 2 {
		f := newFixture(t)
		in := f.input(t)
		in.Plan.Line.Composer = []releases.ComposerRepository{{URL: "embedded:third-party"}}
		stage := Stage(Options{Store: f.store, Fetcher: composer.NewFetcher(remote.Client{}), Locate: func(string) (string, error) { return carried, nil }})
		snapshot, err := pipeline.Run(t.Context(), &pipeline.Session{}, stage, in)
		if err != nil {
			t.Fatal(err)
		}
		snapshots = append(snapshots, snapshot)
	}
	if diff := cmp.Diff(snapshots[0], snapshots[1]); diff != "" {
		t.Errorf("two builds differ:\n%s", diff)
	}
}
