package releases

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/mage-os/nightly/releases/composer"
)

// NewTagRules makes the rules for the packages of one tag: built maps the name of
// each in the sources to the version that it has there. The part is the line's for
// that tag (Line.ForTag), whose fixed versions go before those of the sources and
// before what the sources require. All versions that Composer cannot read, and all
// built names that clash, are named in one error.
func NewTagRules(part *Line, built map[composer.Name]string) (*Rules, error) {
	r := &Rules{
		names: make(map[composer.Name]composer.Name, len(built)), versions: make(map[composer.Name]string, len(built)),
		bases: maps.Clone(built), replace: map[composer.Name]string{}, vendors: maps.Clone(part.Rename),
		edits: map[composer.Name][]Edit{}, pins: map[composer.Name]string{}, released: true,
	}
	for _, repository := range part.Repositories {
		for _, fix := range repository.FixVersions {
			for name, version := range fix.Versions {
				r.pins[r.builtName(composer.Name(name))] = version
			}
		}
	}
	var problems []error
	sources := map[composer.Name]composer.Name{} // built name → source name
	for _, source := range slices.Sorted(maps.Keys(built)) {
		name := r.builtName(source)
		if other, taken := sources[name]; taken {
			problems = append(problems, fmt.Errorf("packages %s and %s: both would be built as %s; exclude one in the release line", other, source, name))
			continue
		}
		sources[name], r.names[source] = source, name
		version, fixed := r.pins[name]
		if !fixed {
			version = built[source]
		}
		if _, err := composer.ParseVersion(version); err != nil {
			problems = append(problems, fmt.Errorf("package %s: %w; put the right one under fix-versions of the release line", source, err))
			continue
		}
		r.versions[name] = version
	}
	for _, edit := range part.Edits { // most are of packages that other tags have
		if name := composer.Name(edit.Package); sources[name] != "" {
			r.edits[name] = append(r.edits[name], edit)
		}
	}
	return r, errors.Join(problems...)
}

// Fixed is the version that the line fixes for a package of the tag.
func (r *Rules) Fixed(source composer.Name) (string, bool) {
	version, ok := r.pins[r.builtName(source)]
	return version, ok && r.released
}
