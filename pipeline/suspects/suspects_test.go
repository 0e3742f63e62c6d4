package suspects

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/history"
)

// fake has the commits of a repository, newest first, and what they change.
type fake struct {
	commits []compare.Commit
	touched map[string][]string
}

func (f fake) Between(_ context.Context, url, _, _ string) ([]compare.Commit, error) {
	if url == "lost" {
		return nil, errors.New("the server is down")
	}
	return f.commits, nil
}

func (f fake) Touched(_ context.Context, url string, _ []compare.Commit) (map[string][]string, error) {
	if f.touched == nil {
		return nil, errors.New("only commits are here")
	}
	return f.touched, nil
}

func planAt(shop, lost string) *releases.Plan {
	return &releases.Plan{Repositories: []releases.PlannedRepository{{Name: "shop", URL: "https://github.com/acme/shop.git", Commit: shop}, {Name: "lost", URL: "lost", Commit: lost}}}
}

var packages = []releases.ManifestPackage{
	{Name: "acme/base", Repository: "shop", Directory: "."},
	{Name: "acme/module-cart", Repository: "shop", Directory: "app/code/Acme/Cart", Requires: []releases.Requirement{{Name: "acme/framework"}, {Name: "other/logger"}, {Name: "php"}}},
	{Name: "acme/module-tax", Repository: "shop", Directory: "app/code/Acme/Tax"},
	{Name: "acme/framework", Repository: "shop", Directory: "lib/Framework"},
	{Name: "acme/framework-mail", Repository: "shop", Directory: "lib/Framework/Mail"},
}

// What touches what the failure names comes first, and of equals what changes less.
func TestRanks(t *testing.T) {
	all := fake{
		commits: []compare.Commit{
			{ID: "else", Subject: "Elsewhere", Author: "Jane"}, {ID: "nothing", Subject: "Merge"}, {ID: "mail", Subject: "Mail"},
			{ID: "all", Subject: "Update all"}, {ID: "cart", Subject: "Carts"}, {ID: "framework", Subject: "Framework"},
			{ID: "plugin", Subject: "Count (#7)", Author: "Paul"},
		},
		touched: map[string][]string{
			"else":      {"README.md", "app/code/Acme/Tax/x.php"},
			"mail":      {"lib/Framework/Mail/Sender.php"},
			"all":       {"app/code/Acme/Cart/README.md", "app/code/Acme/Cart/composer.json", "README.md"},
			"cart":      {"app/code/Acme/Cart/etc/di.xml"},
			"framework": {"lib/Framework/App.php"},
			"plugin":    {"README.md", "app/code/Acme/Cart/Plugin/Count.php"},
		},
	}
	failures := map[string]string{
		"by path":  "Fatal error in /tmp/shop/vendor/acme/module-cart/Plugin/Count.php:12\n" + stages.NamedBy + "acme/module-cart\n",
		"by class": `Class Acme\Cart\Plugin\Count contains 1 abstract method` + "\n" + stages.NamedBy + "acme/module-cart\nall output: x",
		"by word":  stages.NamedBy + "acme/module-cart\n" + `Undefined array key "customer_entitty"`,
		"by name":  `acme/module-cart 1.0 (shop:app/code/Acme/Cart/Plugin/Count.php): broken`,
	}
	want := []history.Suspect{
		{Name: "shop", Commit: "plugin", Author: "Paul", Title: "Count (#7)", URL: "https://github.com/acme/shop/pull/7", Why: "changes app/code/Acme/Cart/Plugin/Count.php, which the failure names"},
		{Name: "shop", Commit: "cart", Title: "Carts", URL: "https://github.com/acme/shop/commit/cart", Why: "changes acme/module-cart, which the failure names"},
		{Name: "shop", Commit: "all", Title: "Update all", URL: "https://github.com/acme/shop/commit/all", Why: "changes acme/module-cart, which the failure names"},
		{Name: "other/logger", Title: "1.0 → 2.0", Why: "a release of somebody else's that acme/module-cart requires"},
		{Name: "shop", Commit: "framework", Title: "Framework", URL: "https://github.com/acme/shop/commit/framework", Why: "changes acme/framework, which acme/module-cart requires"},
		{Name: "lost", Commit: "2", Why: "its commits are not known: history not available: the server is down"},
		{Name: "other/mail", Title: "not installed → 1.0", Why: "a release of somebody else's"},
		{Name: "shop", Commit: "mail", Title: "Mail", URL: "https://github.com/acme/shop/commit/mail", Why: "changes 1 file that the failure does not name"},
		{Name: "shop", Commit: "else", Author: "Jane", Title: "Elsewhere", URL: "https://github.com/acme/shop/commit/else", Why: "changes 2 files that the failure does not name"},
	}
	for name, failure := range failures {
		want := slices.Clone(want)
		if name == "by word" {
			want[0].Why = `changes app/code/Acme/Cart/Plugin/Count.php, which has "customer_entitty" as the failure has`
		}
		got, err := Find(t.Context(), Case{
			Good: planAt("1", "1"), Bad: planAt("2", "2"), Packages: packages, Failure: failure,
			Read: func(_, path string) []byte {
				return []byte(map[string]string{"app/code/Acme/Cart/Plugin/Count.php": "a customer_entitty"}[path])
			},
			Before: map[string]string{"other/logger": "1.0", "other/same": "1"},
			After:  map[string]string{"other/logger": "2.0", "other/same": "1", "other/mail": "1.0"},
		}, History{all, all})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// A commit that takes a require away of what is not installed since is named, whatever the failure names.
func TestLostRequire(t *testing.T) {
	all := fake{
		commits: []compare.Commit{{ID: "tax"}, {ID: "cart"}},
		touched: map[string][]string{"tax": {"app/code/Acme/Tax/composer.json"}, "cart": {"app/code/Acme/Cart/composer.json", "README.md"}},
	}
	now := slices.Clone(packages)
	now[1].Requires = now[1].Requires[:1]
	got, err := Find(t.Context(), Case{
		Good: planAt("1", "1"), Bad: planAt("2", "1"), Was: packages, Packages: now, Failure: stages.NamedBy + "acme/module-tax\n",
		Before: map[string]string{"other/logger": "1.0", "a/a": "1"}, After: map[string]string{"a/a": "1"},
	}, History{all, all})
	if err != nil || len(got) != 3 || got[0].Why != "changes app/code/Acme/Cart/composer.json: acme/module-cart requires other/logger no more, and it is not installed since" {
		t.Errorf("%v, %+v", err, got)
	}
}

// Where nobody knows what commits change, they are named all the same.
func TestUnknown(t *testing.T) {
	few := fake{commits: []compare.Commit{{ID: "b"}, {ID: "a"}}}
	got, err := Find(t.Context(), Case{Good: planAt("1", "1"), Bad: planAt("2", "1")}, History{few, few})
	want := []history.Suspect{{Name: "shop", Commit: "b", URL: "https://github.com/acme/shop/commit/b", Why: "what it changes is not known"}, {Name: "shop", Commit: "a", URL: "https://github.com/acme/shop/commit/a", Why: "what it changes is not known"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// Package code writes what failed: a path without an end is none.
func TestEndlessPath(t *testing.T) {
	if named := filesIn("in "+strings.Repeat("a/", 1<<16)+"b and app/code/Acme/A.php", nil); len(named) != 3 || !named["Acme/A.php"] {
		t.Errorf("it names %d files", len(named))
	}
}

// What a plan has beside commits can be what broke it, too.
func TestPlanItself(t *testing.T) {
	good, bad := planAt("1", "1"), planAt("1", "1")
	good.Program, bad.Program = "0.1.0", "0.2.0"
	good.Line, bad.Line = releases.Line{Name: "night", Title: "A"}, releases.Line{Name: "night", Title: "B", Keep: 3}
	good.Replace, bad.Replace = map[string]string{"up/a": "1.0.0", "up/b": "1.0.0"}, map[string]string{"up/a": "1.0.1", "up/b": "1.0.0"}
	bad.LatestTags = map[string]string{"https://example.org/x": "2.0.0"}
	got, err := Find(t.Context(), Case{Good: good, Bad: bad}, History{fake{}, fake{}})
	want := []history.Suspect{
		{Name: "line night", Title: "changed in keep, title", Why: "the line itself is another one"},
		{Name: "program", Title: "0.1.0 → 0.2.0", Why: "another version of this program made the plan"},
		{Name: "up/a", Title: "1.0.0 → 1.0.1", Why: "ours replaces another version of it"},
		{Name: "https://example.org/x", Title: "none → 2.0.0", Why: "its latest tag is required, and is another one"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
