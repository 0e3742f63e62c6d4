package install

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

const (
	project = "tiny-os/project-community-edition"
	base    = "tiny-os/base"
)

// needDatabase skips a test on a machine without MariaDB or PHP's mysqli.
func needDatabase(t *testing.T) {
	t.Helper()
	needTools(t)
	if _, err := findMariaDB(Programs{}); err != nil {
		t.Skipf("needs MariaDB: %v", err)
	}
	if err := exec.Command("php", "-r", "exit(extension_loaded('mysqli') && extension_loaded('simplexml') ? 0 : 1);").Run(); err != nil {
		t.Skipf("needs PHP's mysqli and simplexml: %v", err)
	}
}

// tinyShop are the sources of a shop of one module: testdata/shop.
func tinyShop(t *testing.T) map[string]*source {
	t.Helper()
	sources := tiny()
	sources[project].files = folderOf(t, "testdata/shop", "greeting")
	sources[greeter].files = folderOf(t, "testdata/shop/greeting", "")
	sources[greeter].manifest = `{"name":"` + greeter + `","version":"` + version + `","type":"magento2-module","require":{"php":">=8.1"},
		"autoload":{"files":["registration.php"],"psr-4":{"Tiny\\Greeting\\":""}}}`
	return sources
}

// folderOf reads a folder's files, without those below one of its folders.
func folderOf(t *testing.T, dir, without string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && path == without {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() {
			return err
		}
		files[path] = string(readFile(t, filepath.Join(dir, path)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// newShop is a night of a shop, at a level and with a search.
func newShop(t *testing.T, sources map[string]*source, level releases.Level, search string) *fixture {
	t.Helper()
	f := newFixture(t, sources)
	// A socket's path is short.
	work, err := os.MkdirTemp("", "nightly-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(work); err != nil {
			t.Error(err)
		}
	})
	f.options.Dir, f.options.Programs.Chromium = filepath.Join(work, "w"), filepath.Join(work, "no-chromium")
	f.candidate.Replaced = nil
	f.candidate.Install = releases.Install{Level: level}
	f.candidate.Cell = releases.Cell{Search: search}
	return f
}

func TestShop(t *testing.T) {
	needDatabase(t)
	tests := map[string]struct {
		search    string
		level     releases.Level
		proven    []string // steps of the level and those before, from setup on
		notProven []string
	}{
		"without a search": {
			search: releases.NoSearch, level: releases.Shop,
			proven: []string{
				"database", "setup:install", "modules", "setup:db:status", "indexer:reindex", "setup:di:compile", "catalog",
				"home page", "product", "login", "cart", "admin login", "GraphQL storeConfig", "GraphQL countries", "REST", "nothing left",
			},
			notProven: []string{"extension", "audit", "search", "category", "search result", "GraphQL products", "screenshots"},
		},
		"deployed, with the stand-in": {
			search: releases.StandInSearch, level: releases.Deploy,
			proven: slices.Concat([]string{"database", "search", "setup:install", "modules", "setup:db:status", "indexer:reindex", "setup:di:compile", "catalog"},
				pageNames(), []string{"setup:static-content:deploy", "deploy:mode:set"}, pageNames(), []string{"static content", "nothing left"}),
			notProven: []string{"extension", "audit", "search quality", "screenshots"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newShop(t, tinyShop(t), test.level, test.search)
			got, err := Stage(f.options).Run(t.Context(), f.candidate)
			if err != nil {
				t.Fatal(err)
			}
			proven := stepsOf(got.Proven)
			if diff := cmp.Diff(test.proven, proven[slices.Index(proven, "database"):]); diff != "" {
				t.Errorf("proven (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.notProven, stepsOf(got.NotProven)); diff != "" {
				t.Errorf("not proven (-want +got):\n%s", diff)
			}
			checkReport(t, f, got)
			for _, s := range got.Steps {
				if strings.HasPrefix(s.Name, "page ") && s.Queries != 2 { // its query, and the end of its connection
					t.Errorf("%s asked the database %d times, want twice", s.Name, s.Queries)
				}
			}
		})
	}
}

// Sample data are packages that installed ones suggest; their modules have to be
// enabled like all.
func TestSampleData(t *testing.T) {
	needDatabase(t)
	sources := func() map[string]*source {
		sources := tinyShop(t)
		const name = "tiny-os/module-greeting-sample-data"
		sources[name] = &source{
			manifest: `{"name":"` + name + `","version":"` + version + `","type":"magento2-module","autoload":{"files":["registration.php"]}}`,
			files: map[string]string{
				"registration.php": sources[greeter].files["registration.php"],
				"etc/module.xml":   strings.ReplaceAll(sources[greeter].files["etc/module.xml"], "Tiny_Greeting", "Tiny_GreetingSampleData"),
			},
		}
		sources[name].files["registration.php"] = strings.ReplaceAll(sources[name].files["registration.php"], "Tiny_Greeting", "Tiny_GreetingSampleData")
		change(greeter, `"require":{`, `"suggest":{"`+name+`":"Sample Data version: `+version+`"},"require":{`)(sources)
		return sources
	}
	t.Run("deployed", func(t *testing.T) {
		t.Parallel()
		f := newShop(t, sources(), releases.Setup, releases.NoSearch)
		f.candidate.Install.SampleData = true
		got, err := Stage(f.options).Run(t.Context(), f.candidate)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []stages.Proof{
			{Step: "sample data", Detail: "1 packages of it are installed"},
			{Step: "modules", Detail: "2 of the 2 modules that were built are enabled, 2 with those of others"},
		} {
			if !slices.Contains(got.Proven, want) {
				t.Errorf("%v is not among %v", want, got.Proven)
			}
		}
	})
	t.Run("there is none", func(t *testing.T) {
		t.Parallel()
		f := newShop(t, tinyShop(t), releases.Setup, releases.NoSearch)
		f.candidate.Install.SampleData = true
		_, err := Stage(f.options).Run(t.Context(), f.candidate)
		var at *LevelError
		if !errors.As(err, &at) || !strings.Contains(err.Error(), "sampledata:deploy") {
			t.Errorf("got %v, want that there is no sample data", err)
		}
	})
}

func pageNames() []string {
	var names []string
	for _, p := range shopPages() {
		names = append(names, p.name)
	}
	return names
}

func stepsOf(proofs []stages.Proof) []string {
	names := make([]string, len(proofs))
	for i, p := range proofs {
		names[i] = p.Step
	}
	return names
}

// checkReport compares the report in the store with the result.
func checkReport(t *testing.T, f *fixture, got stages.Installation) {
	t.Helper()
	files, err := f.options.Store.Files(t.Context(), got.Report)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, file.Path)
	}
	if diff := cmp.Diff([]string{stages.InstallationFile, stages.ReportFile}, names); diff != "" {
		t.Errorf("files of the report (-want +got):\n%s", diff)
	}
	var saved stages.Installation
	if err := json.Unmarshal(readFile(t, filepath.Join(f.options.Dir, "report", stages.InstallationFile)), &saved); err != nil {
		t.Fatal(err)
	}
	got.Report = saved.Report
	if diff := cmp.Diff(got, saved); diff != "" {
		t.Errorf("%s (-result +file):\n%s", stages.InstallationFile, diff)
	}
}

// A defect is a mistake in one package that the installation has to find.
type defect struct {
	plant  func(sources map[string]*source)
	level  releases.Level // at which it is found
	expect []string       // texts of the error
}

// change changes a text of a package's composer.json.
func change(name, before, after string) func(map[string]*source) {
	return func(sources map[string]*source) {
		sources[name].manifest = strings.Replace(sources[name].manifest, before, after, 1)
	}
}

// file changes a file of a package; "" takes it away.
func file(name, path, content string) func(map[string]*source) {
	return func(sources map[string]*source) {
		if content == "" {
			delete(sources[name].files, path)
			return
		}
		sources[name].files[path] = content
	}
}

// defects are mistakes that a night had or could have.
var defects = map[string]defect{
	"a module without registration.php": {
		plant: file(greeter, "registration.php", ""), level: releases.Installed,
		expect: []string{greeter + ": its autoload loads registration.php, which the package does not have"},
	},
	"a require that is not met": {
		plant: change(greeter, `"php":">=8.1"`, `"acme/text":"^7.0"`), level: releases.Resolve,
		expect: []string{greeter, "requires acme/text ^7.0"},
	},
	"a class that does not compile": {
		plant: file(greeter, "Plugin.php", "<?php namespace Tiny\\Greeting; class Plugin extends Missing {}"), level: releases.Compile,
		expect: []string{`Class "Tiny\Greeting\Missing" not found`, "named by that: " + greeter},
	},
	"a replace that shuts a package out": {
		plant: change("tiny-os/product-community-edition", `"require":{`, `"replace":{"`+greeter+`":"*"},"require":{`), level: releases.Resolve,
		expect: []string{greeter, "tiny-os/product-community-edition"},
	},
	"a replace of the wrong version": {
		plant: change(greeter, `"require":{`, `"replace":{"upstream/module-greeting":"0.0.1"},"require":{`), level: releases.Resolve,
		expect: []string{greeter + " replaces 0.0.1 of upstream/module-greeting, want version 1.0.0-p3"},
	},
	"a mistake in PHP's syntax": {
		plant: file(greeter, "Page.php", "<?php\nclass Page {\n  function {\n}"), level: releases.Installed,
		expect: []string{"vendor/" + greeter + "/Page.php:3: syntax error", "named by that: " + greeter},
	},
	"a base file that is missing": {
		plant: func(sources map[string]*source) {
			sources[base] = &source{manifest: `{"name":"` + base + `","version":"` + version + `","type":"library","extra":{"map":[["pub/robots.txt","pub/robots.txt"],["pub/get.php","pub/get.php"]]}}`,
				files: map[string]string{"pub/robots.txt": ""}}
			change("tiny-os/product-community-edition", `"require":{`, `"require":{"`+base+`":"`+version+`",`)(sources)
		},
		level: releases.Installed, expect: []string{base + ": extra.map deploys pub/get.php, which the package does not have"},
	},
	"a schema that does not apply": {
		plant: file(greeter, "etc/db_schema.xml", `<schema><table name="tiny_greeting"><column name="id" type="nonsense"/></table></schema>`), level: releases.Setup,
		expect: []string{"SQLSTATE[42000]", "nonsense", "named by that: " + greeter},
	},
	"a page that throws": {
		plant: file(greeter, "Page.php", "<?php namespace Tiny\\Greeting; class Page { static function text() { throw new \\LogicException('no greeting'); } }"), level: releases.Shop,
		expect: []string{"home page, http://127.0.0.1:", "status 500, want 200", "LogicException: no greeting", "named by that: " + greeter},
	},
	"a plugin that is not allowed": {
		plant: func(sources map[string]*source) {
			change(greeter, `"type":"magento2-module","require":{`, `"type":"composer-plugin","extra":{"class":"Tiny\\Greeting\\Plugin"},"require":{"composer-plugin-api":"^2.0",`)(sources)
		},
		level: releases.Installed, expect: []string{greeter, "which is blocked by your", "named by that: " + greeter},
	},
	"a zip that is damaged": {
		plant: func(sources map[string]*source) { sources[greeter].damaged = true }, level: releases.Installed,
		expect: []string{"install: ", greeter},
	},
	"a module that names itself nothing": {
		plant: file(greeter, "etc/module.xml", "<config/>"), level: releases.Setup,
		expect: []string{greeter + ": it is a module, but its etc/module.xml names none"},
	},
}

func TestDefects(t *testing.T) {
	needDatabase(t)
	for name, d := range defects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sources := tinyShop(t)
			d.plant(sources)
			f := newShop(t, sources, d.level, releases.NoSearch)
			if d.level.Includes(releases.Setup) {
				f.options.Services.Database = aDatabase(t)
			}
			f.candidate.Replaced = []stages.Replaced{{Package: greeter, Upstream: "upstream/module-greeting", Version: "1.0.0-p3"}}
			if !strings.Contains(name, "replace of the wrong version") {
				f.candidate.Replaced = nil
			}
			_, err := Stage(f.options).Run(t.Context(), f.candidate)
			checkDefect(t, d, err)
			report := string(readFile(t, filepath.Join(f.options.Dir, "report", stages.ReportFile)))
			if !strings.Contains(report, headingPackage) {
				t.Errorf("the report does not blame the packages:\n%s", report)
			}
		})
	}
}

func checkDefect(t *testing.T, d defect, err error) {
	t.Helper()
	var at *LevelError
	if !errors.As(err, &at) {
		t.Fatalf("got %v, want a failure at level %s", err, d.level)
	}
	if at.Level != d.level {
		t.Errorf("found at level %s, want %s", at.Level, d.level)
	}
	for _, text := range d.expect {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error does not say %q:\n%v", text, err)
		}
	}
	var machine *MachineError
	if errors.As(err, &machine) {
		t.Errorf("the machine is blamed: %v", err)
	}
}

// A database that dies is no fault of the packages.
func TestDatabaseDies(t *testing.T) {
	needDatabase(t)
	t.Parallel()
	sources := tinyShop(t)
	sources[project].files["bin/magento"] = "<?php posix_kill((int) file_get_contents(dirname(__DIR__, 2) . '/db/mysqld.pid'), 9); sleep(1);\n" +
		"fwrite(STDERR, 'SQLSTATE[HY000] [2002] Connection refused'); exit(1);"
	f := newShop(t, sources, releases.Setup, releases.NoSearch)
	_, err := Stage(f.options).Run(t.Context(), f.candidate)
	var machine *MachineError
	if !errors.As(err, &machine) {
		t.Fatalf("got %v, want a failure of the machine", err)
	}
	report := string(readFile(t, filepath.Join(f.options.Dir, "report", stages.ReportFile)))
	if !strings.Contains(report, headingMachine) {
		t.Errorf("the report does not say that the machine failed:\n%s", report)
	}
}
