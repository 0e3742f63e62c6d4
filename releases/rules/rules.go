// Package rules says how the packages of one snapshot are named, versioned and pinned,
// and rewrites their composer.json.
package rules

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

// A Set holds the rules for all packages that are built. Other packages are neither
// renamed nor pinned. It does not change, so several goroutines may use it.
type Set struct {
	names    map[composer.Name]composer.Name   // source name → built name
	versions map[composer.Name]string          // built name → version
	bases    map[composer.Name]string          // source name → version at the latest tag, "" for a new package
	replace  map[composer.Name]string          // source name → upstream version that the built one replaces
	vendors  map[string]string                 // as in Line.Rename
	edits    map[composer.Name][]releases.Edit // by built name
	// pins are the versions to which links are pinned, by built name: those of all that
	// is built, or those that the line fixes for a tag.
	pins map[composer.Name]string
	// tagged says that the sources are a tag, whose packages keep their versions: then
	// what they require of each other is right, too.
	tagged bool
}

// ForPlan makes the rules of a night or a release. Built maps each package's name in the
// sources to its version at the latest tag, "" for one that is new since. The error
// names all packages whose version cannot be raised or whose built names clash.
func ForPlan(p *releases.Plan, built map[composer.Name]string) (*Set, error) {
	s := newSet(p.Line.Rename, built)
	problems := s.build(built, func(_ composer.Name, base string) (string, error) {
		version, err := versionOf(p, base)
		if err != nil {
			err = fmt.Errorf("%w; correct \"version\" in its composer.json, and tag a release", err)
		}
		return version, err
	})
	if p.Release != nil {
		problems = append(problems, s.release(p)...)
	}
	for _, edit := range p.Line.Edits {
		if _, known := s.versions[composer.Name(edit.Package)]; !known {
			problems = append(problems, fmt.Errorf("edit of %s: no package of that name is built; "+
				"correct the name under \"edits\" of the release line, or take the edit out", edit.Package))
		}
	}
	s.addReplace(p)
	s.pins = s.versions
	s.addEdits(p.Line.Edits)
	return s, errors.Join(problems...)
}

// ForTag makes the rules of one tag. Built maps each package's name in the sources to its
// version there. The part of the line is Line.ForTag's: the versions that it fixes go
// before those of the sources and before what the sources require. The error names all
// versions that Composer cannot read, and all built names that clash.
func ForTag(part *releases.Line, built map[composer.Name]string) (*Set, error) {
	s := newSet(part.Rename, built)
	s.tagged = true
	for _, repository := range part.Repositories {
		for _, fix := range repository.FixVersions {
			for name, version := range fix.Versions {
				s.pins[s.builtName(composer.Name(name))] = version
			}
		}
	}
	problems := s.build(built, func(name composer.Name, version string) (string, error) {
		if fixed, ok := s.pins[name]; ok {
			version = fixed
		}
		if _, err := composer.ParseVersion(version); err != nil {
			return "", fmt.Errorf("%w; put the right one under fix-versions of the release line", err)
		}
		return version, nil
	})
	s.addEdits(part.Edits)
	return s, errors.Join(problems...)
}

func newSet(vendors map[string]string, built map[composer.Name]string) *Set {
	return &Set{
		names: make(map[composer.Name]composer.Name, len(built)), versions: make(map[composer.Name]string, len(built)),
		bases: built, replace: map[composer.Name]string{}, vendors: vendors,
		edits: map[composer.Name][]releases.Edit{}, pins: map[composer.Name]string{},
	}
}

// build names all packages, and gives each the version for its built name and for the
// version that it has.
func (s *Set) build(built map[composer.Name]string, version func(name composer.Name, has string) (string, error)) []error {
	var problems []error
	sources := map[composer.Name]composer.Name{} // built name → source name
	for _, source := range slices.Sorted(maps.Keys(built)) {
		name := s.builtName(source)
		if other, taken := sources[name]; taken {
			problems = append(problems, fmt.Errorf("packages %s and %s: both would be built as %s; exclude one in the release line", other, source, name))
			continue
		}
		sources[name], s.names[source] = source, name
		v, err := version(name, built[source])
		if err != nil {
			problems = append(problems, fmt.Errorf("package %s: %w", source, err))
		}
		s.versions[name] = v
	}
	return problems
}

// numeric is how a version begins that can be raised.
var numeric = regexp.MustCompile(`^v?[0-9]`)

// versionOf is the version in which a package is built that has the base version at the
// latest tag. One that is no version there ("dev-main") is new since.
func versionOf(p *releases.Plan, base string) (string, error) {
	if p.Release != nil {
		return p.Release.Version, nil
	}
	if !numeric.MatchString(base) {
		base = p.Line.Versions.Fallback
	}
	if p.Preview != nil {
		return PreviewVersion(base, p.Date, p.Number, p.Preview.Label)
	}
	return NightlyVersion(base, p.Date, p.Number, p.Local())
}

// release adds what is different in a tagged release. A release commit has the built
// names already, while the root composer.json beside it still has the old ones: both
// mean the package. What is declared independent must not be built, since it has a
// version of its own.
func (s *Set) release(p *releases.Plan) []error {
	var problems []error
	for _, from := range slices.Sorted(maps.Keys(p.Line.Rename)) {
		for name := range s.versions {
			old := name.WithVendor(from)
			if _, known := s.names[old]; !known && name.Vendor() == p.Line.Rename[from] {
				s.names[old] = name
			}
		}
	}
	for _, name := range p.Line.Independent {
		if _, built := s.versions[composer.Name(name)]; built {
			problems = append(problems, fmt.Errorf("package %s: it is declared independent, but a repository of the release line has it; "+
				"take it out of \"independent\", or the repository out of the line", name))
		}
	}
	return problems
}

// addReplace notes which upstream package each renamed one stands in for. Nothing
// replaces the product, the package that the upstream versions come from: whoever
// requires it wants that distribution, not this one.
func (s *Set) addReplace(p *releases.Plan) {
	for source, name := range s.names {
		version, known := p.Replace[string(source)]
		isProduct := p.Line.Upstream != nil && p.Line.Upstream.Package == string(source)
		if known && source != name && !isProduct {
			s.replace[source] = strings.TrimPrefix(version, "v")
		}
	}
}

// addEdits takes the edits of what is built; a line of tags edits packages that other
// tags have.
func (s *Set) addEdits(edits []releases.Edit) {
	for _, edit := range edits {
		if name := composer.Name(edit.Package); s.versions[name] != "" {
			s.edits[name] = append(s.edits[name], edit)
		}
	}
}

func (s *Set) builtName(source composer.Name) composer.Name {
	if vendor, ok := s.vendors[source.Vendor()]; ok {
		return source.WithVendor(vendor)
	}
	return source
}

// Rename is the name under which a package is built; of one that is not built, the name
// as it is.
func (s *Set) Rename(name composer.Name) composer.Name {
	if built, ok := s.names[name]; ok {
		return built
	}
	return name
}

// Version is the version in which a package is built, by either of its names; false if
// it is not built.
func (s *Set) Version(name composer.Name) (string, bool) {
	version, ok := s.versions[s.Rename(name)]
	return version, ok
}

// Unknown reports whether a release requires a package of the line's own vendor, by
// either name, that is neither built nor declared independent: nobody would ever publish
// it in a version that fits. A night has none.
func (s *Set) Unknown(p *releases.Plan, name composer.Name) bool {
	if p.Release == nil {
		return false
	}
	_, built := s.Version(name)
	_, renamed := p.Line.Rename[name.Vendor()]
	return (renamed || string(name.Vendor()) == p.Line.Vendor) && !built && !slices.Contains(p.Line.Independent, string(name))
}

// renameLink renames what a link names. Composer's names know no case.
func (s *Set) renameLink(name string) string {
	lower := composer.Name(strings.ToLower(name))
	if built := s.Rename(lower); built != lower {
		return string(built)
	}
	return name
}

// pin renames a link and pins it: a package that is built is wanted in its own version,
// whatever the sources say ("self.version", too).
func (s *Set) pin(link composer.Link) composer.Link {
	if version, ok := s.pins[s.Rename(composer.Name(strings.ToLower(link.Name)))]; ok {
		link.Constraint = version
	}
	link.Name = s.renameLink(link.Name)
	return link
}
