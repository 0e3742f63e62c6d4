package autoload

import (
	"slices"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases/composer"
)

// FuzzFind holds the walk over separators to a plain look at every prefix, and Find to its promises.
func FuzzFind(f *testing.F) {
	f.Add(`Magento\`, `Magento\Framework\`, "Zend_Db", "Credis_", `Magento\Framework\App`)
	f.Add(`A\`, `A_\`, "A", "A_", `A_\A_`)
	f.Add("", `\`, "_", `\\`, `__\\`)
	f.Add(`Foo`, `Foo\`, "Foo", `Foo\`, `Foo\BarFactory\Proxy`)
	f.Fuzz(func(t *testing.T, psr4a, psr4b, psr0a, psr0b, class string) {
		packages := []Package{
			{Name: "x/a", Autoload: composer.Autoload{PSR4: []composer.NamespacePaths{{Prefix: psr4a}}}},
			{Name: "x/b", Autoload: composer.Autoload{PSR4: []composer.NamespacePaths{{Prefix: psr4b}}}},
			{Name: "x/c", Autoload: composer.Autoload{PSR0: []composer.NamespacePaths{{Prefix: psr0a}}}},
			{Name: "x/d", Autoload: composer.Autoload{PSR0: []composer.NamespacePaths{{Prefix: psr0b}}}},
		}
		x := New(packages)
		got, ok := x.byPrefix(class)
		want := plain(packages, class)
		if got != want || ok != (want != "") {
			t.Errorf("%q is of %q, %v; want %q", class, got, ok, want)
		}
		slices.Reverse(packages)
		found, ok := x.Find(class)
		if again, _ := New(packages).Find(class); again != found {
			t.Errorf("%q is of %q, with the packages in the other order of %q", class, found, again)
		}
		if ok == (found == "") {
			t.Errorf("%q is of %q, %v", class, found, ok)
		}
		if want != "" && !strings.HasPrefix(class, `\`) && !strings.HasSuffix(class, `\`) && x.classes[class] == "" && found != want {
			t.Errorf("%q is of %q by prefix, but of %q", class, want, found)
		}
	})
}

// plain is the package with the longest prefix that class has: of equals one by psr-4, then the first by name.
func plain(packages []Package, class string) string {
	best, pkg := "", ""
	for _, p := range packages {
		for _, row := range p.Autoload.PSR4 {
			if strings.HasSuffix(row.Prefix, `\`) && len(row.Prefix) > len(best) && len(class) > len(row.Prefix) && strings.HasPrefix(class, row.Prefix) {
				best, pkg = row.Prefix, p.Name
			}
		}
	}
	for _, p := range packages {
		for _, row := range p.Autoload.PSR0 {
			rest, ok := strings.CutPrefix(class, row.Prefix)
			if ok && len(row.Prefix) > len(best) && reaches(row.Prefix, rest) {
				best, pkg = row.Prefix, p.Name
			}
		}
	}
	return pkg
}

// reaches says whether a psr-0 prefix counts for a name that goes on with rest.
func reaches(prefix, rest string) bool {
	ended := strings.HasSuffix(prefix, `\`) || strings.HasSuffix(prefix, "_")
	if ended {
		return rest != ""
	}
	return rest == "" || rest[0] == '\\' || rest[0] == '_'
}
