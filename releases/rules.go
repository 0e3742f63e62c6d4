package releases

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/composer"
)

// Rules are how the packages of one night are named, versioned and pinned. They
// know every package that is built, those without a release too; nothing else is
// renamed or pinned. They do not change, so several goroutines may use them.
type Rules struct {
	names    map[composer.Name]composer.Name // source name → built name
	versions map[composer.Name]string        // built name → version
	bases    map[composer.Name]string        // source name → version at the latest tag, "" for a new one
	replace  map[composer.Name]string        // source name → upstream version that the built one replaces
	vendors  map[string]string               // as in Line.Rename
	edits    map[composer.Name][]Edit        // by built name
	// pins are the versions that links to packages get: those of all that are
	// built, or of a tag those that the line fixes. By built name.
	pins map[composer.Name]string
	// released says that the versions are those of the sources, as they were
	// released: then what the sources require of each other is right, too.
	released bool
}

// NewRules makes the rules for the packages that are built: built maps the name
// of each in the sources to its version at the latest tag, "" for one that is new
// since. All packages whose version cannot be raised, and all whose built
// names clash, are named in one error.
func NewRules(p *Plan, built map[composer.Name]string) (*Rules, error) {
	r := &Rules{
		names:    make(map[composer.Name]composer.Name, len(built)),
		versions: make(map[composer.Name]string, len(built)),
		bases:    maps.Clone(built),
		replace:  map[composer.Name]string{},
		vendors:  maps.Clone(p.Line.Rename),
		edits:    map[composer.Name][]Edit{},
	}
	var problems []error
	sources := map[composer.Name]composer.Name{} // built name → source name
	for _, source := range slices.Sorted(maps.Keys(built)) {
		name := r.builtName(source)
		if other, taken := sources[name]; taken {
			problems = append(problems, fmt.Errorf("packages %s and %s: both would be built as %s; exclude one in the release line",
				other, source, name))
			continue
		}
		sources[name], r.names[source] = source, name
		version, err := p.version(built[source])
		if err != nil {
			problems = append(problems, fmt.Errorf("package %s: %w; correct \"version\" in its composer.json, and tag a release", source, err))
			continue
		}
		r.versions[name] = version
	}
	if p.Release != nil {
		problems = append(problems, r.release(p)...)
	}
	r.pins = r.versions
	r.addReplace(p)
	if err := errors.Join(append(problems, r.addEdits(p.Line.Edits, sources)...)...); err != nil {
		return nil, err
	}
	return r, nil
}

// numeric is how a base version begins that can be raised at all.
var numeric = regexp.MustCompile(`^v?[0-9]`)

// baseVersion takes a package whose version at the latest tag is none ("dev-main")
// for one that is new since.
func baseVersion(base, fallback string) string {
	if numeric.MatchString(base) {
		return base
	}
	return fallback
}

func (r *Rules) builtName(source composer.Name) composer.Name {
	if vendor, ok := r.vendors[source.Vendor()]; ok {
		return source.WithVendor(vendor)
	}
	return source
}

// addReplace notes which upstream package each renamed one stands in for. The
// package that the upstream versions come from, the product, is replaced by
// nothing: whoever requires it wants that distribution, not this one.
func (r *Rules) addReplace(p *Plan) {
	for source, name := range r.names {
		version, known := p.Replace[string(source)]
		isProduct := p.Line.Upstream != nil && p.Line.Upstream.Package == string(source)
		if known && source != name && !isProduct {
			r.replace[source] = strings.TrimPrefix(version, "v")
		}
	}
}

func (r *Rules) addEdits(edits []Edit, sources map[composer.Name]composer.Name) []error {
	var problems []error
	for _, edit := range edits {
		name := composer.Name(edit.Package)
		if _, ok := sources[name]; !ok {
			problems = append(problems, fmt.Errorf("edit of %s: no package of that name is built; "+
				"correct the name under \"edits\" of the release line, or take the edit out", edit.Package))
			continue
		}
		r.edits[name] = append(r.edits[name], edit)
	}
	return problems
}

// Rename is the name under which a package is built; the name as it is for a
// package that is not built.
func (r *Rules) Rename(name composer.Name) composer.Name {
	if built, ok := r.names[name]; ok {
		return built
	}
	return name
}

// Version is the version that a package is built in, by the name that it has in
// the sources or the one that it is built under; false if it is not built.
func (r *Rules) Version(name composer.Name) (string, bool) {
	version, ok := r.versions[r.Rename(name)]
	return version, ok
}

// renameLink is the one rename of a link's name. Composer's names know no case.
func (r *Rules) renameLink(name string) string {
	lower := composer.Name(strings.ToLower(name))
	if built := r.Rename(lower); built != lower {
		return string(built)
	}
	return name
}

// pin is the one pin: a package that is built is wanted in its own version,
// whatever the sources say ("self.version" among it); others as they are.
func (r *Rules) pin(link composer.Link) composer.Link {
	if version, ok := r.pins[r.Rename(composer.Name(strings.ToLower(link.Name)))]; ok {
		link.Constraint = version
	}
	link.Name = r.renameLink(link.Name)
	return link
}
