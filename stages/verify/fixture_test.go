package verify

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/lines"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/trust"
	"github.com/mage-os/nightly/stages/trust/trusttest"
)

const base = "https://nightly.example.org/"

// A memory is a store of trees in memory.
type memory struct {
	contents map[pipeline.Digest][]byte
	trees    map[pipeline.Digest][]pipeline.File
}

func (m *memory) Files(_ context.Context, t pipeline.Tree) ([]pipeline.File, error) {
	return m.trees[t.Digest], nil
}

type stored struct{ *bytes.Reader }

func (stored) Close() error { return nil }

func (m *memory) Open(_ context.Context, d pipeline.Digest) (pipeline.Content, error) {
	return stored{bytes.NewReader(m.contents[d])}, nil
}

// keys are those of an authority made for the test, and its root.
func keys(t testing.TB) (*trust.Authority, []byte) {
	t.Helper()
	a := trusttest.Authority(t, base)
	return a, trusttest.Root(a)
}

// A sample is a night of a made-up distribution.
type sample struct {
	name releases.SnapshotName
	// change changes the manifest before it is written: what a defect of the build
	// would make.
	change func(*releases.Manifest)
}

func (s sample) version() string { return "2.4.8-alpha" + strings.ReplaceAll(string(s.name), "-", "") }

// acme is the line of the sample.
const acme = `name: acme
title: Acme
vendor: acme
rename: {}
url: ` + base + `
repositories:
  - name: shop
    url: https://example.org/shop.git
    ref: main
    packages: [{each: packages}]
editions:
  - {name: product-shop, type: product, repository: shop, description: Shop}
  - {name: project-shop, type: project, repository: shop, product: product-shop, description: Shop}
install: {project: project-shop}
`

// build makes the night's folder as the package build does.
func (s sample) build(t testing.TB) (*memory, stages.Snapshot) {
	t.Helper()
	line, err := lines.Parse("acme.yaml", []byte(acme))
	if err != nil {
		t.Fatal(err)
	}
	m := &releases.Manifest{
		Format: releases.ManifestFormat, Snapshot: s.name, Program: releases.Program, Stages: map[string]int{"build": 1},
		Plan: releases.Plan{Format: releases.PlanFormat, Program: releases.Program, Date: string(s.name), Line: *line, Repositories: []releases.PlannedRepository{
			{Name: "shop", URL: "https://example.org/shop.git", Ref: "refs/heads/main", Commit: strings.Repeat("a1", 20)},
		}},
	}
	files := map[string][]byte{}
	var requires []releases.Requirement
	for _, name := range []string{"acme/module-a", "acme/module-b"} {
		s.add(t, m, files, name, s.version(), "magento2-module", []releases.Requirement{
			{Name: "php", Constraint: ">=8.1", Evidence: "declared"},
			{Name: "acme/language", Constraint: "^1.0", Evidence: "declared"},
			{Name: "psr/log", Constraint: "^3.0", Evidence: "declared"},
		})
		requires = append(requires, releases.Requirement{Name: name, Constraint: s.version(), Evidence: "declared"})
	}
	s.add(t, m, files, "acme/language", "1.0.0", "magento2-language", nil)
	s.add(t, m, files, "acme/project-shop", s.version(), "project", requires)
	slices.SortFunc(m.Packages, func(a, b releases.ManifestPackage) int { return strings.Compare(a.Name, b.Name) })
	names := []string{"acme/language", "acme/module-a", "acme/module-b", "acme/project-shop"}
	files[stages.PackagesFile] = encodeJSON(t, map[string]any{"packages": []any{}, "metadata-url": "p2/%package%.json", "available-packages": names})
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !isDist(name) {
			m.Files = append(m.Files, releases.ManifestFile{Path: name, Size: int64(len(files[name])), SHA256: pipeline.DigestOf(files[name])})
		}
	}
	if s.change != nil {
		s.change(m)
	}
	if files[releases.ManifestName], err = m.Encode(); err != nil {
		t.Fatal(err)
	}
	return s.store(files)
}

func (s sample) store(files map[string][]byte) (*memory, stages.Snapshot) {
	store := &memory{contents: map[pipeline.Digest][]byte{}, trees: map[pipeline.Digest][]pipeline.File{}}
	tree := pipeline.Tree{Digest: "night", Files: len(files)}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		store.contents[pipeline.DigestOf(files[name])] = files[name]
		store.trees["night"] = append(store.trees["night"], pipeline.File{Path: name, Mode: pipeline.Regular, Size: int64(len(files[name])), Digest: pipeline.DigestOf(files[name])})
	}
	return store, stages.Snapshot{Name: s.name, URL: base, Project: "acme/project-shop", Version: s.version(), Tree: tree}
}

func (s sample) add(t testing.TB, m *releases.Manifest, files map[string][]byte, name, version, kind string, requires []releases.Requirement) {
	t.Helper()
	manifest := composer.NewManifest()
	for _, field := range []struct {
		key   string
		value any
	}{{"name", name}, {"version", version}, {"type", kind}, {"license", []string{"OSL-3.0", "AFL-3.0"}}} {
		if err := manifest.Set(field.key, field.value); err != nil {
			t.Fatal(err)
		}
	}
	var links []composer.Link
	for _, r := range requires {
		links = append(links, composer.Link{Name: r.Name, Constraint: r.Constraint})
	}
	manifest.SetLinks(composer.Require, links)
	data := zipOf(t, entry{name: "composer.json", text: string(manifest.Encode())}, entry{name: "src/Code.php", text: "<?php // " + name + "\n"})
	sum := sha1.Sum(data)
	dist := &releases.ManifestDist{Path: stages.DistsDir + "/" + name + "-" + version + ".zip", Size: int64(len(data)), SHA1: hex.EncodeToString(sum[:]), SHA256: pipeline.DigestOf(data)}
	files[dist.Path] = data
	var err error
	files[stages.MetadataDir+"/"+name+".json"], err = composer.EncodeMetadata(composer.Name(name), []composer.PackageVersion{{
		Manifest: manifest, Dist: &composer.Dist{Type: "zip", URL: dist.Path, Reference: dist.SHA1, SHASum: dist.SHA1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if files[stages.MetadataDir+"/"+name+"~dev.json"], err = composer.EncodeMetadata(composer.Name(name), nil); err != nil {
		t.Fatal(err)
	}
	m.Packages = append(m.Packages, releases.ManifestPackage{
		Name: name, Version: version, Type: kind, Repository: "shop", Directory: ".", Commit: strings.Repeat("a1", 20), Requires: requires, Dist: dist,
	})
}

// installation is the proof of a night.
func (s sample) installation() *stages.Installation {
	i := &stages.Installation{Snapshot: s.name, Level: releases.Installed, Proven: []stages.Proof{{Step: "install", Detail: "5 packages"}}}
	for _, name := range []string{"acme/language", "acme/module-a", "acme/module-b"} {
		version := s.version()
		if name == "acme/language" {
			version = "1.0.0"
		}
		i.Packages = append(i.Packages, stages.InstalledPackage{Name: name, Version: version, Ours: true, License: []string{"OSL-3.0", "AFL-3.0"}})
	}
	i.Packages = append(i.Packages, stages.InstalledPackage{Name: "psr/log", Version: "3.0.2", License: []string{"MIT"}})
	return i
}

// at is when a night was published.
func at(t testing.TB, snapshot string) time.Time {
	t.Helper()
	day, err := time.Parse(time.DateOnly, snapshot)
	if err != nil {
		t.Fatal(err)
	}
	return day.Add(3 * time.Hour)
}

// publish publishes the night to a folder, signed.
func (s sample) publish(t testing.TB, to string, key *trust.Authority) {
	t.Helper()
	store, snapshot := s.build(t)
	o := publish.Options{Store: store, Owner: "test", Now: at(t, string(s.name)), Trust: key, Attest: &attest.Options{Installation: s.installation()}}
	if _, err := publish.Stage(o).Run(t.Context(), stages.PublishRequest{Snapshot: snapshot, To: to, Keep: 2}); err != nil {
		t.Fatal(err)
	}
}

type entry struct {
	name, text string
	mode       fs.FileMode
}

func zipOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		header := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		header.SetMode(e.mode | 0o644)
		f, err := w.CreateHeader(header)
		if err == nil {
			_, err = f.Write([]byte(e.text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodeJSON(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A folder is a published repository that a test may change.
type folder struct {
	testing.TB
	dir string
}

func (f folder) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

func (f folder) read(name string) string {
	f.Helper()
	data, err := os.ReadFile(f.path(name))
	if err != nil {
		f.Fatal(err)
	}
	return string(data)
}

func (f folder) write(name, text string) {
	f.Helper()
	if err := os.MkdirAll(filepath.Dir(f.path(name)), 0o755); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(f.path(name), []byte(text), 0o644); err != nil {
		f.Fatal(err)
	}
}

func (f folder) pipe(name string) {
	f.Helper()
	if err := syscall.Mkfifo(f.path(name), 0o644); err != nil {
		f.Fatal(err)
	}
}

func (f folder) remove(name string) {
	f.Helper()
	if err := os.RemoveAll(f.path(name)); err != nil {
		f.Fatal(err)
	}
}

// replace changes a text that has to be there.
func (f folder) replace(name, old, with string) {
	f.Helper()
	text := f.read(name)
	if !strings.Contains(text, old) {
		f.Fatalf("%s does not contain %s:\n%s", name, old, text)
	}
	f.write(name, strings.ReplaceAll(text, old, with))
}

func sha1Of(data string) string {
	sum := sha1.Sum([]byte(data))
	return hex.EncodeToString(sum[:])
}

// sum is the SHA-256 of a file.
func (f folder) sum(name string) string {
	f.Helper()
	return string(pipeline.DigestOf([]byte(f.read(name))))
}

// copy puts a file in the place of another.
func (f folder) copy(from, to string) { f.Helper(); f.write(to, f.read(from)) }

// meta is the folder that packages.json names.
func (f folder) meta() string {
	f.Helper()
	var s switchFile
	if err := json.Unmarshal([]byte(f.read(stages.PackagesFile)), &s); err != nil {
		f.Fatal(err)
	}
	return "meta/" + metaURL.FindStringSubmatch(strings.TrimPrefix(s.MetadataURL, s.Nightly.URL))[1]
}

// rename brings the index of the current metadata folder up to its files, gives the
// folder the name of that, and tells packages.json: what an attacker does who knows the
// layout.
func (f folder) rename() {
	f.Helper()
	old := f.meta()
	index, err := releases.ParseIndex([]byte(f.read(old + "/" + releases.IndexName)))
	if err != nil {
		f.Fatal(err)
	}
	files, err := filepath.Glob(f.path(old + "/*/*.json"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(path), f.path(old)+"/"), ".json")
		if index.File(name) == nil {
			index.Files = append(index.Files, releases.IndexedFile{Name: name, Versions: []releases.IndexedVersion{}})
			slices.SortFunc(index.Files, func(a, b releases.IndexedFile) int { return strings.Compare(a.Name, b.Name) })
		}
		index.File(name).SHA256 = pipeline.DigestOf([]byte(f.read(old + "/" + name + ".json")))
	}
	data, err := index.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.write(old+"/"+releases.IndexName, string(data))
	f.renamed()
}

// renamed names the current metadata folder by its index.
func (f folder) renamed() {
	f.Helper()
	old := f.meta()
	name := string(pipeline.DigestOf([]byte(f.read(old + "/" + releases.IndexName))))
	if err := os.Rename(f.path(old), f.path("meta/"+name)); err != nil {
		f.Fatal(err)
	}
	f.replace(stages.PackagesFile, strings.TrimPrefix(old, "meta/"), name)
	f.replace(statusFile, strings.TrimPrefix(old, "meta/"), name)
}

// options verify the folder two hours after the last night.
func (f folder) options(root []byte) Options {
	f.Helper()
	t, err := target.Open(f.Context(), f.dir, target.Options{})
	if err != nil {
		f.Fatal(err)
	}
	return Options{
		Source: t, Root: root, Now: at(f, "2026-11-26").Add(2 * time.Hour), Dists: true,
		List: func(ctx context.Context) ([]string, error) {
			entries, err := target.Walk(ctx, t, ".")
			var names []string
			for _, e := range entries {
				if !e.Dir {
					names = append(names, e.Name)
				}
			}
			return names, err
		},
	}
}
