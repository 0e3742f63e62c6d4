package drift

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages/dependencies/platform"
)

// The table that the program carries is whole: every row names packages and has
// its reason.
func TestKnown(t *testing.T) {
	k, err := parseKnown(knownText)
	if err != nil {
		t.Fatal(err)
	}
	check := func(reason string, names ...string) {
		t.Helper()
		if len(reason) < 20 {
			t.Errorf("row of %v: reason %q says nothing", names, reason)
		}
		for _, name := range names {
			if _, err := composer.ParseName(name); err != nil {
				t.Error(err)
			}
		}
	}
	for _, r := range k.Provided {
		check(r.Reason, r.Package, r.By)
	}
	for _, r := range k.Tools {
		check(r.Reason, r.Package)
	}
	for _, r := range k.Deployed {
		check(r.Reason, r.Package)
	}
	for _, r := range k.Replacements {
		check(r.Reason, r.Package)
	}
	for _, r := range k.Aliases {
		check(r.Reason, r.Package)
	}
	for _, r := range k.Namespaces {
		check(r.Reason, r.Package)
	}
	rows := len(k.Provided) * len(k.Tools) * len(k.Deployed) * len(k.Replacements) * len(k.Aliases) * len(k.Namespaces)
	if rows == 0 {
		t.Error("a part of the table is empty")
	}
	if diff := cmp.Diff(k, table()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if _, err := parseKnown([]byte("provided:\n  - package: a/a\n    because: b\n")); err == nil {
		t.Error("an unknown key is no error")
	}
}

// What a reader is told of each kind is whole, in the order of gravity.
func TestKinds(t *testing.T) {
	list, err := parseKinds(kindsText)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []Kind
	for _, k := range list {
		kinds = append(kinds, k.Kind)
		if !slices.Contains([]level{levelError, levelWarning, levelNote}, k.Level) {
			t.Errorf("%s has the level %q", k.Kind, k.Level)
		}
		if (k.Level == levelError) != (k.Kind == Unreachable) {
			t.Errorf("%s has the level %q; only what makes the command fail is an error", k.Kind, k.Level)
		}
		for _, text := range []string{k.Help, k.Todo, k.Message} {
			if !strings.HasSuffix(text, ".") {
				t.Errorf("%s: %q is no sentence", k.Kind, text)
			}
		}
		if k.Title == "" || strings.HasSuffix(k.Title, ".") {
			t.Errorf("%s has the title %q", k.Kind, k.Title)
		}
	}
	if diff := cmp.Diff(Kinds, kinds); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

func TestByConvention(t *testing.T) {
	tests := []struct{ class, want string }{
		{`Magento\InventoryApi\Api\Data\StockInterface`, "magento/module-inventory-api"},
		{`Magento\AwsS3\Driver\AwsS3`, "magento/module-aws-s3"},
		{`Magento\CatalogGraphQl\Model\Resolver`, "magento/module-catalog-graph-ql"},
		{`Magento\ReCaptchaUi\Block\Form`, "magento/module-re-captcha-ui"},
		{`Magento\EAVThing\Model\Thing`, "magento/module-eav-thing"},
		{`Magento\Framework\App\Action`, "magento/framework"},
		{`Magento\Framework\Amqp\Config`, "magento/framework-amqp"},
		{`Magento\Setup\Model\Installer`, "magento/magento2-base"},
		{`Magento\FunctionalTestingFramework\Test\Handler`, "magento/magento2-functional-testing-framework"},
		{`Magento\Alone`, ""},
		{`Vendor\Module\Model\Thing`, ""},
		{`Zend_Db`, ""},
	}
	for _, test := range tests {
		t.Run(test.class, func(t *testing.T) {
			got, ok := byConvention(test.class)
			if got != test.want || ok != (test.want != "") {
				t.Errorf("got %q, %t, want %q", got, ok, test.want)
			}
		})
	}
}

func TestOldestPHP(t *testing.T) {
	tests := []struct {
		own, root string
		want      platform.Version
	}{
		{`{"require": {"php": "~8.2.0||~8.3.0"}}`, `{}`, platform.Version{Major: 8, Minor: 2}},
		{`{"require": {"php": ">=7.3"}}`, `{"require": {"php": "~8.3.0"}}`, platform.Version{Major: 7, Minor: 4}},
		{`{"require": {"php": ">=8.1.5"}}`, ``, platform.Version{Major: 8, Minor: 1}},
		{`{}`, `{"require": {"php": "~8.3.0"}}`, platform.Version{Major: 8, Minor: 3}},
		{`{"require": {"php": "~5.6.0"}}`, `{"require": {"php": "~8.3.0"}}`, platform.Version{Major: 8, Minor: 3}},
		{`{"require": {"php": "no constraint"}}`, ``, usual},
		{`{}`, ``, usual},
	}
	for _, test := range tests {
		t.Run(test.own+" in "+test.root, func(t *testing.T) {
			own, err := composer.ParseManifest([]byte(test.own))
			if err != nil {
				t.Fatal(err)
			}
			var root *composer.Manifest
			if test.root != "" {
				if root, err = composer.ParseManifest([]byte(test.root)); err != nil {
					t.Fatal(err)
				}
			}
			if got := oldestPHP(own, root); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestLineOfRequire(t *testing.T) {
	const text = `{
  "name": "a/a",
  "require-dev": {
    "b/b": "*"
  },
  "suggest": {"b/b": {"require": {"b/b": "*"}}},
  "require": {
    "php": "b/b",
    "b/b": "*"
  }
}`
	for name, want := range map[string]int{"b/b": 9, "php": 8, "c/c": 1} {
		if got := lineOfRequire([]byte(text), name); got != want {
			t.Errorf("%s stands in line %d, want %d", name, got, want)
		}
	}
	if got := lineOfRequire([]byte(`{"require": {`), "a/a"); got != 1 {
		t.Errorf("in a broken file it stands in line %d, want 1", got)
	}
}

func TestIsText(t *testing.T) {
	for file, want := range map[string]bool{
		"bin/magento": true, "phpunit.xml.dist": true, "a.inc": true, "composer.lock": true, "a.PHP": true, "a.phtml": true,
		"a.png": false, "a.zip": false, "a.min.map": false,
	} {
		if got := isText(file); got != want {
			t.Errorf("%s: %v, want %v", file, got, want)
		}
	}
}
