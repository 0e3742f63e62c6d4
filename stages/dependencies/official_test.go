package dependencies

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases/composer"
)

// TestOfficialMeasured compares the rule with every published base package.
func TestOfficialMeasured(t *testing.T) {
	all := baseLists(t)
	for version, lists := range all {
		t.Run(version, func(t *testing.T) {
			root := composer.NewManifest()
			if err := root.Set("version", version); err != nil {
				t.Fatal(err)
			}
			var links []composer.Link
			for _, l := range lists.Root {
				links = append(links, composer.Link{Name: l[0], Constraint: l[1]})
			}
			root.SetLinks(composer.Require, links)
			var got [][2]string
			for _, r := range official(root) {
				got = append(got, [2]string{r.Name, r.Constraint})
			}
			if diff := cmp.Diff(lists.Base, got); diff != "" {
				t.Errorf("requires differ (-published +computed):\n%s", diff)
			}
		})
	}
	t.Logf("%d published base packages", len(all))
}

func TestOfficial(t *testing.T) {
	tests := []struct {
		name    string
		version string
		require []composer.Link
		want    []composer.Link
	}{
		{name: "the installer first and in any version, the others in the root's order", version: "2.4.7",
			require: []composer.Link{{Name: "php", Constraint: "~8.3.0"}, {Name: "ext-dom", Constraint: "*"}, {Name: "ext-intl", Constraint: "*"},
				{Name: "symfony/console", Constraint: "^6.4"}, {Name: composerInstaller, Constraint: ">=0.4.0"}, {Name: "ezyang/htmlpurifier", Constraint: "^4.17"}, {Name: "monolog/monolog", Constraint: "^2.7"}},
			want: []composer.Link{{Name: composerInstaller, Constraint: "*"}, {Name: "php", Constraint: "~8.3.0"}, {Name: "ext-intl", Constraint: "*"},
				{Name: "symfony/console", Constraint: "^6.4"}, {Name: "monolog/monolog", Constraint: "^2.7"}}},
		{name: "Zend Framework as Laminas", version: "2.4.7",
			require: []composer.Link{{Name: "laminas/laminas-mvc", Constraint: "^3"}, {Name: "laminas/laminas-mail", Constraint: "^2"}},
			want:    []composer.Link{{Name: "laminas/laminas-mvc", Constraint: "^3"}}},
		{name: "Braintree before 2.3.6-p1", version: "2.3.6", require: []composer.Link{{Name: braintree, Constraint: "3.35.0"}},
			want: []composer.Link{{Name: braintree, Constraint: "3.35.0"}}},
		{name: "no Braintree from 2.3.6-p1 on", version: "2.3.6-p1", require: []composer.Link{{Name: braintree, Constraint: "3.35.0"}}},
		{name: "no Braintree without a version", require: []composer.Link{{Name: braintree, Constraint: "3.35.0"}}},
		{name: "a distribution of its own", version: "1.0.0", require: []composer.Link{{Name: "acme/log", Constraint: "^1"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := composer.NewManifest()
			if err := root.Set("version", test.version); err != nil {
				t.Fatal(err)
			}
			root.SetLinks(composer.Require, test.require)
			var got []composer.Link
			for _, r := range official(root) {
				got = append(got, composer.Link{Name: r.Name, Constraint: r.Constraint})
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("requires differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOfficialNames(t *testing.T) {
	if n := len(officialNames); n != 35 {
		t.Errorf("%d names, want the 35 of magento2-base 2.0.0", n)
	}
}
