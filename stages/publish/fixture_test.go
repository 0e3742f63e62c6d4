package publish

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

const testURL = "https://nightly.example.org/repo/"

// A memory is a store of trees in memory.
type memory struct {
	mu       sync.Mutex
	contents map[pipeline.Digest][]byte
	trees    map[pipeline.Digest][]pipeline.File
}

func newMemory() *memory {
	return &memory{contents: map[pipeline.Digest][]byte{}, trees: map[pipeline.Digest][]pipeline.File{}}
}

func (m *memory) Files(_ context.Context, t pipeline.Tree) ([]pipeline.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	files, ok := m.trees[t.Digest]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return files, nil
}

type content struct{ *bytes.Reader }

func (content) Close() error { return nil }

func (m *memory) Open(_ context.Context, d pipeline.Digest) (pipeline.Content, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.contents[d]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return content{bytes.NewReader(data)}, nil
}

// add stores a folder of files as a tree.
func (m *memory) add(files map[string][]byte) pipeline.Tree {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []pipeline.File
	tree := pipeline.Tree{Files: len(files)}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		data := files[name]
		m.contents[digest(data)] = data
		list = append(list, pipeline.File{Path: name, Mode: pipeline.Regular, Size: int64(len(data)), Digest: digest(data)})
		tree.Size += int64(len(data))
	}
	tree.Digest = pipeline.Digest(contentName(files))
	m.trees[tree.Digest] = list
	return tree
}

// A sample is a night of a made-up distribution: modules whose version has the
// date, and a language whose version and bytes are the same every night.
type sample struct {
	name    string // of the night
	modules int
	change  string // goes into the code of the modules
	local   bool
}

// build makes the night's folder as the package build does.
func (s sample) build(t testing.TB, store *memory) stages.Night {
	t.Helper()
	version := "2.4.8-alpha" + strings.ReplaceAll(s.name, "-", "")
	m := &releases.Manifest{
		Format: releases.ManifestFormat, Night: s.name, Program: releases.Program, Local: s.local,
		Stages: map[string]int{"build": 1}, Plan: s.plan(),
	}
	files := map[string][]byte{}
	var names []string
	project := []releases.Requirement{}
	for i := range s.modules {
		name := fmt.Sprintf("acme/module-%03d", i)
		requires := []releases.Requirement{{Name: "php", Constraint: ">=8.1", Evidence: "declared"}, {Name: "acme/language", Constraint: "1.0.0", Evidence: "Block/List.php:12"}}
		s.addPackage(t, m, files, name, version, "magento2-module", requires)
		names = append(names, name)
		project = append(project, releases.Requirement{Name: name, Constraint: version, Evidence: "declared"})
	}
	s.addPackage(t, m, files, "acme/language", "1.0.0", "magento2-language", nil)
	s.addPackage(t, m, files, "acme/project-shop", version, "project", project)
	names = append(names, "acme/language", "acme/project-shop")
	slices.Sort(names)
	slices.SortFunc(m.Packages, func(a, b releases.ManifestPackage) int { return strings.Compare(a.Name, b.Name) })
	files[stages.PackagesFile] = mustJSON(t, map[string]any{"packages": []any{}, "metadata-url": "p2/%package%.json", "available-packages": names})
	for name, data := range files {
		if !strings.HasPrefix(name, stages.DistsDir) {
			m.Files = append(m.Files, releases.ManifestFile{Path: name, Size: int64(len(data)), SHA256: digest(data)})
		}
	}
	slices.SortFunc(m.Files, func(a, b releases.ManifestFile) int { return strings.Compare(a.Path, b.Path) })
	files[releases.ManifestName] = mustJSON(t, m)
	return stages.Night{
		Name: s.name, Local: s.local, URL: testURL, Project: "acme/project-shop", Version: version, Tree: store.add(files),
	}
}

func (s sample) plan() releases.Plan {
	date, number := splitNight(s.name)
	line := releases.Line{Name: "acme", Title: "Acme <nightly> & co", Vendor: "acme", URL: testURL, Install: releases.Install{Project: "project-shop"}}
	plan := releases.Plan{Format: releases.PlanFormat, Program: releases.Program, Date: date, Number: number}
	for _, r := range []releases.PlannedRepository{
		{Name: "shop", URL: "https://bot@github.com/acme/shop.git", Ref: "refs/heads/main", Commit: strings.Repeat("a1", 20)},
		{Name: "language", URL: "embedded:language", Ref: "refs/heads/main", Commit: strings.Repeat("b2", 20)},
	} {
		line.Repositories = append(line.Repositories, releases.Repository{Name: r.Name, URL: r.URL, Ref: "main"})
		plan.Repositories = append(plan.Repositories, r)
	}
	plan.Line = line
	return plan
}

func (s sample) addPackage(t testing.TB, m *releases.Manifest, files map[string][]byte, name, version, kind string, requires []releases.Requirement) {
	t.Helper()
	manifest := composer.NewManifest()
	require := []composer.Link{}
	for _, r := range requires {
		require = append(require, composer.Link{Name: r.Name, Constraint: r.Constraint})
	}
	for _, field := range []struct{ key, value string }{{"name", name}, {"version", version}, {"type", kind}} {
		if err := manifest.Set(field.key, field.value); err != nil {
			t.Fatal(err)
		}
	}
	manifest.SetLinks("require", require)
	code := "<?php // " + name + "\n"
	if kind == "magento2-module" {
		code += "// " + s.name + s.change + "\n"
	}
	data := zipOf(t, map[string]string{"composer.json": string(manifest.Encode()), "src/Code.php": code})
	sum := sha1.Sum(data)
	dist := &releases.ManifestDist{
		Path: stages.DistsDir + "/" + name + "-" + version + ".zip",
		Size: int64(len(data)), SHA1: hex.EncodeToString(sum[:]), SHA256: digest(data),
	}
	files[dist.Path] = data
	metadata, err := composer.EncodeMetadata(composer.Name(name), []composer.PackageVersion{{
		Manifest: manifest, Dist: &composer.Dist{Type: "zip", URL: dist.Path, Reference: dist.SHA1, SHASum: dist.SHA1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	files[stages.MetadataDir+"/"+name+".json"] = metadata
	if files[stages.MetadataDir+"/"+name+"~dev.json"], err = composer.EncodeMetadata(composer.Name(name), nil); err != nil {
		t.Fatal(err)
	}
	m.Packages = append(m.Packages, releases.ManifestPackage{
		Name: name, Version: version, Type: kind, Repository: "shop", Directory: ".", Commit: strings.Repeat("a1", 20), Requires: requires, Dist: dist,
	})
}

func zipOf(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err == nil {
			_, err = io.WriteString(f, files[name])
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

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	data, err := encode(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// publishNight publishes a sample to a folder.
func publishNight(t testing.TB, s sample, to string, change func(*stages.Release)) (stages.Publication, error) {
	t.Helper()
	store := newMemory()
	r := stages.Release{Night: s.build(t, store), To: to}
	if change != nil {
		change(&r)
	}
	return Stage(Options{Store: store, Owner: "test"}).Run(t.Context(), r)
}

func mustPublish(t testing.TB, s sample, to string, change func(*stages.Release)) stages.Publication {
	t.Helper()
	p, err := publishNight(t, s, to, change)
	if err != nil {
		t.Fatalf("publish %s: %v", s.name, err)
	}
	return p
}

// whole says what is wrong with a published repository, as a client sees it:
// from packages.json to the metadata, from there to every dist with its
// checksum, and every night with all files of its manifest.
func whole(dir string) error {
	s, err := readSwitch(dir)
	if err != nil {
		return err
	}
	errs := []error{wholeMetadata(dir, s)}
	if len(s.Available) == 0 || len(s.Nightly.Nights) == 0 {
		errs = append(errs, errors.New("packages.json names no packages or nights"))
	}
	nights, err := listNights(dir)
	errs = append(errs, err)
	for _, name := range s.Nightly.Nights {
		if !slices.Contains(nights, name) {
			errs = append(errs, fmt.Errorf("night %s is not in its folder", name))
		}
	}
	for _, name := range nights { // also those in their grace
		errs = append(errs, wholeNight(dir, name, s.Nightly.URL))
	}
	return errors.Join(errs...)
}

func wholeMetadata(dir string, s switchFile) error {
	at, ok := strings.CutPrefix(s.MetadataURL, s.Nightly.URL)
	if !ok {
		return fmt.Errorf("metadata-url %s", s.MetadataURL)
	}
	var errs []error
	for _, pkg := range s.Available {
		for _, name := range []string{pkg, pkg + "~dev"} {
			data, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(at, "%package%", name)))
			if err != nil {
				errs = append(errs, err)
				continue
			}
			var file struct {
				Packages map[string][]struct{ Dist composer.Dist } `json:"packages"`
			}
			errs = append(errs, json.Unmarshal(data, &file))
			for _, v := range file.Packages[pkg] {
				zip, err := os.ReadFile(filepath.Join(dir, strings.TrimPrefix(v.Dist.URL, s.Nightly.URL)))
				if sum := sha1.Sum(zip); err == nil && hex.EncodeToString(sum[:]) != v.Dist.SHASum {
					err = fmt.Errorf("%s does not have its checksum", v.Dist.URL)
				}
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// wholeNight takes the base URL out of a night's metadata again: what is left
// has to have the checksums of the manifest.
func wholeNight(dir, name, base string) error {
	folder := filepath.Join(dir, nightsDir, name)
	data, err := os.ReadFile(filepath.Join(folder, releases.ManifestName))
	if err != nil {
		return err
	}
	n := &night{name: name}
	if err := n.readManifest(data); err != nil {
		return err
	}
	var errs []error
	for _, f := range n.manifest.Files {
		data, err := os.ReadFile(filepath.Join(folder, f.Path))
		data = bytes.ReplaceAll(data, []byte(base+nightsDir+"/"+name+"/"), nil)
		data = bytes.ReplaceAll(data, []byte(base), nil)
		if err == nil && digest(data) != f.SHA256 {
			err = fmt.Errorf("%s of night %s does not have its checksum", f.Path, name)
		}
		errs = append(errs, err)
	}
	for _, p := range n.manifest.Packages {
		data, err := os.ReadFile(filepath.Join(dir, p.Dist.Path))
		if err == nil && digest(data) != p.Dist.SHA256 {
			err = fmt.Errorf("%s of night %s does not have its checksum", p.Dist.Path, name)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// listing gives the content of all files of a folder by their path, the lock
// file apart.
func listing(t testing.TB, dir string) map[string]string {
	t.Helper()
	files, err := readFolder(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for name, data := range files {
		if name != lockFile {
			found[name] = string(digest(data))
		}
	}
	return found
}
