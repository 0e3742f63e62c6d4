package install

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// published is a folder that mageos-nightly nightly published a real distribution to.
const published = "NIGHTLY_PUBLISHED"

// realFixture is the newest night of a published folder, as the build stage gives
// it, with a change to its files by path.
func realFixture(t *testing.T, change func(files map[string][]byte)) *fixture {
	t.Helper()
	folder := os.Getenv(published)
	if folder == "" {
		t.Skipf("%s is not set: it names a folder that mageos-nightly nightly published a real distribution to", published)
	}
	snapshots, err := filepath.Glob(filepath.Join(folder, "nights", "*", releases.ManifestName))
	if err != nil || len(snapshots) == 0 {
		t.Fatalf("%s has no night: %v", folder, err)
	}
	dir := filepath.Dir(snapshots[len(snapshots)-1])
	manifest := decodeFile[releases.Manifest](t, filepath.Join(dir, releases.ManifestName))
	s, err := store.Open(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	files := map[string][]byte{}
	for _, p := range manifest.Packages {
		if p.Dist != nil {
			files[p.Dist.Path] = readFile(t, filepath.Join(folder, filepath.FromSlash(p.Dist.Path)))
		}
	}
	url := manifest.Plan.Line.URL
	for _, file := range manifest.Files {
		text := string(readFile(t, filepath.Join(dir, filepath.FromSlash(file.Path))))
		text = strings.ReplaceAll(text, url+manifest.Snapshot.Dir()+"/", "")
		files[file.Path] = []byte(strings.ReplaceAll(text, url, ""))
	}
	if change != nil {
		change(files)
	}
	return &fixture{options: realOptions(t, s), candidate: realCandidate(t, s, &manifest, files)}
}

// realOptions has the work folder where NIGHTLY_WORK says, so that it can be
// looked at afterwards.
func realOptions(t *testing.T, s *store.Store) Options {
	work := os.Getenv("NIGHTLY_WORK")
	if work == "" {
		work = t.TempDir()
	}
	return Options{
		Store: s, Dir: filepath.Join(work, "work"), Now: time.Now,
		Environ: os.Environ(), Progress: func(step pipeline.Step) {
			if step.Total == 0 {
				t.Logf("%s", step.Item)
			}
		},
	}
}

func realCandidate(t *testing.T, s *store.Store, m *releases.Manifest, files map[string][]byte) stages.Candidate {
	t.Helper()
	snapshot := stages.Snapshot{Name: m.Snapshot, URL: m.Plan.Line.URL, Keep: 1}
	for _, p := range m.Packages {
		n := stages.SnapshotPackage{Name: p.Name, Version: p.Version, Type: p.Type}
		if p.Dist != nil {
			n.Dist = p.Dist.Path
		}
		snapshot.Packages = append(snapshot.Packages, n)
		if p.Name == m.Plan.Line.Vendor+"/"+m.Plan.Line.Install.Project {
			snapshot.Project, snapshot.Version = p.Name, p.Version
		}
	}
	var list []pipeline.File
	for path, data := range files {
		digest, size, err := s.Add(t.Context(), bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, pipeline.File{Path: path, Mode: pipeline.Regular, Size: size, Digest: digest})
	}
	tree, err := s.Save(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	snapshot.Tree = tree
	return stages.CandidateOf(&m.Plan, snapshot, releases.Cell{Search: releases.NoSearch}, nil)
}

func decodeFile[T any](t *testing.T, file string) T {
	t.Helper()
	var value T
	if err := json.Unmarshal(readFile(t, file), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func readFile(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestRealShop installs a real distribution at the level that NIGHTLY_LEVEL
// names, without a search and with the stand-in.
func TestRealShop(t *testing.T) {
	needTools(t)
	for _, search := range []string{releases.NoSearch, releases.StandInSearch} {
		t.Run(search, func(t *testing.T) {
			f := realFixture(t, nil)
			f.candidate.Cell.Search = search
			f.candidate.Install.Level = releases.Level(os.Getenv("NIGHTLY_LEVEL"))
			tools, err := f.options.Services.Tools(t.Context(), f.options.Programs, f.candidate.Install.Level, f.candidate.Cell)
			if err != nil {
				t.Fatal(err)
			}
			f.candidate.Tools = tools
			made, err := Stage(f.options).Run(t.Context(), f.candidate)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s", made.Summary())
		})
	}
}
