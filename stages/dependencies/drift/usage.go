package drift

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages/dependencies/php"
	"github.com/mage-os/nightly/stages/dependencies/platform"
	"github.com/mage-os/nightly/stages/dependencies/scan"
)

// readAll reads the files of all packages that are judged, and notes which of
// them holds which module, theme and class.
func (o Options) readAll(ctx context.Context, d *distribution) (err error) {
	for i, m := range d.own {
		if m.found, err = scan.Files(ctx, o.Store, m.files); err != nil {
			return err
		}
		d.register(m)
		o.Progress.Tell(pipeline.Step{Stage: Name, Item: m.Name, Done: int64(i + 1), Total: int64(len(d.own)), Unit: "packages"})
	}
	return nil
}

// register notes what a package declares. A class that its tests declare, or a
// second package does, says nothing about who holds it.
func (d *distribution) register(m *member) {
	for _, f := range m.found {
		isComponent := strings.HasSuffix(f.Path, "module.xml") || strings.HasSuffix(f.Path, "registration.php")
		for _, name := range f.Declares {
			switch key := strings.ToLower(name); {
			case m.areTests(f.Path):
			case isComponent:
				d.modules[name] = m.Name
			case d.classes[key] == "":
				d.classes[key] = m.Name
			}
		}
	}
}

// A role is what the use of another package means for a require of it.
type role int

const (
	code   role = iota // in PHP that runs
	config             // classes in XML files and GraphQL schemas, parents of themes
	loose              // names in strings and the ids of modules: nothing that must be there
	idle               // imports and doc comments
	tests              // classes that tests load
	quiet              // what else tests name
	roles
)

func roleOf(k php.Kind, inTests bool) role {
	switch {
	case inTests && isCode(k):
		return tests
	case inTests:
		return quiet
	case isCode(k):
		return code
	case isConfig(k):
		return config
	case k == php.Import, k == php.Docblock:
		return idle
	}
	return loose
}

// isCode reports whether the running code needs what is named. A function and a
// constant are looked up when they are reached, as a class is.
func isCode(k php.Kind) bool { return k.Code() || k == php.Function || k == php.Constant }

// isConfig reports whether Magento creates what is named when it reads the file.
func isConfig(k php.Kind) bool { return k == scan.XML || k == scan.GraphQL || k == scan.Theme }

// A use holds every reference of one package to one other package or extension.
type use struct {
	places [roles][]Place
	// convention says that the package was named by convention.
	convention bool
}

// A usage is what one package uses.
type usage struct {
	uses       map[string]*use // by package, or by extension
	extensions map[string][]Place
	unknown    map[string]Unknown // by class, of code and configuration
	problems   []Problem
}

// usage groups a package's references by the package or extension that they lead to.
func (d *distribution) usage(m *member) usage {
	u := usage{uses: map[string]*use{}, extensions: map[string][]Place{}, unknown: map[string]Unknown{}}
	version, polyfill := oldestPHP(m.manifest, d.root), d.polyfills(m)
	declared := map[string]bool{} // in lower case, tests included
	for _, f := range m.found {
		for _, name := range f.Declares {
			declared[strings.ToLower(name)] = true
		}
	}
	for _, f := range m.found {
		if f.Problem != "" {
			u.problems = append(u.problems, Problem{Package: m.Name, Path: f.Path, Problem: f.Problem})
		}
		inTests := m.areTests(f.Path)
		for _, r := range f.References {
			if declared[strings.ToLower(r.Name)] {
				continue
			}
			d.sort(m, &u, r, Place{Path: f.Path, Line: r.Line, Name: r.Name, How: string(r.Kind)}, inTests, version, polyfill)
		}
	}
	return u
}

// sort puts one reference where it belongs.
func (d *distribution) sort(m *member, u *usage, r php.Reference, place Place, inTests bool, version platform.Version, polyfill func(ext, name string) (string, bool)) {
	pkg, convention := "", false
	if ext, ok := extensionOf(r); ok {
		if pkg, ok = polyfill(ext, r.Name); !ok {
			if !inTests && isCode(r.Kind) && !builtIn(ext, version) {
				u.extensions[ext] = append(u.extensions[ext], place)
			}
			return
		}
	} else if pkg, convention, ok = d.holder(r); !ok {
		if isClass(r.Kind) && (isCode(r.Kind) || isConfig(r.Kind) && !isVirtual(r.Name)) {
			first, ok := u.unknown[r.Name]
			if !ok {
				first = Unknown{Tests: true, Place: place}
			}
			first.Tests = first.Tests && inTests
			u.unknown[r.Name] = first
		}
		return
	} else if pkg == m.Name {
		return
	}
	one := u.uses[pkg]
	if one == nil {
		one = &use{}
		u.uses[pkg] = one
	}
	one.convention = one.convention || convention
	in := roleOf(r.Kind, inTests)
	one.places[in] = append(one.places[in], place)
}

// isVirtual reports whether a name of configuration may be that of a virtual
// type of di.xml: one without namespace, be it with what Magento generates.
func isVirtual(name string) bool {
	for _, generated := range []string{`\Proxy`, `\Interceptor`, `\Factory`} {
		name = strings.TrimSuffix(name, generated)
	}
	return !strings.Contains(name, `\`)
}

// isClass reports whether the name of a reference in PHP, XML or a GraphQL schema is
// that of a class.
func isClass(k php.Kind) bool {
	switch k {
	case php.Function, php.Constant, scan.Sequence, scan.Module, scan.Theme:
		return false
	}
	return true
}

// holder finds the package that holds what a reference names.
func (d *distribution) holder(r php.Reference) (pkg string, convention, ok bool) {
	switch r.Kind {
	case scan.Theme:
		for _, area := range []string{"frontend/", "adminhtml/"} {
			if pkg, ok = d.modules[area+r.Name]; ok {
				return pkg, false, true
			}
		}
		return "", false, false
	case scan.Sequence, scan.Module:
		pkg, ok = d.modules[r.Name]
		return pkg, false, ok
	case php.Function:
		pkg, ok = d.index.FindFunction(r.Name)
		return d.graph.own(pkg), false, ok
	case php.Constant:
		if !strings.Contains(r.Name, `\`) {
			return "", false, false
		}
	}
	if pkg, ok = d.index.Find(r.Name); ok {
		return d.graph.own(pkg), false, true
	}
	if pkg, ok = d.classes[strings.ToLower(r.Name)]; ok {
		return pkg, false, true
	}
	if pkg, ok = byNamespace(r.Name); ok {
		return d.graph.own(pkg), false, true
	}
	if pkg, ok = byConvention(r.Name); ok && !d.locked {
		return d.graph.own(pkg), true, true
	}
	return "", false, false
}

// strength orders the ways to use a class: what cannot be loaded without it
// comes first, and what merely asks about it last.
func strength(how string) int {
	switch php.Kind(how) {
	case php.Extends, php.Implements, php.Trait:
		return 0
	case php.New, php.Static, php.Function, php.Constant:
		return 1
	case php.InstanceOf, php.Catch:
		return 3
	}
	return 2
}

// maxPlaces bounds the places of a finding.
const maxPlaces = 5

// best gives the first places, the strongest first, and how many files there are.
func best(places []Place) (first []Place, files int) {
	places = slices.SortedStableFunc(slices.Values(places), func(a, b Place) int {
		return cmp.Or(cmp.Compare(strength(a.How), strength(b.How)), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Name, b.Name))
	})
	seen := map[string]bool{}
	for _, p := range places {
		seen[p.Path] = true
	}
	return slices.Clone(places[:min(len(places), maxPlaces)]), len(seen)
}
