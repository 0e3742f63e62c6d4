package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

func rulesPlan() *releases.Plan {
	return &releases.Plan{
		Date: "2026-08-05",
		Line: releases.Line{
			Rename:   map[string]string{"magento": "mage-os"},
			Versions: releases.Versions{Fallback: "0.0.1"},
			Upstream: &releases.Upstream{Package: "magento/product-community-edition"},
		},
		Replace: map[string]string{
			"magento/framework":                 "103.0.8",
			"magento/module-a":                  "v100.4.7-p1",
			"magento/module-unbuilt":            "1.0.0",
			"magento/product-community-edition": "2.4.8",
		},
	}
}

var rulesBuilt = map[composer.Name]string{
	"magento/framework":                 "103.0.8",
	"magento/module-a":                  "100.4.7-p1",
	"magento/module-a-sample-data":      "100.4.0",
	"magento/module-new":                "",
	"magento/module-branch":             "dev-main",
	"magento/product-community-edition": "2.4.8",
	"mage-os/theme":                     "1.0.0",
}

func TestRulesRewrite(t *testing.T) {
	cases := []struct{ name, in, out string }{
		{
			"a module",
			`{"name":"magento/module-a","description":"d","type":"magento2-module","require":{"php":"~8.3.0","magento/framework":"103.0.*",
			"magento/module-new":"*","magento/module-unbuilt":"1.*","Magento/Module-Branch":"self.version","mage-os/theme":"*","psr/log":"^3"}}`,
			`{"name":"mage-os/module-a","version":"100.4.7.1-a20260805+p1","description":"d","type":"magento2-module","require":{"php":"~8.3.0",
			"mage-os/framework":"103.0.8.1-a20260805","mage-os/module-new":"0.0.1.1-a20260805","magento/module-unbuilt":"1.*",
			"mage-os/module-branch":"0.0.1.1-a20260805","mage-os/theme":"1.0.0.1-a20260805","psr/log":"^3"},"replace":{"magento/module-a":"100.4.7-p1"}}`,
		},
		{
			"its version keeps its place",
			`{"type":"library","version":"1.0","name":"magento/framework"}`,
			`{"type":"library","version":"103.0.8.1-a20260805","name":"mage-os/framework","replace":{"magento/framework":"103.0.8"}}`,
		},
		{
			"new since the last release: replaces nothing",
			`{"name":"magento/module-new","require-dev":{"magento/module-a":"*"}}`,
			`{"name":"mage-os/module-new","version":"0.0.1.1-a20260805","require-dev":{"mage-os/module-a":"100.4.7.1-a20260805+p1"}}`,
		},
		{
			"the product replaces nothing, and a package that keeps its name neither",
			`{"name":"magento/product-community-edition","require":{"mage-os/theme":"^1"}}`,
			`{"name":"mage-os/product-community-edition","version":"2.4.8.1-a20260805","require":{"mage-os/theme":"1.0.0.1-a20260805"}}`,
		},
		{
			"conflict and provide: names only",
			`{"name":"mage-os/theme","conflict":{"magento/module-a":"<100","gene/bluefoot":"*"},"provide":{"magento/module-new":"1.0","psr/log-implementation":"3"}}`,
			`{"name":"mage-os/theme","version":"1.0.0.1-a20260805","conflict":{"mage-os/module-a":"<100","gene/bluefoot":"*"},"provide":{"mage-os/module-new":"1.0","psr/log-implementation":"3"}}`,
		},
		{
			"abandoned for one that is built",
			`{"name":"mage-os/theme","abandoned":"Magento/Module-A"}`,
			`{"name":"mage-os/theme","version":"1.0.0.1-a20260805","abandoned":"mage-os/module-a"}`,
		},
		{
			"abandoned for nothing",
			`{"name":"mage-os/theme","abandoned":true}`,
			`{"name":"mage-os/theme","version":"1.0.0.1-a20260805","abandoned":true}`,
		},
		{
			"existing replaces stay",
			`{"name":"magento/framework","replace":{"magento/module-b":"self.version","components/jquery":"1.11.0","magento/framework":"9","magento/module-new":"*"},"extra":{}}`,
			`{"name":"mage-os/framework","version":"103.0.8.1-a20260805","replace":{"magento/module-b":"103.0.8","components/jquery":"1.11.0","magento/framework":"103.0.8","magento/module-new":"*"},"extra":{}}`,
		},
		{
			"self.version of what is not built is the version in the sources",
			`{"name":"magento/framework","require":{"acme/x":"self.version"},"conflict":{"acme/y":"self.version"}}`,
			`{"name":"mage-os/framework","version":"103.0.8.1-a20260805","require":{"acme/x":"103.0.8"},"conflict":{"acme/y":"103.0.8"},"replace":{"magento/framework":"103.0.8"}}`,
		},
		{
			"sample data is suggested as bin/magento sampledata:deploy wants it",
			`{"name":"mage-os/theme","suggest":{"magento/module-a-sample-data":"Sample Data version:100.4.*","magento/sample-data-media":"100.4.*","magento/module-new":"for news","ext-gd":"for images"}}`,
			`{"name":"mage-os/theme","version":"1.0.0.1-a20260805","suggest":{"mage-os/module-a-sample-data":"Sample Data version: 100.4.0.1-a20260805","magento/sample-data-media":"Sample Data version: 100.4.*","mage-os/module-new":"0.0.1.1-a20260805","ext-gd":"for images"}}`,
		},
		{
			"allowed plugins",
			`{"name":"mage-os/theme","config":{"sort-packages":true,"allow-plugins":{"dealerdirect/x":true,"magento/*":true,"magento/module-a":false,"magento/module-unbuilt":true},"preferred-install":{"magento/framework":"source"},"bin-dir":"b"}}`,
			`{"name":"mage-os/theme","version":"1.0.0.1-a20260805","config":{"sort-packages":true,"allow-plugins":{"dealerdirect/x":true,"magento/*":true,"mage-os/*":true,"mage-os/module-a":false,"magento/module-unbuilt":true},"preferred-install":{"mage-os/framework":"source"},"bin-dir":"b"}}`,
		},
		{
			"plugins allowed all at once, and empty sections",
			`{"name":"mage-os/theme","require":{},"config":{"allow-plugins":true}}`,
			`{"name":"mage-os/theme","version":"1.0.0.1-a20260805","require":{},"config":{"allow-plugins":true}}`,
		},
		{
			"both names of one package",
			`{"name":"mage-os/theme","require":{"magento/framework":"1","mage-os/framework":"2"}}`,
			`{"name":"mage-os/theme","version":"1.0.0.1-a20260805","require":{"mage-os/framework":"103.0.8.1-a20260805"}}`,
		},
	}
	rules, err := ForPlan(rulesPlan(), rulesBuilt)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := rewrite(t, rules, c.in)
			if diff := cmp.Diff(manifest(t, c.out), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func rewrite(t *testing.T, rules *Set, text string) string {
	t.Helper()
	m, err := composer.ParseManifest([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := rules.Rewrite(m); err != nil {
		t.Fatal(err)
	}
	return string(m.Encode())
}

func manifest(t *testing.T, text string) string {
	t.Helper()
	m, err := composer.ParseManifest([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(m.Encode())
}

func TestRulesApplyEditsLast(t *testing.T) {
	p := rulesPlan()
	p.Line.Edits = []releases.Edit{{
		Package: "mage-os/module-a",
		Remove:  []releases.EditLink{{Section: "require", Name: "elasticsearch/elasticsearch"}, {Section: "conflict", Name: "no/such"}},
		Set:     []releases.EditLink{link("require", "magento/framework", "*"), link("require", "acme/x", "^1"), link("conflict", "magento/module-new", "<1")},
	}}
	rules, err := ForPlan(p, rulesBuilt)
	if err != nil {
		t.Fatal(err)
	}
	got := rewrite(t, rules, `{"name":"magento/module-a","require":{"elasticsearch/elasticsearch":"^8","acme/x":"^2"}}`)
	want := manifest(t, `{"name":"mage-os/module-a","version":"100.4.7.1-a20260805+p1","require":{"acme/x":"^1","mage-os/framework":"103.0.8.1-a20260805"},
		"replace":{"magento/module-a":"100.4.7-p1"},"conflict":{"mage-os/module-new":"<1"}}`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRulesOfALocalSecondNight(t *testing.T) {
	p := rulesPlan()
	p.Number, p.Repositories = 1, []releases.PlannedRepository{{Name: "a", Local: true}}
	rules, err := ForPlan(p, rulesBuilt)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := rules.Version("magento/module-a"); got != "100.4.7.1-a20260805.1+p1.local" {
		t.Errorf("version %q", got)
	}
	if got, ok := rules.Version("mage-os/module-a"); !ok || got != "100.4.7.1-a20260805.1+p1.local" {
		t.Errorf("version by built name %q, %v", got, ok)
	}
	if got, ok := rules.Version("magento/module-unbuilt"); ok {
		t.Errorf("a package that is not built has version %q", got)
	}
	if got := rules.Rename("magento/module-unbuilt"); got != "magento/module-unbuilt" {
		t.Errorf("a package that is not built is renamed to %q", got)
	}
}

func TestNewRulesNamesAllProblems(t *testing.T) {
	p := rulesPlan()
	p.Line.Edits = []releases.Edit{{Package: "mage-os/module-gone"}}
	_, err := ForPlan(p, map[composer.Name]string{
		"magento/module-p":    "2.4.7-p1.2",
		"magento/module-star": "100.4.*",
		"magento/theme":       "1.0.0",
		"mage-os/theme":       "1.0.0",
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"magento/module-p", `"2.4.7-p1.2"`, "magento/module-star", `"100.4.*"`, "mage-os/theme and magento/theme", "mage-os/module-gone"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not name %s:\n%v", want, err)
		}
	}
}

func TestRewriteRefusesWhatIsNotBuilt(t *testing.T) {
	rules, err := ForPlan(rulesPlan(), rulesBuilt)
	if err != nil {
		t.Fatal(err)
	}
	m := composer.NewManifest()
	if err := m.Set("name", "magento/module-unbuilt"); err != nil {
		t.Fatal(err)
	}
	if err := rules.Rewrite(m); err == nil || !strings.Contains(err.Error(), "magento/module-unbuilt") {
		t.Errorf("error %v", err)
	}
}

// TestTagRules: versions and requires of a tag stay, but for what the line corrects.
func TestTagRules(t *testing.T) {
	line := &releases.Line{
		Repositories: []releases.Repository{{FixVersions: []releases.FixVersions{{Versions: map[string]string{"magento/a": "2.0.0", "phpgt/dom": "2.1.6"}}}}},
		Edits: []releases.Edit{
			{Package: "magento/a", When: "2.0.0", Set: []releases.EditLink{link(composer.Require, "magento/b", "1.*")}},
			{Package: "magento/a", When: "<2.0.0", Set: []releases.EditLink{link(composer.Require, "magento/c", "9")}},
			{Package: "magento/absent", Set: []releases.EditLink{link(composer.Require, "magento/c", "9")}},
		},
	}
	set, err := ForTag(line, map[composer.Name]string{"magento/a": "1.0.0", "magento/b": "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := composer.ParseManifest([]byte(`{"name":"magento/a","version":"1.0.0","require":{"php":"^8","magento/b":"1.2.*","phpgt/dom":"2.2.1","magento/x":"self.version"},
		"suggest":{"magento/module-x-sample-data":"1.*"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Rewrite(m); err != nil {
		t.Fatal(err)
	}
	want := `{"name":"magento/a","version":"2.0.0","require":{"php":"^8","magento/b":"1.*","phpgt/dom":"2.1.6","magento/x":"self.version"},` +
		`"suggest":{"magento/module-x-sample-data":"Sample Data version: 1.*"}}`
	got, err := m.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := ForTag(line, map[composer.Name]string{"magento/b": "main branch"}); err == nil || !strings.Contains(err.Error(), "fix-versions") {
		t.Errorf("a version that is none: %v, want advice", err)
	}
}

func link(section composer.Section, name, constraint string) releases.EditLink {
	return releases.EditLink{Section: section, Name: name, Constraint: constraint}
}
