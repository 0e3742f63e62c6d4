package releases

import (
	"fmt"
	"maps"
	"slices"

	"github.com/mage-os/nightly/releases/composer"
)

// version is the version in which a package is built that has the given one at
// the latest tag.
func (p *Plan) version(base string) (string, error) {
	if p.Release != nil {
		return p.Release.Version, nil
	}
	return NightlyVersion(baseVersion(base, p.Line.Versions.Fallback), p.Date, p.Number, p.Local())
}

// release adds what is different in a tagged release: a release commit bears the
// built names already, while the root composer.json beside it still has the old
// ones, so that both names mean the package. What is declared independent must not
// be built: it has a version of its own.
func (r *Rules) release(p *Plan) []error {
	var problems []error
	for _, from := range slices.Sorted(maps.Keys(p.Line.Rename)) {
		for name := range r.versions {
			old := name.WithVendor(from)
			if _, known := r.names[old]; !known && name.Vendor() == p.Line.Rename[from] {
				r.names[old] = name
			}
		}
	}
	for _, name := range p.Line.Independent {
		if _, built := r.versions[composer.Name(name)]; built {
			problems = append(problems, fmt.Errorf("package %s: it is declared independent, but a repository of the release line has it; "+
				"take it out of \"independent\", or the repository out of the line", name))
		}
	}
	return problems
}

// Unknown reports whether a package is of the line's own vendor, in the sources or
// built, and is nevertheless neither built nor declared independent: nobody would
// ever publish it in a version that fits. Of nights, it is not asked.
func (r *Rules) Unknown(p *Plan, name composer.Name) bool {
	if p.Release == nil {
		return false
	}
	_, built := r.Version(name)
	_, renamed := p.Line.Rename[name.Vendor()]
	return (renamed || string(name.Vendor()) == p.Line.Vendor) && !built && !slices.Contains(p.Line.Independent, string(name))
}
