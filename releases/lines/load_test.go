package lines

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/golden"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/sample"
)

func TestNames(t *testing.T) {
	if diff := cmp.Diff([]string{"mageos", "mirror", "nightly", "release", "sample", "sample-release", "upstream-nightly"}, Names()); diff != "" {
		t.Error(diff)
	}
}

func TestLoadEmbedded(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			line, err := Load(name)
			if err != nil {
				t.Fatal(err)
			}
			if line.Name != name {
				t.Errorf("its name is %q", line.Name)
			}
			if err := Check(line); err != nil {
				t.Errorf("Check: %v", err)
			}
			roundTrip(t, line)
		})
	}
}

// roundTrip checks that a line is the same after it was written as JSON and read.
func roundTrip(t *testing.T, line *releases.Line) {
	t.Helper()
	data, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	var again releases.Line
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(line, &again); diff != "" {
		t.Errorf("after a round trip through JSON (-before +after):\n%s", diff)
	}
}

// TestRefs holds the repositories of the two lines of Mage-OS, as its nightly
// builds have them.
func TestRefs(t *testing.T) {
	const base = "https://github.com/mage-os/"
	for _, c := range []struct{ line, golden string }{
		{"nightly", "nightly.refs.golden"},
		{"upstream-nightly", "upstream-nightly.refs.golden"},
	} {
		t.Run(c.line, func(t *testing.T) {
			line, err := Load(c.line)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, r := range line.Repositories {
				got.WriteString(r.Name + " " + strings.TrimPrefix(r.URL, base) + " " + r.Ref + "\n")
			}
			golden.Compare(t, "testdata/"+c.golden, []byte(got.String()))
		})
	}
}

func TestDefaults(t *testing.T) {
	got, err := Parse("line.yaml", []byte(`
name: small
vendor: acme
url: http://127.0.0.1:8080/
repositories:
  - name: shop
    url: file:///srv/git/shop
    ref: "2.4"
    packages:
      - directory: .
        base:
          manifest: {type: library, name: acme/base}
editions:
  - {name: product, type: product, repository: shop, description: All}
  - {name: project, type: project, repository: shop, description: Shop, product: product}
`))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := composer.ParseManifest([]byte(`{"type": "library", "name": "acme/base"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &releases.Line{
		Name: "small", Title: "small", Vendor: "acme", Rename: map[string]string{}, URL: "http://127.0.0.1:8080/",
		Versions: releases.Versions{Policy: "nightly", Fallback: "0.0.1", SkipTags: []string{"v*"}},
		Composer: []releases.ComposerRepository{{URL: "https://repo.packagist.org"}},
		Repositories: []releases.Repository{{Name: "shop", URL: "file:///srv/git/shop", Ref: "2.4", Packages: []releases.Package{{
			Directory: ".", Exclude: []string{},
			Base: &releases.Base{Manifest: manifest, EmptyDirectories: []string{}, Require: "official"},
		}}}},
		Editions: []releases.Edition{
			{Name: "product", Type: "product", Repository: "shop", Description: "All", Require: []releases.Require{}},
			{Name: "project", Type: "project", Repository: "shop", Description: "Shop", Product: "product", Require: []releases.Require{}},
		},
		Edits: []releases.Edit{}, Install: releases.Install{
			Project: "project", Run: []string{}, Expect: []string{}, Level: "install", Search: "none",
			Matrix: releases.Matrix{PHP: []string{}, Database: []string{}, Search: []string{}}, Images: map[string]string{},
		},
		Keep: 14,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestExplicitChoices(t *testing.T) {
	got, err := Parse("line.yaml", []byte(`
name: small
vendor: acme
url: https://nightly.example.org/
versions: {skip-tags: []}
composer-repositories: []
upstream: null
repositories:
  - &shop
    name: shop
    url: embedded:shop
    ref: main
    packages: &all [{each: packages}]
  - {name: copy, url: "embedded:copy", ref: main, packages: *all}
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Composer) != 0 || len(got.Versions.SkipTags) != 0 || got.Upstream != nil {
		t.Errorf("Composer %v, SkipTags %v, Upstream %v: want none of them", got.Composer, got.Versions.SkipTags, got.Upstream)
	}
	if diff := cmp.Diff(got.Repositories[0].Packages, got.Repositories[1].Packages); diff != "" {
		t.Errorf("packages of the alias differ:\n%s", diff)
	}
}

// TestCheck: a line that no file made is held against the same rules.
func TestCheck(t *testing.T) {
	line := func() *releases.Line {
		return &releases.Line{Name: "a", Title: "a", Vendor: "a", URL: "https://a.example.org/", Keep: 1, Versions: releases.Versions{Policy: "nightly", Fallback: "1.0"},
			Repositories: []releases.Repository{{Name: "a", URL: "embedded:a", Ref: "main", Local: true, Packages: []releases.Package{{Directory: "."}}}},
			Install:      releases.Install{Level: "install", Search: "none"}}
	}
	if err := Check(line()); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(l *releases.Line){
		"repositories[a].url: \"organization:x\":": func(l *releases.Line) { l.Repositories[0].URL = "organization:x" },
		"repositories[a].ref: \"-x\"":              func(l *releases.Line) { l.Repositories[0].Ref = "-x" },
		"vendor: \"../x\"":                         func(l *releases.Line) { l.Vendor = "../x" },
		"lock: there is no repository":             func(l *releases.Line) { l.Lock = "b" },
		"keep: 0: want a number":                   func(l *releases.Line) { l.Keep = 0 },
	} {
		l := line()
		spoil(l)
		if err := Check(l); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestManifestOrder: composer.json keeps the order of the keys in the file.
func TestManifestOrder(t *testing.T) {
	line, err := Load("upstream-nightly")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range line.Repositories[0].Packages {
		if p.Base != nil {
			golden.Compare(t, "testdata/base.golden", p.Base.Manifest.Encode())
			return
		}
	}
	t.Error("no base package")
}

func TestLoadFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "mine.yaml")
	if err := os.WriteFile(file, []byte(goodLine), 0o644); err != nil {
		t.Fatal(err)
	}
	line, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if line.Name != "mine" {
		t.Errorf("Name = %q", line.Name)
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, arg, want string }{
		{"unknown name", "nightlyy", `release line "nightlyy": there is no such line, did you mean nightly?`},
		{"unknown name like no other", "x", `there is no such line; want mageos, mirror, nightly, release, sample, sample-release or upstream-nightly; a file of yours is named with its ending, as in x.yaml`},
		{"nothing", "", `release line ""`},
		{"missing file", filepath.Join(dir, "no.yaml"), "no such file or directory; mageos-nightly lines lists"},
		{"folder", dir, "is no plain file"},
		{"endless", "/dev/zero", "/dev/zero is no plain file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(c.arg)
			var bad *config.Error
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Load: %v, want a *config.Error with %q", err, c.want)
			}
		})
	}
	if _, err := Load(filepath.Join(dir, "no.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v, want fs.ErrNotExist", err)
	}
}

// TestSampleIsWhole: every source that the sample line names is carried along.
func TestSampleIsWhole(t *testing.T) {
	line, err := Load("sample")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range line.Repositories {
		name, ok := releases.IsEmbedded(r.URL)
		if !ok {
			t.Errorf("repository %s is not embedded: %s", r.Name, r.URL)
		}
		for _, p := range r.Packages {
			dir := filepath.ToSlash(filepath.Join("repositories", name, "head", p.Each+p.Directory+p.Metapackage))
			if _, err := fs.Stat(sample.Sources, dir); err != nil {
				t.Error(err)
			}
		}
	}
}

// The carried table can be a matrix of a line as it is.
func TestServicesAsMatrix(t *testing.T) {
	services, err := releases.ParseServices(releases.ServicesJSON())
	if err != nil {
		t.Fatal(err)
	}
	for project, entries := range services {
		for _, s := range entries {
			line := goodParsed(t)
			line.Install.Matrix = releases.Matrix{PHP: s.PHP, Database: s.Database, Search: s.Search}
			if err := Check(line); len(s.PHP) == 0 || len(s.Database) == 0 || len(s.Search) == 0 || err != nil {
				t.Errorf("%s %s: %+v, %v", project, s.Versions, s, err)
			}
		}
	}
}
