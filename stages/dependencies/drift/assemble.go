package drift

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/composer"
)

// report joins the verdicts.
func (w *world) report(verdicts []*verdict) Report {
	r := Report{
		Index: w.locked, Packages: []Package{}, Findings: []Finding{}, Provided: []Provided{}, Unknown: []Unknown{}, BlindSpots: []BlindSpot{},
		Problems: []Problem{}, Missing: []string{},
	}
	provided := map[string]*Provided{}
	missing := map[string]bool{}
	for _, v := range verdicts {
		r.Packages = append(r.Packages, v.describe())
		r.Findings = append(r.Findings, v.findings...)
		r.Problems = append(r.Problems, v.usage.problems...)
		for _, name := range v.reach.open {
			missing[name] = true
		}
		for name, row := range v.provided {
			key := name + " " + row.By
			if provided[key] == nil {
				provided[key] = &row
			}
			provided[key].Packages = append(provided[key].Packages, v.s.Name)
		}
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return a.Key().compare(b.Key()) })
	for _, key := range slices.Sorted(maps.Keys(provided)) {
		r.Provided = append(r.Provided, *provided[key])
	}
	r.Unknown = unknown(verdicts)
	r.Missing = slices.AppendSeq(r.Missing, maps.Keys(missing))
	slices.Sort(r.Missing)
	for _, name := range slices.Sorted(maps.Keys(w.blind)) {
		r.BlindSpots = append(r.BlindSpots, BlindSpot{Package: name, Reason: w.blind[name]})
	}
	return r
}

func (v *verdict) describe() Package {
	p := Package{Name: v.s.Name, Repository: v.s.Repository, Directory: v.s.Directory, Files: len(v.s.found)}
	for _, l := range v.s.manifest.Links(composer.Require) {
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
			space := namespaceOf(class)
			place := v.usage.unknown[class][0]
			one, ok := spaces[space]
			if !ok {
				one = &Unknown{Namespace: space, Tests: true, Place: place, Package: v.s.Name}
				spaces[space] = one
			}
			if one.Tests && !v.usage.testOnly[class] {
				one.Tests, one.Place, one.Package = false, place, v.s.Name
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

// Sentence sums up what could not be judged; empty: nothing.
func (r Report) Sentence() string {
	if len(r.Unknown) == 0 {
		return ""
	}
	names, tests := 0, 0
	for _, u := range r.Unknown {
		names += u.Names
		if u.Tests {
			tests++
		}
	}
	return fmt.Sprintf("%s of %s could not be judged; %d of these only tests name.",
		count(names, "class name"), count(len(r.Unknown), "unknown namespace"), tests)
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
