package dependencies

import (
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// TestForeign: a package of another vendor is built only where the line lists it.
func TestForeign(t *testing.T) {
	sources := []source{
		{name: "one", head: files{"a/composer.json": named("psr/clock"), "b/composer.json": named("psr/log")}, layout: []releases.Package{{Each: "."}}},
		{name: "shop", head: files{"composer.json": named("psr/shop")}, layout: []releases.Package{{Metapackage: "."}}},
	}
	_, err := analyse(t, stages.Analysis{Editions: []releases.Edition{{Name: "project", Type: "project", Repository: "shop", Product: "product"}}}, sources...)
	for _, want := range []string{
		`one:a/composer.json: package psr/clock is of none of the line's vendors (acme); exclude it in the release line, or list it there under "foreign"`,
		`one:b/composer.json: package psr/log is of none`, `shop:composer.json: package psr/shop is of none`,
		`edition project: shop:composer.json: package psr/shop is of none`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error does not hold %q:\n%v", want, err)
		}
	}
	out, err := analyse(t, stages.Analysis{Foreign: []string{"psr/clock", "psr/log"}}, sources[0])
	if err != nil || len(out.Packages) != 2 {
		t.Errorf("%+v, %v", out.Packages, err)
	}
}
