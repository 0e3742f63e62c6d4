package drift

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages/dependencies/php"
	"github.com/mage-os/nightly/stages/dependencies/scan"
)

// readAll reads the files of all packages that are judged, and notes which of
// them holds which module, theme and class.
func (o Options) readAll(ctx context.Context, w *world) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(scanners)
	var done atomic.Int64
	for _, s := range w.own {
		group.Go(func() error {
			found, err := scan.Scanner{Store: o.Store, Cache: o.Cache, Pack: "package " + s.Repository + ":" + s.Name}.Files(ctx, s.files)
			s.found = found
			o.Progress(pipeline.Step{Stage: Name, Item: s.Name, Done: done.Add(1), Total: int64(len(w.own)), Unit: "packages"})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, s := range w.own {
		w.register(s)
	}
	return nil
}

// scanners is how many packages are read at once. Each is read in parallel too;
// a second one keeps the processors busy while a package ends.
const scanners = 2

// register notes what a package declares. A class that its tests declare, or a
// second package does, says nothing about who holds it.
func (w *world) register(s *source) {
	for _, f := range s.found {
		inTests := s.tests.are(s.inside(f.Path))
		for _, name := range f.Declares {
			switch {
			case inTests:
			case isComponent(f.Path):
				w.modules[name] = s.Name
			default:
				if key := strings.ToLower(name); w.classes[key] == "" {
					w.classes[key] = s.Name
				}
			}
		}
	}
}

// isComponent reports whether what a file declares is a component's name.
func isComponent(file string) bool {
	return strings.HasSuffix(file, "module.xml") || strings.HasSuffix(file, "registration.php")
}

// inside is a path in the package, of one in its repository.
func (s *source) inside(file string) string {
	return strings.TrimPrefix(file, inDirectory(s.Directory))
}

// A use is all that one package does with one other package or extension.
type use struct {
	code   []Place // in PHP that runs
	config []Place // classes in XML files and GraphQL schemas, parents of themes
	loose  []Place // names in strings and the ids of modules: nothing that must be there
	idle   []Place // imports and doc comments
	tests  []Place // classes that tests load
	quiet  []Place // what else tests name
	// convention says that the package was named by convention.
	convention bool
}

// A usage is what one package uses.
type usage struct {
	uses       map[string]*use // by package, or by extension
	ofPlatform map[string]*use
	unknown    map[string][]Place // by class, of code and configuration
	testOnly   map[string]bool    // of the classes in unknown
	problems   []Problem
}

// usage sorts a package's references by whom they concern.
func (w *world) usage(s *source) usage {
	s.php = oldestPHP(s.manifest, w.root)
	u := usage{uses: map[string]*use{}, ofPlatform: map[string]*use{}, unknown: map[string][]Place{}, testOnly: map[string]bool{}}
	declared := map[string]bool{} // in lower case, tests included
	for _, f := range s.found {
		for _, name := range f.Declares {
			declared[strings.ToLower(name)] = true
		}
	}
	for _, f := range s.found {
		if f.Problem != "" {
			u.problems = append(u.problems, Problem{Package: s.Name, Path: f.Path, Problem: f.Problem})
		}
		inTests := s.tests.are(s.inside(f.Path))
		for _, r := range f.References {
			if declared[strings.ToLower(r.Name)] {
				continue
			}
			w.sort(s, &u, r, Place{Path: f.Path, Line: r.Line, Name: r.Name, How: string(r.Kind)}, inTests)
		}
	}
	return u
}

// sort puts one reference where it belongs.
func (w *world) sort(s *source, u *usage, r php.Reference, place Place, inTests bool) {
	if ext, ok := extensionOf(r); ok {
		if instead, ok := replacement(ext); ok && w.graph.nodes[instead] != nil {
			entry(u.uses, instead).add(r, place, inTests)
			return
		}
		if !inTests && isCode(r) && !builtIn(ext, s.php) {
			entry(u.ofPlatform, ext).code = append(entry(u.ofPlatform, ext).code, place)
		}
		return
	}
	pkg, convention, known := w.holder(r)
	switch {
	case known && pkg == s.Name:
	case known:
		one := entry(u.uses, pkg)
		one.convention = one.convention || convention
		one.add(r, place, inTests)
	case isClass(r) && (isCode(r) || isConfig(r) && !isVirtual(r.Name)):
		if len(u.unknown[r.Name]) == 0 {
			u.testOnly[r.Name] = true
		}
		u.testOnly[r.Name] = u.testOnly[r.Name] && inTests
		u.unknown[r.Name] = append(u.unknown[r.Name], place)
	}
}

func entry(uses map[string]*use, name string) *use {
	if uses[name] == nil {
		uses[name] = &use{}
	}
	return uses[name]
}

func (u *use) add(r php.Reference, place Place, inTests bool) {
	list := &u.loose
	switch {
	case inTests && isCode(r):
		list = &u.tests
	case inTests:
		list = &u.quiet
	case isCode(r):
		list = &u.code
	case isConfig(r):
		list = &u.config
	case r.Kind == php.Import || r.Kind == php.Docblock:
		list = &u.idle
	}
	*list = append(*list, place)
}

// isCode reports whether the running code needs what is named. A function and a
// constant are looked up when they are reached, as a class is.
func isCode(r php.Reference) bool {
	return r.Kind.Code() || r.Kind == php.Function || r.Kind == php.Constant
}

// isClass reports whether what is named is a class.
func isClass(r php.Reference) bool {
	return r.Kind != php.Function && r.Kind != php.Constant && r.Kind != scan.Sequence && r.Kind != scan.Module && r.Kind != scan.Theme
}

// isConfig reports whether Magento creates what is named when it reads the file.
func isConfig(r php.Reference) bool {
	return r.Kind == scan.XML || r.Kind == scan.GraphQL || r.Kind == scan.Theme
}

// isVirtual reports whether a name of configuration may be that of a virtual
// type of di.xml: one without namespace, be it with what Magento generates.
func isVirtual(name string) bool {
	for _, generated := range []string{`\Proxy`, `\Interceptor`, `\Factory`} {
		name = strings.TrimSuffix(name, generated)
	}
	return !strings.Contains(name, `\`)
}

// holder finds the package that holds what a reference names.
func (w *world) holder(r php.Reference) (pkg string, convention, ok bool) {
	switch {
	case r.Kind == scan.Theme:
		for _, area := range []string{"frontend/", "adminhtml/"} {
			if pkg, ok = w.modules[area+r.Name]; ok {
				return pkg, false, true
			}
		}
		return "", false, false
	case r.Kind == scan.Sequence, r.Kind == scan.Module:
		pkg, ok = w.modules[r.Name]
		return pkg, false, ok
	case r.Kind == php.Function:
		pkg, ok = w.index.FindFunction(r.Name)
		return w.graph.own(pkg), false, ok
	case r.Kind == php.Constant && !strings.Contains(r.Name, `\`):
		return "", false, false
	}
	if pkg, ok = w.index.Find(r.Name); ok {
		return w.graph.own(pkg), false, true
	}
	if pkg, ok = w.classes[strings.ToLower(r.Name)]; ok {
		return pkg, false, true
	}
	if pkg, ok = byNamespace(r.Name); ok {
		return w.graph.own(pkg), false, true
	}
	if pkg, ok = byConvention(r.Name); ok && !w.locked {
		return w.graph.own(pkg), true, true
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
func best(places ...[]Place) (first []Place, files int) {
	all := slices.Concat(places...)
	slices.SortStableFunc(all, func(a, b Place) int {
		return cmp.Or(cmp.Compare(strength(a.How), strength(b.How)), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Name, b.Name))
	})
	seen := map[string]bool{}
	for _, p := range all {
		seen[p.Path] = true
	}
	return slices.Clone(all[:min(len(all), maxPlaces)]), len(seen)
}
