package build

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/lines"
	"github.com/mage-os/nightly/stages"
)

// A fixture is a small distribution with the input of its build. Tests change
// its files before input is called.
type fixture struct {
	files map[string]string // repository/path → content, and line.yaml
	store *store.Store
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "shop.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	f := &fixture{files: map[string]string{}, store: s}
	for _, file := range archive.Files {
		f.files[file.Name] = string(file.Data)
	}
	return f
}

// replace changes a text of a file, which must be there.
func (f *fixture) replace(t *testing.T, file, before, after string) {
	t.Helper()
	if !strings.Contains(f.files[file], before) {
		t.Fatalf("%s does not hold %q", file, before)
	}
	f.files[file] = strings.Replace(f.files[file], before, after, 1)
}

func (f *fixture) tree(t *testing.T, repository string) pipeline.Tree {
	t.Helper()
	var files []pipeline.File
	for name, content := range f.files {
		rest, ok := strings.CutPrefix(name, repository+"/")
		if !ok {
			continue
		}
		digest, size, err := f.store.Add(t.Context(), strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		mode := pipeline.Regular
		if strings.HasPrefix(content, "#!") {
			mode = pipeline.Executable
		}
		files = append(files, pipeline.File{Path: rest, Mode: mode, Size: size, Digest: digest})
	}
	tree, err := f.store.Save(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// input is the build's input, with the packages as the stage before it would
// find them.
func (f *fixture) input(t *testing.T) stages.Build {
	t.Helper()
	line, err := lines.Parse("shop.yaml", []byte(f.files["line.yaml"]))
	if err != nil {
		t.Fatal(err)
	}
	in := stages.Build{Program: "1.2.3", Stages: map[string]int{"checkout": 7}, Plan: releases.Plan{
		Format: releases.PlanFormat, Program: "0.0.0", Line: *line, Date: "2026-11-24",
		Replace: map[string]string{"acme/product": "2.4.8-p2", "acme/module-log": "100.4.5", "acme/all": "1.2.0"},
	}}
	for _, r := range line.Repositories {
		in.Plan.Repositories = append(in.Plan.Repositories, releases.PlannedRepository{
			Name: r.Name, URL: r.URL, Ref: "refs/heads/main", Commit: strings.Repeat("c0", 20),
		})
		in.Sources.Repositories = append(in.Sources.Repositories, stages.Source{Name: r.Name, Head: f.tree(t, r.Name)})
	}
	in.Dependencies.Packages = []stages.Package{
		{Repository: "shop", Directory: "app/code/Acme/Log", Kind: stages.Plain, Name: "acme/module-log", BaseVersion: "100.4.6-p1",
			Requires: requires("php", "~8.3.0", "ext-intl", "*", "psr/log-implementation", "^3.0", "third/unwanted", "^1", "acme/plugin", "~1.0")},
		{Repository: "shop", Directory: ".", Kind: stages.Base, Name: "acme/shop-base", BaseVersion: "2.4.8-p1",
			Exclude: []string{"app/code/", "composer.lock", ".gitignore"}, Requires: requires("acme/magento-composer-installer", "*", "php", "~8.3.0", "monolog/monolog", "^3.6")},
		{Repository: "extras", Directory: "plugin", Kind: stages.Plain, Name: "acme/plugin", BaseVersion: "1.0.0", Exclude: []string{"tests"},
			Requires: requires("composer-plugin-api", "^2.0")},
		{Repository: "extras", Directory: "all", Kind: stages.Metapackage, Name: "acme/all", Requires: requires("acme/plugin", "1.*")},
		{Repository: "shop", Directory: ".", Kind: stages.Product, Name: "acme/product", Edition: "product", BaseVersion: "2.4.8-p1",
			Requires: requires("php", "~8.3.0", "monolog/monolog", "^3.6", "acme/magento-composer-installer", "*", "acme/module-log", "*",
				"acme/all", "*", "third/tool", "^2.0", "acme/shop-base", "*")},
		{Repository: "shop", Directory: ".", Kind: stages.Project, Name: "acme/project", Edition: "project", BaseVersion: "2.4.8-p1",
			Requires: requires("acme/product", "*", "acme/plugin", "*")},
	}
	return in
}

// requires makes declared requires of names and constraints, in turns.
func requires(pairs ...string) []releases.Requirement {
	var out []releases.Requirement
	for pair := range slices.Chunk(pairs, 2) {
		out = append(out, releases.Requirement{Name: pair[0], Constraint: pair[1], Evidence: "declared"})
	}
	return out
}

// folderOf reads a whole tree.
func folderOf(t *testing.T, s pipeline.Reader, tree pipeline.Tree) map[string][]byte {
	t.Helper()
	files, err := pipeline.List(t.Context(), s, tree)
	if err != nil {
		t.Fatal(err)
	}
	folder := map[string][]byte{}
	for _, f := range files.Below(".") {
		if path.Ext(f.Path) == ".zip" {
			folder[f.Path] = nil
			continue
		}
		data, err := files.Read(t.Context(), f.Path, stages.MaxText)
		if err != nil {
			t.Fatal(err)
		}
		folder[f.Path] = data
	}
	return folder
}
