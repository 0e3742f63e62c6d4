// Package autoload answers which package holds a class, from the autoload sections of composer.lock and of built
// packages alone: nothing is installed, no file is looked at.
//
// Composer's own loader tries paths until a file is there. Without files the rules are these, each of which gives what
// Composer gives wherever a class exists:
//
//   - A class that is known by its whole name comes first: those of the table.
//   - Then the longest prefix wins, be it from psr-4, psr-0 or the table. Composer asks psr-4 before psr-0; it may do
//     so since it sees that a file is missing, whereas here the more specific claim is the better one. Of equal
//     prefixes psr-4 comes before psr-0, both before the table.
//   - Prefixes are compared with regard to case, as Composer compares them, although PHP's class names have none.
//   - A psr-4 prefix ends in a backslash; one that does not is never reached, as in Composer. A psr-0 prefix may end
//     anywhere; it counts only where a name ends or goes on with "_" or "\", so that "Less" does not claim "Lesson".
//   - The empty prefix is Composer's fallback for all classes. It says nothing about a name and is left out.
//   - A name that Magento generates (FooFactory, Foo\Proxy, …) belongs to the package of the class it is made from.
//   - Two packages with the same prefix: the table lists what is whose, or lists it for all but one, which gets the
//     rest. Where it does not, the first name in the alphabet wins, and the others are blind spots.
//   - A package of type "project", the shop itself, gives way to all: it has "Magento\" for what is put into app/code.
//
// A polyfill holds names that PHP itself may have (Stringable). Whether PHP has them is package platform's question,
// to be asked first.
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
	rankProjectPSR4
	rankProjectPSR0
)

// installedVersions is a class that Composer writes into every vendor folder. It has a copy of it too, but who uses the
// class needs the platform package runtimeAPI. Source: Composer's documentation, "Runtime Composer utilities".
const (
	installedVersions = `Composer\InstalledVersions`
	runtimeAPI        = "composer-runtime-api"
)

// BlindSpots are the packages that cannot be indexed, by name. Not among them are packages that have no class by their
// nature: metapackages, themes and language packs, which have at most a registration.php. The caller owns the slice.
func (x *Index) BlindSpots() []BlindSpot { return slices.Clone(x.blindSpots) }

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

// generatedSuffixes are what Magento's code generator puts behind the name of a class. Source: Magento's developer
// documentation, "Code generation", and the generators that app/etc/di.xml names for Magento\Framework\Code\Generator.
// The longer of two that end alike comes first.
var generatedSuffixes = []string{
	`\ProxyDeferred`, `\Proxy`, `\Interceptor`, `\Logger`,
	"ExtensionInterfaceFactory", "ExtensionInterface", "InterfaceFactory", "ExtensionFactory", "Extension",
	"SearchResults", "ProxyDeferred", "Factory", "Repository", "Persistor", "Mapper", "Converter", "Remote",
}

// generatedFrom is what a class may have been generated from, the longest name first; none if its name does not look
// so. Foo and FooInterface both have a FooExtension, so that FooExtension gives both.
func generatedFrom(class string) []string {
	const most = 3 // FooExtensionInterfaceFactory\Proxy is the longest real one
	var bases []string
	for range most {
		base := withoutSuffix(class)
		if base == "" {
			break
		}
		bases = append(bases, base, base+"Interface")
		class = base
	}
	return bases
}

func withoutSuffix(class string) string {
	for _, suffix := range generatedSuffixes {
		base, ok := strings.CutSuffix(class, suffix)
		if ok && base != "" && !strings.HasSuffix(base, `\`) {
			return base
		}
	}
	return ""
}
