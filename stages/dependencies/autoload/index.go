package autoload

import (
	"slices"
	"strings"
)

// An Index finds the package of a class. It does not change once made, so that goroutines may share it.
type Index struct {
	classes    map[string]string // whole names
	functions  map[string]string // whole names in lower case
	prefixes   map[string]claim  // "Foo\", "Foo_" and, from psr-0, also "Foo"
	blindSpots []BlindSpot
}

// A claim is a package's word that names with some prefix are its own. The lower rank wins.
type claim struct {
	pkg  string
	rank rank
}

type rank uint8

const (
	rankPSR4 rank = iota
	rankPSR0
	rankTable
	rankDevPSR4
	rankDevPSR0
)

// New makes the index of packages. Of several with one name the first counts; otherwise their order does not matter.
func New(packages []Package) *Index {
	b := builder{
		Index:      Index{classes: map[string]string{}, functions: map[string]string{}, prefixes: make(map[string]claim, 2*len(packages))},
		table:      rows(),
		reached:    make(map[string]bool, len(packages)),
		lostPrefix: map[string]lost{},
	}
	b.classes[installedVersions] = runtimeAPI
	packages = b.inOrder(packages)
	for _, p := range packages {
		b.declare(p)
	}
	for _, p := range packages {
		b.add(p)
	}
	for _, p := range packages {
		b.judge(p)
	}
	slices.SortFunc(b.blindSpots, func(p, q BlindSpot) int { return strings.Compare(p.Package, q.Package) })
	return &b.Index
}

// installedVersions is a class that Composer writes into every vendor folder. It has a copy of it too, but who uses the
// class needs the platform package runtimeAPI. Source: Composer's documentation, "Runtime Composer utilities".
const (
	installedVersions = `Composer\InstalledVersions`
	runtimeAPI        = "composer-runtime-api"
)

// Find is the name of the package that holds class, a fully qualified name with or without a leading backslash. It is
// false for a class of PHP itself, and for one of no package known. Of Composer\InstalledVersions it is the platform
// package "composer-runtime-api"; see composer.IsPlatform.
func (x *Index) Find(class string) (string, bool) {
	class = strings.TrimPrefix(class, `\`)
	if strings.HasSuffix(class, `\`) {
		return "", false // a namespace
	}
	if pkg, ok := x.classes[class]; ok {
		return pkg, true
	}
	bases := generatedFrom(class)
	for _, base := range bases {
		if pkg, ok := x.classes[base]; ok {
			return pkg, true
		}
	}
	if pkg, ok := x.byPrefix(class); ok {
		return pkg, true
	}
	for _, base := range bases { // Zend_DbFactory, where only Zend_Db is claimed
		if pkg, ok := x.byPrefix(base); ok {
			return pkg, true
		}
	}
	return "", false
}

// FindFunction is the name of the package that holds a function, by its fully qualified name in any case. A function
// of a namespace is looked for as a class of it is.
func (x *Index) FindFunction(function string) (string, bool) {
	function = strings.TrimPrefix(function, `\`)
	if pkg, ok := x.functions[strings.ToLower(function)]; ok {
		return pkg, true
	}
	if !strings.Contains(function, `\`) {
		return "", false // psr-0 prefixes are about classes
	}
	return x.byPrefix(function)
}

// byPrefix cuts the name at its separators from the right, so that it costs a few look-ups however many packages
// there are.
func (x *Index) byPrefix(name string) (string, bool) {
	if c, ok := x.prefixes[name]; ok && name != "" && !isSeparator(name[len(name)-1]) {
		return c.pkg, true
	}
	for i := len(name) - 1; i >= 0; i-- {
		if !isSeparator(name[i]) {
			continue
		}
		if c, ok := x.prefixes[name[:i+1]]; ok && i+1 < len(name) {
			return c.pkg, true
		}
		if c, ok := x.prefixes[name[:i]]; ok && i > 0 && !isSeparator(name[i-1]) { // psr-0 alone has such ones
			return c.pkg, true
		}
	}
	return "", false
}

func isSeparator(c byte) bool { return c == '\\' || c == '_' }
