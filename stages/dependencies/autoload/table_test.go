package autoload

import (
	"slices"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases/composer"
)

// TestTable holds packages.yaml to names that are Composer's and PHP's, each there once.
func TestTable(t *testing.T) {
	table, err := parseRows(packagesYAML)
	if err != nil {
		t.Fatal(err)
	}
	if len(table) != len(rows()) {
		t.Errorf("%d rows about %d packages; make those of one package one", len(table), len(rows()))
	}
	for _, r := range table {
		name := r.Package
		if len(r.Reason) < 10 {
			t.Errorf("%s: reason %q says nothing", name, r.Reason)
		}
		for _, prefix := range r.Prefixes {
			if prefix == "" || !isSeparator(prefix[len(prefix)-1]) {
				t.Errorf(`%s: prefix %q has to end in "\" or "_"`, name, prefix)
			}
		}
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

func TestParseRowsRefuses(t *testing.T) {
	if _, err := parseRows([]byte("- package: a/b\n  reason: x\n  klasses: [A]\n")); err == nil || !strings.Contains(err.Error(), "klasses") {
		t.Errorf("error %v, want one about klasses", err)
	}
}
