package autoload

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/composer"
)

// A BlindSpot is a package whose classes the index cannot find, or not surely, and why.
type BlindSpot struct {
	Package string
	Reason  string
}

// BlindSpots are the packages that cannot be indexed, by name. Not among them are packages that have no class by their
// nature: metapackages, themes and language packs, which have at most a registration.php. The caller owns the slice.
func (x *Index) BlindSpots() []BlindSpot { return slices.Clone(x.blindSpots) }

// withoutClasses are Composer's types whose packages have no class that another package could name: they are rows of
// require, templates and styles, or translations.
var withoutClasses = []string{"metapackage", "magento2-theme", "magento2-language"}

// judge adds p to the blind spots if it is one.
func (b *builder) judge(p Package) {
	switch {
	case b.rows(p) > 0:
	case b.lostPrefix[p.Name] != (lost{}):
		l := b.lostPrefix[p.Name]
		b.blind(p, fmt.Sprintf("%s has the same prefix %s and gets its classes; packages.yaml has no row that tells whose they are", l.winner, l.prefix))
	case b.reached[p.Name]:
	case slices.Contains(withoutClasses, p.Type) && len(p.Autoload.Classmap) == 0 && onlyRegistration(p.Autoload):
	default:
		b.blind(p, unreached(p)+"; packages.yaml has no row for it")
	}
}

func (b *builder) blind(p Package, reason string) {
	b.blindSpots = append(b.blindSpots, BlindSpot{Package: p.Name, Reason: reason})
}

// onlyRegistration says whether a section loads nothing but the file that makes a package known to Magento.
func onlyRegistration(a composer.Autoload) bool {
	return !slices.ContainsFunc(a.Files, func(file string) bool { return path.Base(file) != "registration.php" })
}

// unreached says why no prefix leads to p.
func unreached(p Package) string {
	a := p.Autoload
	switch {
	case len(a.PSR4)+len(a.PSR0) > 0:
		return `its prefixes are empty or, in psr-4, without "\" at their end, and so lead to no class`
	case len(a.Classmap) > 0:
		return "its classmap gives paths (" + strings.Join(a.Classmap, ", ") + "), not names"
	case p.Type == "magento2-component" && onlyRegistration(a):
		return "a component is copied into the shop, whose own autoload section finds its classes"
	case len(a.Files) > 0 && onlyRegistration(a):
		return "it loads only registration.php"
	case len(a.Files) > 0:
		return "it loads files (" + strings.Join(a.Files, ", ") + "), not classes by name"
	}
	return "it has no autoload section"
}
