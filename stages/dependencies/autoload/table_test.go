package autoload

import (
	"slices"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases/composer"
)

// TestTable holds packages.yaml to names that are Composer's and PHP's, each there once.
func TestTable(t *testing.T) {
	table, err := parseTable(packagesYAML)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range table {
		if _, err := composer.ParseName(strings.Replace(name, "*/", "any/", 1)); err != nil {
			t.Error(err)
		}
		for _, list := range [][]string{r.Classes, r.Functions, r.Prefixes} {
			for i, entry := range list {
				if strings.HasPrefix(entry, `\`) || strings.ContainsAny(entry, " /,") || slices.Contains(list[:i], entry) {
					t.Errorf("%s: %q is no name, or there twice", name, entry)
				}
			}
		}
	}
}

// TestTableRowsAreReached makes sure that every name and prefix of the table leads to its package when it is alone.
func TestTableRowsAreReached(t *testing.T) {
	for name, r := range rows() {
		name = strings.Replace(name, "*/", "any/", 1)
		x := New([]Package{{Name: name, Type: "library", Autoload: composer.Autoload{Classmap: []string{"src"}}}})
		if spots := x.BlindSpots(); len(spots) > 0 {
			t.Errorf("%s is a blind spot: %v", name, spots)
		}
		for _, class := range r.Classes {
			expect(t, x.Find, class, name)
		}
		for _, prefix := range r.Prefixes {
			expect(t, x.Find, prefix+"Any", name)
		}
		for _, function := range r.Functions {
			expect(t, x.FindFunction, function, name)
		}
	}
}

func expect(t *testing.T, find func(string) (string, bool), name, want string) {
	t.Helper()
	if got, _ := find(name); got != want {
		t.Errorf("%s is of %q, want %s", name, got, want)
	}
}

func TestParseTableRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"unknown key", "- package: a/b\n  reason: x\n  klasses: [A]\n", "klasses"},
		{"no reason", "- package: a/b\n  classes: [A]\n", "lacks its package or reason"},
		{"no package", "- reason: x\n", "lacks its package or reason"},
		{"twice", "- {package: a/b, reason: x}\n- {package: a/b, reason: y}\n", "two rows for a/b"},
		{"prefix without end", "- {package: a/b, reason: x, prefixes: [Foo]}\n", `prefix "Foo" of a/b`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseTable([]byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want in it %q", err, test.want)
			}
		})
	}
}
