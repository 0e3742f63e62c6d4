package install

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/golden"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// TestReport compares the page for people of an installation that passed, one
// whose packages failed and one whose machine did.
func TestReport(t *testing.T) {
	made := stages.Installation{
		Snapshot: "2026-11-24", Level: releases.Shop, Cell: releases.Cell{PHP: "8.3", Database: "mariadb:10.6", Search: releases.NoSearch},
		Tools:     []stages.Tool{{Name: "php", Version: "8.3.1"}, {Name: "composer", Version: "2.8.0"}},
		Images:    []stages.Image{{Name: "php:8.3", Reference: "# PHP 8.3 of Debian's packages\nFROM debian\n", Unpinned: true}, {Name: "mariadb:10.6", Reference: "mariadb@sha256:0123"}},
		Proven:    []stages.Proof{{Step: "resolve", Detail: "3 packages"}},
		NotProven: []stages.Proof{{Step: "search", Detail: "there is none"}},
		Steps:     []stages.Step{{Level: releases.Setup, Name: "setup:install", Millis: 24_140, Memory: 280 << 20}, {Level: releases.Shop, Name: "page home page", Millis: 60}},
		Tests: []stages.TestSuite{{
			Name: releases.UnitTests, Packages: 2, Tests: 30, Skipped: 1, Passing: []string{`Tiny\OldTest::testA`}, Gone: []string{`Tiny\OldTest::testB`},
			Failed: []stages.FailedTest{{Test: `Tiny\OrderTest::testTotal with data set "a|b"`, Package: greeter, Message: "Failed asserting that 1 is 2\nvendor/x", State: stages.KnownFailure}},
		}},
		Notices: []stages.Notice{{Source: "php", Kind: "deprecated", Text: "a | b\nof <x>", Count: 12}},
	}
	failure := &LevelError{Level: releases.Setup, Err: &stepError{step: "setup:install", command: "php bin/magento setup:install", output: "It did not apply", log: "10.log", reproduce: "sh reproduce.sh", err: fmt.Errorf("exit status 1"), blamed: []string{greeter}}}
	tests := map[string]struct {
		made   stages.Installation
		failed error
		shots  []string
	}{
		"passed":   {made: made, shots: []string{"home-page.png"}},
		"failed":   {made: made, failed: failure},
		"machine":  {made: made, failed: &LevelError{Level: releases.Setup, Err: &MachineError{Err: fmt.Errorf("the database ended"), Do: "look at its log"}}},
		"resolved": {made: stages.Installation{Snapshot: "2026-11-24", Level: releases.Resolve}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, tiny())
			dir, err := openFolder(t.Context(), f.options)
			if err != nil {
				t.Fatal(err)
			}
			defer dir.close()
			for _, shot := range test.shots {
				write(t, dir.path(filepath.Join("report", stages.ScreenshotsDir, shot)))
			}
			s := &shop{options: f.options.withDefaults(), dir: dir, folder: mainProject}
			if _, err := s.report(t.Context(), test.made, test.failed); err != nil {
				t.Fatal(err)
			}
			got := readFile(t, dir.path(filepath.Join("report", stages.ReportFile)))
			golden.Compare(t, filepath.Join("testdata", "report-"+name+".golden"), got)
		})
	}
}

// TestBlame: which packages the output of a program names.
func TestBlame(t *testing.T) {
	f := newFixture(t, tiny())
	dir, err := openFolder(t.Context(), f.options)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.close()
	s := &shop{options: f.options.withDefaults(), dir: dir, folder: mainProject, candidate: f.candidate}
	for _, name := range []string{"catalog", "catalog-search", "sales"} {
		full := composer.Name("tiny-os/module-" + name)
		namespace := map[string]string{"catalog": "Tiny\\\\Catalog\\\\", "catalog-search": "Tiny\\\\CatalogSearch\\\\", "sales": "Tiny\\\\Sales\\\\"}[name]
		s.locked = append(s.locked, composer.LockPackage{Name: full, Type: "magento2-module", Autoload: []byte(`{"psr-4":{"` + namespace + `":""}}`)})
		s.candidate.Snapshot.Packages = append(s.candidate.Snapshot.Packages, stages.SnapshotPackage{Name: string(full), Type: "magento2-module"})
		module := map[string]string{"catalog": "Tiny_Catalog", "catalog-search": "Tiny_CatalogSearch", "sales": "Tiny_Sales"}[name]
		put(t, s.in("vendor/"+string(full)+"/etc/module.xml"), `<config><module name="`+module+`"/></config>`)
		put(t, s.in("vendor/"+string(full)+"/etc/db_schema.xml"), `<schema><table name="`+name+`_entity"/></schema>`)
	}
	catalog, catalogSearch, sales := "tiny-os/module-catalog", "tiny-os/module-catalog-search", "tiny-os/module-sales"
	tests := map[string]struct {
		output string
		want   []string
	}{
		"nothing":                  {"exit status 1", nil},
		"a path":                   {"Error in /srv/shop/vendor/tiny-os/module-catalog/Model/A.php:7\n#1 vendor/tiny-os/module-sales/B.php", []string{catalog, sales}},
		"a path of another":        {"vendor/symfony/console/Application.php", nil},
		"a class":                  {`Class "Tiny\CatalogSearch\Model\Index" does not exist`, []string{catalogSearch}},
		"an escaped class":         {`"Tiny\\Sales\\Order"`, []string{sales}},
		"a module":                 {"Module 'Tiny_CatalogSearch':", []string{catalogSearch}},
		"a table":                  {"SQLSTATE[42000]: … query was: CREATE TABLE `catalog_entity` (", []string{catalog}},
		"a table that is no SQL's": {"`catalog_entity`", nil},
		"a package":                {"tiny-os/module-sales contains a Composer plugin", []string{sales}},
		"Composer's progress":      {"  - Installing tiny-os/module-sales (1.0): Extracting archive", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, s.blame(test.output)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// put writes a file and the folders that it lies in.
func put(t *testing.T, file, content string) {
	t.Helper()
	write(t, file)
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestNotices: what logs complain of, grouped and counted.
func TestNotices(t *testing.T) {
	f := newFixture(t, tiny())
	dir, err := openFolder(t.Context(), f.options)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.close()
	s := &shop{options: f.options.withDefaults(), dir: dir, folder: mainProject}
	put(t, s.phpLog(), "[24-Nov-2026 04:00:00 UTC] PHP Deprecated:  Use of x in "+s.in("vendor/a/b/C.php")+" on line 7\n"+
		"[24-Nov-2026 04:00:01 UTC] PHP Deprecated:  Use of x in "+s.in("vendor/a/b/C.php")+" on line 12\n"+
		"[24-Nov-2026 04:00:01 UTC] PHP Warning:  foreach() in y\nStack trace:\n#0 {main}\n")
	put(t, s.in("var/log/system.log"), "[2026-11-24T04:00:00+00:00] main.WARNING: A plugin is missing [] []\n[2026-11-24T04:00:00+00:00] main.INFO: All is well [] []\n")
	put(t, dir.path("logs/4-install.log"), "Warning: Accessing 127.0.0.1 over http which is an insecure protocol.\nPackage acme/old is abandoned, you should avoid using it. No replacement was suggested.\nDeprecation Notice: a thing in phar\n")
	want := []stages.Notice{
		{Source: "php", Kind: "deprecated", Text: "Use of x in vendor/a/b/C.php on line 7", Count: 2},
		{Source: "php", Kind: "warning", Text: "foreach() in y", Count: 1},
		{Source: "system.log", Kind: "warning", Text: "A plugin is missing [] []", Count: 1},
		{Source: "composer", Kind: "abandoned", Text: "Package acme/old is abandoned, you should avoid using it. No replacement was suggested.", Count: 1},
		{Source: "composer", Kind: "deprecated", Text: "a thing in phar", Count: 1},
	}
	if diff := cmp.Diff(want, s.notices()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
