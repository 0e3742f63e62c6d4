package composer

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseName(t *testing.T) {
	good := []string{
		"magento/framework", "mage-os/module-catalog", "a/b", "3f/1pay", "foo_bar/baz.qux", "foo/bar--baz",
		"laminas/laminas-i18n", "symfony/polyfill-php80", "phpgt/dom",
	}
	for _, name := range good {
		if got, err := ParseName(name); err != nil || string(got) != name {
			t.Errorf("ParseName(%q) = %q, %v", name, got, err)
		}
	}
	bad := map[string]string{
		"no vendor":               "framework",
		"nothing":                 "",
		"upper case":              "Magento/framework",
		"two slashes":             "a/b/c",
		"empty vendor":            "/b",
		"empty project":           "a/",
		"climbs out":              "../b",
		"climbs out in project":   "a/..",
		"blank":                   "a/b c",
		"line break at the end":   "a/b\n",
		"ends in .json":           "a/b.json",
		"reserved vendor":         "nul/b",
		"reserved project":        "a/com1",
		"two dots":                "a/b..c",
		"three hyphens":           "a/b---c",
		"two hyphens in vendor":   "a--b/c",
		"hyphen first":            "-a/b",
		"platform package":        "php",
		"extension":               "ext-json",
		"wildcard":                "a/*",
		"not ASCII":               "ä/b",
		"longer than a file name": "a/" + strings.Repeat("b", 255),
	}
	for name, text := range bad {
		t.Run(name, func(t *testing.T) {
			if got, err := ParseName(text); err == nil {
				t.Errorf("ParseName(%q) = %q, want an error", text, got)
			}
		})
	}
}

func TestNameParts(t *testing.T) {
	name := Name("magento/module-catalog")
	got := []string{name.Vendor(), name.Project(), string(name.WithVendor("mage-os"))}
	if diff := cmp.Diff([]string{"magento", "module-catalog", "mage-os/module-catalog"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestIsPlatform(t *testing.T) {
	tests := map[string]bool{
		"php": true, "PHP": true, "php-64bit": true, "php-ipv6": true, "php-zts": true, "php-debug": true, "hhvm": true,
		"ext-json": true, "ext-pdo_mysql": true, "ext-zend-opcache": true, "lib-libxml": true, "lib-icu-uc": true,
		"composer": true, "composer-plugin-api": true, "composer-runtime-api": true,
		"php-foo": false, "ext-": false, "ext": false, "phpunit/phpunit": false, "composer/composer": false, "php/php": false, "": false,
	}
	for name, want := range tests {
		if got := IsPlatform(name); got != want {
			t.Errorf("IsPlatform(%q) = %t, want %t", name, got, want)
		}
	}
}
