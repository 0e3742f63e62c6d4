package dependencies

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// baseLock has a package of every kind that the code of a base package can meet.
const baseLock = `{
	"packages": [
		{"name": "acme/clock", "version": "2.1.3", "autoload": {"psr-4": {"Acme\\Clock\\": "src/"}}},
		{"name": "acme/html", "version": "v1.4.0", "autoload": {"psr-4": {"Acme\\Html\\": "src/"}}},
		{"name": "acme/magic", "version": "1.0.0", "autoload": {"files": ["magic.php"]}},
		{"name": "acme/text", "version": "1.2.0", "autoload": {"psr-0": {"Acme_Text_": "lib/"}}},
		{"name": "acme/transitive", "version": "dev-main", "autoload": {"psr-4": {"Acme\\Transitive\\": "src/"}}},
		{"name": "monolog/monolog", "version": "2.9.1", "autoload": {"psr-4": {"Monolog\\": "src/Monolog"}}},
		{"name": "shop/library", "version": "3.0.0", "autoload": {"psr-4": {"Shop\\Library\\": ""}}},
		{"name": "symfony/console", "version": "6.4.1", "autoload": {"psr-4": {"Symfony\\Component\\Console\\": ""}}},
		{"name": "symfony/polyfill-php80", "version": "1.30.0", "autoload": {"psr-4": {"": "stubs/"}}}
	],
	"packages-dev": [
		{"name": "acme/testing", "version": "1.0.0", "autoload": {"psr-4": {"Acme\\Testing\\": "src/"}}},
		{"name": "acme/tool", "version": "1.0.0", "autoload": {"files": ["tool.php"]}}
	]
}`

// baseTree uses what the lock has, in all the ways that count and in those that
// do not.
var baseTree = files{
	"composer.json": `{
		"name": "shop/shop", "version": "2.0.0",
		"require": {
			"php": "~8.3.0", "ext-mbstring": "*", "ext-intl": "*", "acme/text": "^1.2", "symfony/console": "^6.4",
			"acme/clock": "^2.0", "Acme/Unused": "^1", "monolog/monolog": "^2.7", "acme/html": "^1.0", "shop/library": "^3.0"
		},
		"require-dev": {"acme/testing": "^1.0"},
		"replace": {"shop/module-log": "*"}
	}`,
	"composer.lock":                 baseLock,
	"app/code/Log/composer.json":    `{"name": "shop/module-log", "autoload": {"psr-4": {"Shop\\Log\\": ""}}}`,
	"app/code/Log/Model/Log.php":    "<?php\nnew \\Monolog\\Logger('excluded');\n",
	"app/etc/di.xml":                "<config>\n<preference for=\"Acme\\Clock\\Clock\" type=\"Acme\\Clock\\SystemClock\\Proxy\"/>\n</config>",
	"app/etc/other.xml":             `<config class="Acme\Html\Page"/>`,
	"bin/shop":                      "#!/usr/bin/env php\n<?php\nuse Symfony\\Component\\Console\\Application;\n(new Application())->run();\n",
	"dev/tools/build.php":           "<?php\nnew Acme\\Html\\Page();\n",
	"pub/hello.phtml":               "<p><?= \\Acme_Text_Words::of($a) ?></p>\n<p><?= \\Acme\\Transitive\\Thing::NAME ?></p>",
	"setup/src/Setup.php":           "<?php\nnamespace Shop\\Setup;\n\nuse Acme\\Html\\Page; // in no code\n/** @var Page $a */\nclass Setup extends \\Shop\\Log\\Log implements \\Stringable { function f() { return mb_strlen(\\Acme_Text_Words::ALL); } }\n",
	"setup/src/Test/Unit/ATest.php": "<?php\nnew \\Acme\\Html\\Page(new \\Acme\\Testing\\TestCase());\n",
	"setup/tests/b.php":             "<?php\nnew \\Acme\\Html\\Page();\n",
	"tool.dist.php":                 "<?php\nnew \\Acme\\Html\\Page();\n",
	"update/composer.json":          "{}",
	"update/library.php":            "<?php\nnew \\Shop\\Library\\Shelf('Acme\\Html\\InAString');\n",
}

// analyseBase gives the base package's requires and what was logged.
func analyseBase(t *testing.T, require, lock string, tree files) (requires []releases.Requirement, notes []string, err error) {
	t.Helper()
	s := openStore(t)
	in := stages.Analysis{
		Lock: lock, Vendors: []string{"acme", "shop"},
		Repositories: []releases.Repository{{Name: "shop", Packages: []releases.Package{
			{Each: "app/code"}, {Directory: ".", Exclude: []string{"app/code/"}, Base: baseOf(t, require)},
		}}},
		Sources: stages.Sources{Repositories: []stages.Source{{Name: "shop", Head: save(t, s, tree)}}},
	}
	out, err := pipeline.Run(t.Context(), &pipeline.Session{}, Stage(Options{Store: s}), in)
	if err != nil {
		return nil, nil, err
	}
	return out.Packages[len(out.Packages)-1].Requires, out.Notes, nil
}

func TestModes(t *testing.T) {
	official := []releases.Requirement{
		{Name: "php", Constraint: "~8.3.0", Evidence: carriedOver},
		{Name: "ext-mbstring", Constraint: "*", Evidence: "setup/src/Setup.php:6"},
		{Name: "ext-intl", Constraint: "*", Evidence: carriedOver},
		{Name: "symfony/console", Constraint: "^6.4", Evidence: "bin/shop:4"},
		{Name: "monolog/monolog", Constraint: "^2.7", Evidence: carriedOver},
	}
	tests := []struct {
		name, require, lock string
		want                []releases.Requirement
	}{
		{name: "official", require: releases.OfficialRequire, lock: "shop", want: official},
		{name: "official without a lock", require: releases.OfficialRequire, want: []releases.Requirement{
			{Name: "php", Constraint: "~8.3.0", Evidence: carriedOver},
			{Name: "ext-mbstring", Constraint: "*", Evidence: carriedOver},
			{Name: "ext-intl", Constraint: "*", Evidence: carriedOver},
			{Name: "symfony/console", Constraint: "^6.4", Evidence: carriedOver},
			{Name: "monolog/monolog", Constraint: "^2.7", Evidence: carriedOver},
		}},
		{name: "the extras of the nightly list come behind, in the root's order", require: releases.NightlyRequire, lock: "shop", want: append(official,
			releases.Requirement{Name: "acme/text", Constraint: "^1.2", Evidence: "pub/hello.phtml:1"},
			releases.Requirement{Name: "acme/clock", Constraint: "^2.0", Evidence: "app/etc/di.xml:2"},
			releases.Requirement{Name: "shop/library", Constraint: "^3.0", Evidence: "update/library.php:2"})},
		{name: "a scan has tests too, and no scripts", require: releases.ScanRequire, lock: "shop", want: []releases.Requirement{
			{Name: "acme/clock", Constraint: "^2.0", Evidence: "app/etc/di.xml:2"},
			{Name: "acme/html", Constraint: "^1.0", Evidence: "dev/tools/build.php:2"},
			{Name: "acme/text", Constraint: "^1.2", Evidence: "pub/hello.phtml:1"},
			{Name: "acme/transitive", Constraint: "dev-main", Evidence: "pub/hello.phtml:2"},
			{Name: "shop/library", Constraint: "^3.0", Evidence: "update/library.php:2"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, _, err := analyseBase(t, test.require, test.lock, baseTree)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("requires differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNotes(t *testing.T) {
	_, got, err := analyseBase(t, releases.NightlyRequire, "shop", baseTree)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{ // acme/tool is for development
		`package acme/magic: it cannot be told from the composer.lock which classes are in it (it loads files (magic.php), not classes by name; packages.yaml has no row for it); a require of it may be missing`,
		`base package acme/shop-base uses acme/transitive (Acme\Transitive\Thing, pub/hello.phtml:2), which is there only because another package requires it; ` +
			`add it to the root composer.json, or ignore it`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if _, notes, err := analyseBase(t, releases.OfficialRequire, "", baseTree); err != nil || len(notes) > 0 {
		t.Errorf("the official list without a lock has the notes %q, %v", notes, err)
	}
}

func TestLockProblems(t *testing.T) {
	without := maps.Clone(baseTree)
	delete(without, "composer.lock")
	broken := maps.Clone(baseTree)
	broken["composer.lock"] = `{"packages": {}}`
	linked := maps.Clone(baseTree)
	linked["composer.lock"] = "-> composer.json"
	tests := []struct {
		name, require, lock string
		tree                files
		want                string
	}{
		{"the line names none", releases.NightlyRequire, "", baseTree,
			`base package: require "nightly": there is no composer.lock: the release line names none; write lock: and the name of the repository that has it, or take the official list (base: require: official)`},
		{"the repository has none", releases.ScanRequire, "shop", without,
			`base package: require "scan": there is no composer.lock at the root of repository shop; run composer update there and commit it, or take the official list`},
		{"it is broken", releases.OfficialRequire, "shop", broken, `shop:composer.lock: read composer.lock: "packages" is`},
		{"it is a symbolic link", releases.NightlyRequire, "shop", linked, "shop:composer.lock: it is a symbolic link"},
		{"its repository is not there", releases.NightlyRequire, "gone", baseTree, "repository gone, whose composer.lock is needed, could not be listed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := analyseBase(t, test.require, test.lock, test.tree)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q in it", err, test.want)
			}
		})
	}
	if _, _, err := analyseBase(t, releases.OfficialRequire, "shop", without); err != nil {
		t.Errorf("the official list needs no lock, but: %v", err)
	}
}
