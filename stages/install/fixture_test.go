package install

import (
	"archive/zip"
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/sample"
	"github.com/mage-os/nightly/stages"
)

const (
	version = "1.0.0.1-alpha20261124"
	public  = "https://nightly.example.org/"
	greeter = "tiny-os/module-greeting"
)

// needTools skips a test on a machine without PHP or Composer.
func needTools(t *testing.T) {
	t.Helper()
	for _, name := range []string{"php", "composer"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("needs %s: %v", name, err)
		}
	}
}

// A source is a package of a small night that a test can change.
type source struct {
	manifest string
	files    map[string]string
	shasum   func(string) string // as metadata has it
	unlisted bool                // the snapshot does not serve it
	damaged  bool                // its zip ends too early
}

// tiny are the sources of a night of three packages.
func tiny() map[string]*source {
	return map[string]*source{
		"tiny-os/project-community-edition": {
			manifest: `{"name":"tiny-os/project-community-edition","version":"` + version + `","type":"project",
				"require":{"tiny-os/product-community-edition":"` + version + `"},
				"repositories":[{"type":"composer","url":"` + public + `"}],"minimum-stability":"alpha"}`,
			files: map[string]string{"pub/index.php": `<?php
				require __DIR__ . '/../vendor/autoload.php';
				echo Tiny\Greeting::text(), PHP_EOL;`},
		},
		"tiny-os/product-community-edition": {
			manifest: `{"name":"tiny-os/product-community-edition","version":"` + version + `","type":"metapackage",
				"require":{"` + greeter + `":"` + version + `"}}`,
		},
		greeter: {
			manifest: `{"name":"` + greeter + `","version":"` + version + `","type":"library",
				"require":{"acme/text":"^1.0"},"replace":{"upstream/module-greeting":"1.0.0-p3"},"autoload":{"psr-4":{"Tiny\\":""}}}`,
			files: map[string]string{"Greeting.php": `<?php
				namespace Tiny;
				class Greeting {
					static function text() { return \Acme\Text\Sentence::capitalised("hello from a module"); }
				}`},
		},
	}
}

// A fixture is a night in a store, and the options to install it.
type fixture struct {
	options   Options
	candidate stages.Candidate
}

// newFixture builds a night of the sources.
func newFixture(t *testing.T, sources map[string]*source) *fixture {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	thirdParty := filepath.Join(dir, "third party") // a blank must do no harm
	if err := sample.WriteThirdParty(thirdParty); err != nil {
		t.Fatal(err)
	}
	f := &fixture{
		options: Options{
			Store: s, Dir: filepath.Join(dir, "work folder"),
			Locate: func(url string) (string, error) {
				if url != "embedded:third-party" {
					return "", fmt.Errorf("no %s", url)
				}
				return thirdParty, nil
			},
		},
		candidate: stages.Candidate{
			Composer: []releases.ComposerRepository{{URL: "embedded:third-party"}},
			Install:  releases.Install{Run: []string{"pub/index.php"}, Expect: []string{"Hello from a module"}},
			Replaced: []stages.Replaced{{Package: greeter, Upstream: "upstream/module-greeting", Version: "1.0.0-p3"}},
			Tools:    []stages.Tool{{Name: "php", Version: "8"}, {Name: "composer", Version: "2"}},
			Snapshot: stages.Snapshot{
				Name: "2026-11-24", URL: public, Project: "tiny-os/project-community-edition", Version: version,
			},
		},
	}
	f.build(t, s, sources)
	return f
}

// build puts the snapshot's folder into the store.
func (f *fixture) build(t *testing.T, s *store.Store, sources map[string]*source) {
	t.Helper()
	var files []pipeline.File
	add := func(path string, data []byte) {
		digest, size, err := s.Add(t.Context(), bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, pipeline.File{Path: path, Mode: pipeline.Regular, Size: size, Digest: digest})
	}
	add(stages.PackagesFile, []byte(`{"packages":[],"metadata-url":"p2/%package%.json"}`))
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		src := sources[name]
		archive := zipOf(t, src)
		if src.damaged {
			archive = archive[:len(archive)/2]
		}
		m, err := composer.ParseManifest([]byte(src.manifest))
		if err != nil {
			t.Fatal(err)
		}
		path := stages.DistsDir + "/" + name + "-" + m.Version() + ".zip"
		add(path, archive)
		f.candidate.Snapshot.Packages = append(f.candidate.Snapshot.Packages,
			stages.SnapshotPackage{Name: name, Version: m.Version(), Type: m.Type(), Dist: path})
		if !src.unlisted {
			add(stages.MetadataDir+"/"+name+".json", metadata(t, composer.Name(name), m, path, src.sum(archive)))
		}
	}
	tree, err := s.Save(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	f.candidate.Snapshot.Tree = tree
}

func (src *source) sum(archive []byte) string {
	sum := sha1.Sum(archive)
	text := hex.EncodeToString(sum[:])
	if src.shasum != nil {
		return src.shasum(text)
	}
	return text
}

func metadata(t *testing.T, name composer.Name, m *composer.Manifest, path, sum string) []byte {
	t.Helper()
	dist := &composer.Dist{Type: "zip", URL: path, Reference: "0123456789012345678901234567890123456789", SHASum: sum}
	data, err := composer.EncodeMetadata(name, []composer.PackageVersion{{Manifest: m, Dist: dist}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func zipOf(t *testing.T, src *source) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	files := maps.Clone(src.files)
	if files == nil {
		files = map[string]string{}
	}
	files["composer.json"] = src.manifest
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
