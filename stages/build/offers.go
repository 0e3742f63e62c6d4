package build

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/composer"
)

// An offer is a version of a package that can be had. One that is not exact is
// a range that another package replaces or provides; it is taken to fit, since
// only Composer's solver can tell whether ranges meet.
type offer struct {
	version composer.Version
	exact   bool
	text    string
}

// newOffer reads a version, or the constraint of a replace or provide.
func newOffer(text string) offer {
	v, err := composer.ParseVersion(strings.TrimPrefix(text, "="))
	return offer{version: v, exact: err == nil, text: text}
}

// offers are what a set of packages has.
type offers struct {
	byName   map[composer.Name][]offer
	replaced map[composer.Name][]offer // and provided
}

// newOffers are the offers of the built packages.
func newOffers(packages []composed) (offers, error) {
	o := offers{byName: map[composer.Name][]offer{}, replaced: map[composer.Name][]offer{}}
	var errs []error
	for _, p := range packages {
		version := p.manifest.Version()
		if _, err := composer.ParseVersion(version); err != nil {
			errs = append(errs, fmt.Errorf("%s (%s): version %q: %w", p.manifest.Name(), p.file(), version, err))
			continue
		}
		o.add(p.manifest.Name(), version, p.manifest.Links(composer.Replace), p.manifest.Links(composer.Provide))
	}
	return o, errors.Join(errs...)
}

// lockOffers are the offers of a composer.lock, with its require-dev.
func lockOffers(lock *composer.Lock) offers {
	o := offers{byName: map[composer.Name][]offer{}, replaced: map[composer.Name][]offer{}}
	for _, p := range slices.Concat(lock.Packages, lock.PackagesDev) {
		o.add(string(p.Name), p.Version, p.Replace, p.Provide)
	}
	return o
}

func (o offers) add(name, version string, others ...[]composer.Link) {
	n := composer.Name(strings.ToLower(name))
	o.byName[n] = append(o.byName[n], newOffer(version))
	for _, l := range slices.Concat(others...) {
		text := l.Constraint
		if text == composer.SelfVersion {
			text = version
		}
		n := composer.Name(strings.ToLower(l.Name))
		o.replaced[n] = append(o.replaced[n], newOffer(text))
	}
}

// maxListed bounds how many versions an error names.
const maxListed = 5

// versionList names the first versions.
func versionList(found []offer) string {
	texts := make([]string, 0, maxListed)
	for _, o := range found[:min(len(found), maxListed)] {
		texts = append(texts, o.text)
	}
	if more := len(found) - maxListed; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d older", more))
	}
	return strings.Join(texts, ", ")
}
