package drift

import (
	"maps"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/composer"
)

// report joins the verdicts.
func (d *distribution) report(verdicts []*verdict) Report {
	r := Report{
		Index: d.locked, Packages: []Package{}, Findings: []Finding{}, Gone: []Key{}, Provided: []Provided{}, Unknown: unknown(verdicts),
		BlindSpots: []BlindSpot{}, Problems: []Problem{}, Missing: []string{},
	}
	provided := map[string]*Provided{}
	for _, v := range verdicts {
		r.Packages = append(r.Packages, v.describe())
		r.Findings = append(r.Findings, v.findings...)
		r.Problems = append(r.Problems, v.usage.problems...)
		r.Missing = append(r.Missing, v.reach.open...)
		for name, row := range v.provided {
			key := name + " " + row.By
			if provided[key] == nil {
				provided[key] = &row
			}
			provided[key].Packages = append(provided[key].Packages, v.m.Name)
		}
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return a.Key().compare(b.Key()) })
	for _, key := range slices.Sorted(maps.Keys(provided)) {
		r.Provided = append(r.Provided, *provided[key])
	}
	slices.Sort(r.Missing)
	r.Missing = slices.Compact(r.Missing)
	for _, name := range slices.Sorted(maps.Keys(d.blind)) {
		r.BlindSpots = append(r.BlindSpots, BlindSpot{Package: name, Reason: d.blind[name]})
	}
	return r
}

func (v *verdict) describe() Package {
	p := Package{Name: v.m.Name, Repository: v.m.Repository, Directory: v.m.Directory, Files: len(v.m.found)}
	for _, l := range v.m.manifest.Links(composer.Require) {
		if !composer.IsPlatform(l.Name) {
			p.Requires++
		}
	}
	return p
}

// unknown sums up the classes that no known package holds, by namespace.
func unknown(verdicts []*verdict) []Unknown {
	spaces := map[string]*Unknown{}
	names := map[string]bool{}
	for _, v := range verdicts {
		for _, class := range slices.Sorted(maps.Keys(v.usage.unknown)) {
			first, space := v.usage.unknown[class], namespaceOf(class)
			one := spaces[space]
			if one == nil {
				one = &Unknown{Namespace: space, Tests: true, Place: first.Place, Package: v.m.Name}
				spaces[space] = one
			}
			if one.Tests && !first.Tests {
				one.Tests, one.Place, one.Package = false, first.Place, v.m.Name
			}
			if !names[class] {
				names[class] = true
				one.Names++
			}
		}
	}
	list := []Unknown{}
	for _, space := range slices.Sorted(maps.Keys(spaces)) {
		list = append(list, *spaces[space])
	}
	return list
}

// namespaceOf gives the first two parts of a class's namespace, or what stands
// for one in a name without: Zend_Db of Zend_Db_Select.
func namespaceOf(class string) string {
	if parts := strings.Split(class, `\`); len(parts) > 1 {
		return strings.Join(parts[:min(2, len(parts)-1)], `\`)
	}
	parts := strings.Split(class, "_")
	return strings.Join(parts[:min(2, len(parts))], "_")
}
