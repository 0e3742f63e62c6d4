package build

import (
	"slices"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

// unmet are the requires that a mirror cannot meet, of packages of its own vendors: others
// come from elsewhere.
type unmet struct {
	notes []releases.Note
	told  map[[2]string]bool            // a package and what it requires
	met   map[composer.Link]bool        // asked before
	there map[string][]composer.Version // of a package
}

// look notes what a version requires and nothing in the mirror meets, once for each package:
// its versions are looked at newest first.
func (m *mirror) look(v mirrored, manifest *composer.Manifest) {
	u := &m.unmet
	if u.met == nil {
		u.told, u.met, u.there = map[[2]string]bool{}, map[composer.Link]bool{}, map[string][]composer.Version{}
	}
	for _, l := range manifest.Links(composer.Require) {
		key := [2]string{manifest.Name(), l.Name}
		if l.Constraint == composer.SelfVersion || u.told[key] || !slices.Contains(m.in.Plan.Line.Vendors(), composer.Name(l.Name).Vendor()) || m.meets(l) {
			continue
		}
		u.told[key] = true
		n := releases.Note{Packages: []string{manifest.Name() + " " + v.version}, What: l.Name + " is required, and is not in this mirror", Requires: l.Name}
		if len(u.there[l.Name]) > 0 {
			n.Packages[0] += " (" + l.Constraint + ")"
			n.What, n.Requires = l.Name+" is required in a version that is not in this mirror", ""
		}
		u.notes = append(u.notes, n)
	}
}

func (m *mirror) meets(l composer.Link) bool {
	if met, asked := m.unmet.met[l]; asked {
		return met
	}
	versions, known := m.unmet.there[l.Name]
	if !known {
		versions = m.versionsOf(l.Name)
		m.unmet.there[l.Name] = versions
	}
	constraint, err := composer.ParseConstraint(l.Constraint)
	met := m.provided[l.Name] || err == nil && slices.ContainsFunc(versions, constraint.Matches)
	m.unmet.met[l] = met
	return met
}

// versionsOf are the versions of a package, new ones and published ones.
func (m *mirror) versionsOf(name string) (versions []composer.Version) {
	add := func(text string) {
		if v, err := composer.ParseVersion(text); err == nil {
			versions = append(versions, v)
		}
	}
	for _, v := range m.byName[name] {
		add(v.version)
	}
	for _, file := range []string{name, name + "~dev"} {
		if f := m.published.File(file); f != nil {
			for _, v := range f.Versions {
				add(v.Version)
			}
		}
	}
	return versions
}
