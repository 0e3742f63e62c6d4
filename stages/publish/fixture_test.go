package publish

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
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
	"github.com/mage-os/nightly/stages/publish/target"
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

type stored struct{ *bytes.Reader }

func (stored) Close() error { return nil }

func (m *memory) Open(_ context.Context, d pipeline.Digest) (pipeline.Content, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.contents[d]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return stored{bytes.NewReader(data)}, nil
}

// add stores a folder of files as a tree.
func (m *memory) add(files map[string][]byte) pipeline.Tree {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []pipeline.File
	tree := pipeline.Tree{Files: len(files)}
	var named strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		data := files[name]
		m.contents[pipeline.DigestOf(data)] = data
		list = append(list, pipeline.File{Path: name, Mode: pipeline.Regular, Size: int64(len(data)), Digest: pipeline.DigestOf(data)})
		tree.Size += int64(len(data))
		fmt.Fprintf(&named, "%s %s\n", name, pipeline.DigestOf(data))
	}
	tree.Digest = pipeline.DigestOf([]byte(named.String()))
	m.trees[tree.Digest] = list
	return tree
}

// A sample is a night of a made-up distribution: modules whose version has the
// date, and a language whose version and bytes are the same every night.
type sample struct {
	name    releases.SnapshotName
	modules int
	change  string // goes into the code of the modules
	commit  string // first two digits of the shop's commit; empty: a1
	size    int    // of the noise in each module, in bytes
	more    int    // versions of each module of an addition, beside the first
	local   bool
	line    func(*releases.Line) // changes the line; nil: not
}

func (s sample) version() string {
	switch s.name.Kind() {
	case releases.Release:
		return string(s.name)
	case releases.Addition:
		return fmt.Sprintf("2.4.%d", dayOf(s.name).Day())
	case releases.Preview:
		return fmt.Sprintf("2.%d.%d-dev", s.name.Number(), dayOf(s.name).Day())
	}
	return "2.4.8-alpha" + strings.ReplaceAll(string(s.name), "-", "")
}

// build makes the snapshot's folder as the package build does.
func (s sample) build(t testing.TB, store *memory) stages.Snapshot {
	t.Helper()
	version := s.version()
	m := &releases.Manifest{
		Format: releases.ManifestFormat, Snapshot: s.name, Program: releases.Program, Local: s.local,
		Stages: map[string]int{"build": 1}, Plan: s.plan(),
	}
	files := map[string][]byte{}
	var names []string
	project := []releases.Requirement{}
	for i := range s.modules {
		name := fmt.Sprintf("acme/module-%03d", i)
		requires := []releases.Requirement{{Name: "php", Constraint: ">=8.1", Evidence: "declared"}, {Name: "acme/language", Constraint: "1.0.0", Evidence: "Block/List.php:12"}}
		var more []composer.PackageVersion
		for n := range s.more {
			more = append(more, s.addPackage(t, m, files, name, fmt.Sprintf("%s-p%d", version, n+1), "magento2-module", requires))
		}
		s.addPackage(t, m, files, name, version, "magento2-module", requires, more...)
		names = append(names, name)
		project = append(project, releases.Requirement{Name: name, Constraint: version, Evidence: "declared"})
	}
	s.addPackage(t, m, files, "acme/language", "1.0.0", "magento2-language", nil)
	s.addPackage(t, m, files, "acme/project-shop", version, "project", project)
	names = append(names, "acme/language", "acme/project-shop")
	slices.Sort(names)
	slices.SortStableFunc(m.Packages, func(a, b releases.ManifestPackage) int { return strings.Compare(a.Name, b.Name) })
	files[stages.PackagesFile] = mustJSON(t, map[string]any{"packages": []any{}, "metadata-url": "p2/%package%.json", "available-packages": names})
	for name, data := range files {
		if !strings.HasPrefix(name, stages.DistsDir) {
			m.Files = append(m.Files, releases.ManifestFile{Path: name, Size: int64(len(data)), SHA256: pipeline.DigestOf(data)})
		}
	}
	slices.SortFunc(m.Files, func(a, b releases.ManifestFile) int { return strings.Compare(a.Path, b.Path) })
	files[releases.ManifestName] = mustJSON(t, m)
	return stages.Snapshot{
		Name: s.name, Local: s.local, URL: testURL, Project: "acme/project-shop", Version: version, Tree: store.add(files),
	}
}

func (s sample) plan() releases.Plan {
	commit := cmp.Or(s.commit, "a1")
	line := releases.Line{Name: "acme", Title: "Acme <nightly> & co", Vendor: "acme", URL: testURL, Install: releases.Install{Project: "project-shop"}}
	plan := releases.Plan{Format: releases.PlanFormat, Program: releases.Program, Date: dayOf(s.name).Format(time.DateOnly), Number: s.name.Number()}
	for _, r := range []releases.PlannedRepository{
		{Name: "shop", URL: "https://bot@github.com/acme/shop.git", Ref: "refs/heads/main", Commit: strings.Repeat(commit, 20)},
		{Name: "language", URL: "embedded:language", Ref: "refs/heads/main", Commit: strings.Repeat("b2", 20)},
	} {
		line.Repositories = append(line.Repositories, releases.Repository{Name: r.Name, URL: r.URL, Ref: "main"})
		plan.Repositories = append(plan.Repositories, r)
	}
	if s.line != nil {
		s.line(&line)
	}
	if s.name.Kind() == releases.Preview {
		plan.Preview = &releases.PlannedPreview{Label: "pr1", Until: "2026-12-01"}
		plan.Repositories[0].Merged = []releases.Merged{{Title: "acme/shop#1", URL: "https://github.com/acme/shop.git", Ref: "refs/pull/1/head", Commit: strings.Repeat("c3", 20)}}
	}
	plan.Line = line
	return plan
}

// addPackage adds a version of a package, whose metadata has others, too.
func (s sample) addPackage(t testing.TB, m *releases.Manifest, files map[string][]byte, name, version, kind string, requires []releases.Requirement, others ...composer.PackageVersion) composer.PackageVersion {
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
		noise := make([]byte, s.size/2)
		_, _ = rand.NewChaCha8(sha256.Sum256([]byte(name + version))).Read(noise) // never fails
		code += "// " + string(s.name) + s.change + "\n// " + hex.EncodeToString(noise) + "\n"
	}
	data := zipOf(t, map[string]string{"composer.json": string(manifest.Encode()), "src/Code.php": code})
	sum := sha1.Sum(data)
	dist := &releases.ManifestDist{
		Path: stages.DistsDir + "/" + name + "-" + version + ".zip",
		Size: int64(len(data)), SHA1: hex.EncodeToString(sum[:]), SHA256: pipeline.DigestOf(data),
	}
	files[dist.Path] = data
	one := composer.PackageVersion{Manifest: manifest, Dist: &composer.Dist{Type: "zip", URL: dist.Path, Reference: dist.SHA1, SHASum: dist.SHA1}}
	metadata, err := composer.EncodeMetadata(composer.Name(name), append(others, one))
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
	return one
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

// dayOf is the day of a night; other snapshots are of 2026-11-24.
func dayOf(name releases.SnapshotName) time.Time {
	date, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(string(name), "mirror-"), "preview-"), ".")
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		day = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	}
	return day
}

// options publish in the night, at three o'clock.
func options(t testing.TB, store pipeline.Reader, name releases.SnapshotName) Options {
	t.Helper()
	return Options{Store: store, Owner: "test", Now: dayOf(name).Add(3*time.Hour + time.Duration(name.Number())*time.Hour)}
}

// publishSnapshot publishes a sample to a target.
func publishSnapshot(t testing.TB, s sample, to string, change func(*stages.PublishRequest)) (stages.Publication, error) {
	t.Helper()
	store := newMemory()
	r := stages.PublishRequest{Snapshot: s.build(t, store), To: to}
	if change != nil {
		change(&r)
	}
	return Stage(options(t, store, s.name)).Run(t.Context(), r)
}

func mustPublish(t testing.TB, s sample, to string, change func(*stages.PublishRequest)) stages.Publication {
	t.Helper()
	p, err := publishSnapshot(t, s, to, change)
	if err != nil {
		t.Fatalf("publish %s: %v", s.name, err)
	}
	return p
}

// folderTarget is a folder as a target.
func folderTarget(dir string) target.Target {
	t, err := target.Open(context.Background(), dir, target.Options{})
	if err != nil {
		panic(err) // a folder is opened when it is read
	}
	return t
}

func switchOf(dir string) (switchFile, error) {
	return readSwitch(context.Background(), folderTarget(dir))
}

func snapshotsIn(dir string) ([]releases.SnapshotName, error) {
	return Snapshots(context.Background(), folderTarget(dir))
}

// whole says what is wrong with a published folder.
func whole(dir string) error { return wholeTarget(context.Background(), folderTarget(dir)) }

// wholeTarget says what is wrong with a published repository, as a client sees it:
// from packages.json to the metadata, from there to every dist with its checksum,
// and every night with all files of its manifest.
func wholeTarget(ctx context.Context, t target.Target) error {
	s, err := readSwitch(ctx, t)
	if err != nil {
		return err
	}
	dists := &readDists{target: t, sums: map[string][2]string{}}
	errs := []error{wholeMetadata(ctx, t, s, dists)}
	if len(s.Available) == 0 || len(s.Nightly.Snapshots) == 0 {
		errs = append(errs, errors.New("packages.json names no packages or nights"))
	}
	all, _, err := readSnapshots(ctx, t, s.Nightly.URL, nil)
	errs = append(errs, err)
	for _, name := range append(slices.Clone(s.Nightly.Snapshots), s.Nightly.Withdrawn...) {
		if !slices.Contains(names(all), name) {
			errs = append(errs, fmt.Errorf("%s is not in its folder", name.Title()))
		}
	}
	for _, n := range all { // also those in their grace
		errs = append(errs, wholeSnapshot(ctx, t, n, s.Nightly.URL, dists))
	}
	return errors.Join(errs...)
}

// readDists reads each dist once.
type readDists struct {
	target target.Target
	sums   map[string][2]string // SHA-1 and SHA-256
}

func (d *readDists) of(ctx context.Context, name string) (sha1Sum, sha256Sum string, err error) {
	sums, ok := d.sums[name]
	if !ok {
		data, err := target.Read(ctx, d.target, name)
		if err != nil {
			return "", "", err
		}
		sum := sha1.Sum(data)
		sums = [2]string{hex.EncodeToString(sum[:]), string(pipeline.DigestOf(data))}
		d.sums[name] = sums
	}
	return sums[0], sums[1], nil
}

func wholeMetadata(ctx context.Context, t target.Target, s switchFile, dists *readDists) error {
	at, ok := strings.CutPrefix(s.MetadataURL, s.Nightly.URL)
	if !ok {
		return fmt.Errorf("metadata-url %s", s.MetadataURL)
	}
	var errs []error
	for _, pkg := range s.Available {
		for _, name := range []string{pkg, pkg + "~dev"} {
			data, err := target.Read(ctx, t, strings.ReplaceAll(at, "%package%", name))
			if err != nil {
				errs = append(errs, err)
				continue
			}
			var file struct {
				Packages map[string][]struct{ Dist composer.Dist } `json:"packages"`
			}
			errs = append(errs, json.Unmarshal(data, &file))
			for _, v := range file.Packages[pkg] {
				sum, _, err := dists.of(ctx, strings.TrimPrefix(v.Dist.URL, s.Nightly.URL))
				if err == nil && sum != v.Dist.SHASum {
					err = fmt.Errorf("%s does not have its checksum", v.Dist.URL)
				}
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// wholeSnapshot takes the base URL out of a night's metadata again: what is left has
// to have the checksums of the manifest.
func wholeSnapshot(ctx context.Context, t target.Target, n *snapshot, base string, dists *readDists) error {
	var errs []error
	m, err := n.manifest(ctx)
	if err != nil {
		return err
	}
	for _, f := range m.Files {
		data, err := target.Read(ctx, t, snapshotFile(n.name, f.Path))
		data = bytes.ReplaceAll(data, []byte(base+n.name.Dir()+"/"), nil)
		data = bytes.ReplaceAll(data, []byte(base), nil)
		if err == nil && pipeline.DigestOf(data) != f.SHA256 {
			err = fmt.Errorf("%s of %s does not have its checksum", f.Path, n.name.Title())
		}
		errs = append(errs, err)
	}
	for path, want := range distsOf([]*snapshot{n}) {
		_, sum, err := dists.of(ctx, path)
		if err == nil && sum != string(want) {
			err = fmt.Errorf("%s of %s does not have its checksum", path, n.name.Title())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// noLeftovers says what lies in a repository that nothing names.
func noLeftovers(ctx context.Context, t target.Target, snapshots int) error {
	s, err := readSwitch(ctx, t)
	if err != nil {
		return err
	}
	var errs []error
	all, torn, err := readSnapshots(ctx, t, s.Nightly.URL, nil)
	if errs = append(errs, err); len(torn) > 0 {
		errs = append(errs, fmt.Errorf("nights in part: %v", torn))
	}
	named := distsOf(all)
	entries, err := target.Walk(ctx, t, stages.DistsDir)
	errs = append(errs, err)
	for _, e := range entries {
		if _, ok := named[e.Name]; !ok && !e.Dir {
			errs = append(errs, fmt.Errorf("stray dist %s", e.Name))
		}
	}
	if snapshots > 0 && len(all) > snapshots {
		errs = append(errs, fmt.Errorf("nights held: %v", names(all)))
	}
	return errors.Join(errs...)
}

// readFolder reads all files of a folder, by their slash-separated paths.
func readFolder(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = data
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// listing gives the content of all files of a folder by their path, the lock
// file apart.
func listing(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for name, data := range readFolder(t, dir) {
		if name != lockFile {
			found[name] = string(pipeline.DigestOf(data))
		}
	}
	return found
}

// The names that a folder's lock and temporaries have.
const (
	lockFile = ".publish.lock"
	tempDir  = ".publish"
)
