package drift

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

func read(t *testing.T, text string) Report {
	t.Helper()
	return folder(t, txtar.Parse([]byte(text)), nil)
}

func open4Test(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// The same packages in another order, and read from the cache, give the same
// report.
func TestDeterministic(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/view.txtar")
	if err != nil {
		t.Fatal(err)
	}
	files, err := txtar.FS(archive)
	if err != nil {
		t.Fatal(err)
	}
	s := open4Test(t)
	in, err := Clone(t.Context(), s, files, "repo")
	if err != nil {
		t.Fatal(err)
	}
	run := func(in Input) Report {
		t.Helper()
		r, err := pipeline.Run(t.Context(), &pipeline.Session{}, Stage(Options{Store: s}), in)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	want := run(in)
	slices.Reverse(in.Dependencies.Packages)
	for range 3 {
		if diff := cmp.Diff(want, run(in)); diff != "" {
			t.Fatalf("report (-want +got):\n%s", diff)
		}
	}
}

// In a line the base package holds what the root's autoload section says of it,
// its requires are computed, and the names have the vendor of the sources.
func TestLine(t *testing.T) {
	s := open4Test(t)
	files := fstest.MapFS{
		"composer.json":        {Data: []byte(`{"name": "acme/shop", "type": "project", "autoload": {"psr-4": {"Acme\\": "app/code", "Acme\\Setup\\": "setup/src"}}}`)},
		"setup/src/Setup.php":  {Data: []byte(`<?php namespace Acme\Setup; class Setup extends \Acme\A\A {}`)},
		"app/A/composer.json":  {Data: []byte(`{"name": "acme/module-a", "require": {"built/module-b": "*"}, "autoload": {"psr-4": {"Acme\\A\\": ""}}}`)},
		"app/A/A.php":          {Data: []byte(`<?php namespace Acme\A; class A extends \Acme\B\B { private \Acme\Setup\Setup $s; private \Acme\Else\E $e; }`)},
		"app/A/part/Other.php": {Data: []byte(`<?php new \Acme\Excluded\E();`)},
		"app/B/composer.json":  {Data: []byte(`{"name": "acme/module-b", "autoload": {"psr-4": {"Acme\\B\\": ""}}}`)},
	}
	tree := saveFolder(t, s, files)
	packages := []stages.Package{
		{Repository: "shop", Directory: "app/A", Kind: stages.Plain, Name: "acme/module-a", Exclude: []string{"part/"}},
		{Repository: "shop", Directory: "app/B", Kind: stages.Plain, Name: "acme/module-b"},
		{Repository: "shop", Directory: ".", Kind: stages.Base, Name: "acme/base", Exclude: []string{"app/"}, Requires: []releases.Requirement{{Name: "acme/module-b"}}},
		{Repository: "shop", Directory: ".", Kind: stages.Product, Name: "acme/product", Requires: []releases.Requirement{{Name: "acme/base"}}},
	}
	in := InputOf(stages.Analysis{
		Lock: "shop", Vendors: []string{"acme", "built"}, Sources: stages.Sources{Repositories: []stages.Source{{Name: "shop", Head: tree}}},
	}, stages.Dependencies{Packages: packages}, nil)
	r, err := pipeline.Run(t.Context(), &pipeline.Session{}, Stage(Options{Store: s}), in)
	if err != nil {
		t.Fatal(err)
	}
	const want = `acme/module-a: unreachable acme/base "*" (no version of it is known)
    app/A/A.php:1 type Acme\Setup\Setup
unknown: Acme\Else 1 tests=false app/A/A.php:1
`
	if diff := cmp.Diff(want, lines(r)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	in.Only = []string{"another"}
	if r, err = pipeline.Run(t.Context(), &pipeline.Session{}, Stage(Options{Store: s}), in); err != nil || len(r.Packages) != 0 {
		t.Errorf("%d packages of another repository, %v; want none", len(r.Packages), err)
	}
}

func saveFolder(t *testing.T, s pipeline.Store, files fstest.MapFS) pipeline.Tree {
	t.Helper()
	var list []pipeline.File
	for name, file := range files {
		digest, size, err := s.Add(t.Context(), strings.NewReader(string(file.Data)))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, pipeline.File{Path: name, Mode: pipeline.Regular, Size: size, Digest: digest})
	}
	tree, err := s.Save(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// A clone within a line takes the place of the line's packages of its names,
// and classes of the others are known.
func TestWithin(t *testing.T) {
	s := open4Test(t)
	line := Input{
		Vendors: []string{"acme", "built"}, Only: []string{},
		Sources: stages.Sources{Repositories: []stages.Source{{Name: "all", Head: saveFolder(t, s, fstest.MapFS{
			"A/composer.json": {Data: []byte(`{"name": "acme/a", "require": {"acme/b": "*"}, "autoload": {"psr-4": {"Acme\\A\\": ""}}}`)},
			"B/composer.json": {Data: []byte(`{"name": "acme/b", "version": "1.2.3", "autoload": {"psr-4": {"Acme\\B\\": ""}}}`)},
			"B/B.php":         {Data: []byte(`<?php new \Acme\A\A();`)},
		})}}},
		Dependencies: stages.Dependencies{Packages: []stages.Package{
			{Repository: "all", Directory: "A", Kind: stages.Plain, Name: "acme/a"}, {Repository: "all", Directory: "B", Kind: stages.Plain, Name: "acme/b"},
		}},
	}
	clone, err := Clone(t.Context(), s, fstest.MapFS{
		"composer.json": {Data: []byte(`{"name": "built/a", "autoload": {"psr-4": {"Acme\\A\\": ""}}}`)},
		"A.php":         {Data: []byte(`<?php namespace Acme\A; class A extends \Acme\B\B {}`)},
	}, "clone")
	if err != nil {
		t.Fatal(err)
	}
	r, err := pipeline.Run(t.Context(), &pipeline.Session{}, Stage(Options{Store: s}), clone.Within(line))
	if err != nil {
		t.Fatal(err)
	}
	const want = `built/a: unreachable acme/b "1.2.*" (its own version 1.2.3)
    A.php:1 extends Acme\B\B
`
	if diff := cmp.Diff(want, lines(r)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestErrors(t *testing.T) {
	tests := []struct {
		name  string
		files fstest.MapFS
		want  string
	}{
		{"no package", fstest.MapFS{"README.md": {}}, "no composer.json with a name"},
		{"a broken composer.json", fstest.MapFS{"a/composer.json": {Data: []byte(`{"name": `)}}, "a/composer.json"},
		{"a name that is none", fstest.MapFS{"a/composer.json": {Data: []byte(`{"name": "A"}`)}}, `package name "A"`},
		{"a broken lock file", fstest.MapFS{"composer.json": {Data: []byte(`{"name": "a/a"}`)}, "composer.lock": {Data: []byte(`{}`)}}, "composer.lock"},
		{"a huge lock file", fstest.MapFS{"composer.json": {Data: []byte(`{"name": "a/a"}`)}, "composer.lock": {Data: make([]byte, stages.MaxText+1)}}, "composer.lock has 16777217 bytes, more than"},
		{"a manifest that is a pipe", fstest.MapFS{"composer.json": {Mode: fs.ModeNamedPipe}}, "no composer.json with a name"},
		{"a broken installed.json", fstest.MapFS{"composer.json": {Data: []byte(`{"name": "a/a"}`)}, installedFile: {Data: []byte(`{}`)}}, "installed.json"},
		{"a broken autoload section", fstest.MapFS{"composer.json": {Data: []byte(`{"name": "a/a", "autoload": {"psr-4": 7}}`)}}, "autoload"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := open4Test(t)
			in, err := Clone(t.Context(), s, test.files, "repo")
			if err == nil {
				_, err = pipeline.Run(t.Context(), &pipeline.Session{}, Stage(Options{Store: s}), in)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %s", err, test.want)
			}
		})
	}
	s := open4Test(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Clone(ctx, s, fstest.MapFS{"composer.json": {Data: []byte(`{"name": "a/a"}`)}}, "repo"); err == nil {
		t.Error("it read a folder although it was told to stop")
	}
}

// The old form of installed.json is a list, and a project's generated code is
// not looked at. What lies in no other package is the root's.
func TestFolders(t *testing.T) {
	r := read(t, `
-- composer.json --
{"name": "acme/shop", "type": "project", "replace": {"acme/a": "*"}}
-- vendor/composer/installed.json --
[{"name": "vendor/installed", "version": "1.2.3", "autoload": {"psr-4": {"Installed\\": "src"}}}]
-- app/A/composer.json --
{"name": "acme/a", "autoload": {"psr-4": {"Acme\\A\\": ""}}}
-- app/A/A.php --
<?php new \Installed\Thing();
-- generated/B/composer.json --
{"name": "acme/b"}
-- setup/src/Installer.php --
<?php new \Installed\Other(); new \Acme\A\A();
`)
	const want = `acme/a: unreachable vendor/installed "^1.2" (composer.lock, which has 1.2.3)
    app/A/A.php:1 new Installed\Thing
acme/shop: unreachable vendor/installed "^1.2" (composer.lock, which has 1.2.3)
    setup/src/Installer.php:1 new Installed\Other
`
	if diff := cmp.Diff(want, lines(r)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if len(r.Packages) != 2 {
		t.Errorf("packages %v, want acme/a and the root", r.Packages)
	}
}

func TestTestPaths(t *testing.T) {
	module := testPaths{module: true, dev: []string{"checks/"}}
	library := testPaths{}
	tests := []struct {
		paths testPaths
		file  string
		want  bool
	}{
		{module, "Model/Product.php", false},
		{module, "Model/Test.php", false},
		{module, "Test/Unit/ProductTest.php", true},
		{module, "App/Test/Unit/Thing.php", true},
		{module, "Block/TestForm.php", false},
		{module, "checks/One.php", true},
		{module, "checksum/One.php", false},
		{module, "Unit/Converter.php", false},
		{module, "Unit/ConverterTest.php", true},
		{module, "Api/dev/Tool.php", false},
		{module, "dev/Tool.php", true},
		{library, "src/Test/Runner.php", false},
		{library, "src/tests/Runner.php", true},
		{library, "Test/Runner.php", true},
		{library, "TestFramework/Helper.php", true},
		{library, "src/_files/one.php", true},
	}
	for _, test := range tests {
		t.Run(path.Join(test.file), func(t *testing.T) {
			if got := test.paths.are(test.file); got != test.want {
				t.Errorf("test code: %t, want %t", got, test.want)
			}
		})
	}
}
