package drift

import (
	"cmp"
	"fmt"
	"slices"
)

// Kind is what is wrong about one require of a package.
type Kind string

// The kinds of findings. Their values stand in baselines and reports: they stay.
const (
	// Unreachable: production code uses it, and no chain of requires leads there.
	// Whoever installs the package alone can get a fatal error.
	Unreachable Kind = "unreachable"
	// Undeclared: production code uses it, and only requires of requires lead
	// there.
	Undeclared Kind = "undeclared"
	// Suggested: production code uses it, and it is only suggested.
	Suggested Kind = "suggested"
	// Configuration: only XML files or GraphQL schemas name it, or the parent of
	// a theme, and it is not required.
	Configuration Kind = "configuration"
	// Extension: production code uses an extension of PHP that is not required.
	Extension Kind = "extension"
	// Unused: it is required, and nothing at all refers to it.
	Unused Kind = "unused"
	// Idle: it is required, and only doc comments, imports or tests refer to it, or
	// nothing does but another required package requires it too.
	Idle Kind = "idle"
	// Tests: only tests use it, and it is neither required nor required for
	// development.
	Tests Kind = "tests"
)

// Kinds are all kinds, the gravest first.
var Kinds = []Kind{Unreachable, Undeclared, Extension, Suggested, Unused, Idle, Configuration, Tests}

// A Report is what was found.
type Report struct {
	// Index says that third-party packages are known, from a composer.lock or an
	// installed.json.
	Index bool `json:"index"`
	// Packages are all that were looked at, in byte order of their names.
	Packages []Package `json:"packages"`
	// Findings are sorted by package, gravity of their kind, and require.
	Findings []Finding `json:"findings"`
	// Provided are the undeclared requires that need not be declared, one entry
	// for all packages that use them.
	Provided []Provided `json:"provided"`
	// Unknown are the namespaces with classes that no known package holds.
	Unknown []Unknown `json:"unknown"`
	// BlindSpots are the packages whose classes cannot be known from their
	// autoload section, so that nothing is said of a require of them.
	BlindSpots []BlindSpot `json:"blind-spots"`
	// Problems are files that were odd, and were read as far as possible.
	Problems []Problem `json:"problems"`
	// Missing are required packages that nobody knows: chains of requires that
	// lead there were not followed further.
	Missing []string `json:"missing"`
}

// A Package is one that was looked at.
type Package struct {
	Name       string `json:"name"`
	Repository string `json:"repository"`
	Directory  string `json:"directory"`
	Requires   int    `json:"requires"` // without platform packages
	Files      int    `json:"files"`    // that were read
}

// A Finding is one package's relation to one other package or extension.
type Finding struct {
	Package    string `json:"package"`
	Kind       Kind   `json:"kind"`
	Require    string `json:"require"`
	Repository string `json:"repository"`
	// Manifest is the package's composer.json in the repository.
	Manifest string `json:"manifest"`
	// Places are the first uses, the best evidence first; of a require that
	// nothing uses, its line in composer.json.
	Places []Place `json:"places"`
	// Uses counts the files that use it.
	Uses int `json:"uses"`
	// Via is the shortest chain of requires that leads there, without both ends;
	// empty if there is none, or if nobody knows. Of an idle require it is the
	// other package that requires it too.
	Via []string `json:"via"`
	// Open says that no chain leads there as far as requires are known, but that
	// those of some packages are not.
	Open bool `json:"open"`
	// Constraint is the one to write, and Source where it was taken from. Both
	// are empty for what is required already.
	Constraint string `json:"constraint"`
	Source     string `json:"source"`
	// Convention says that the package was named by the convention for Magento's
	// modules, since no known package holds the class.
	Convention bool `json:"convention"`
}

// A Place is one use.
type Place struct {
	Path string `json:"path"` // in the repository
	Line int    `json:"line"` // from 1
	Name string `json:"name"` // what is used: a class, a function, a module
	How  string `json:"how"`  // how: "new", "extends", "XML"
}

// Provided is a package that many use without requiring it, and may.
type Provided struct {
	Require  string   `json:"require"`
	By       string   `json:"by"` // the package that provides it
	Reason   string   `json:"reason"`
	Packages []string `json:"packages"`
}

// Unknown is a namespace that no known package holds.
type Unknown struct {
	Namespace string `json:"namespace"` // its first two parts
	Names     int    `json:"names"`     // different class names
	Tests     bool   `json:"tests"`     // only tests name them
	Place     Place  `json:"place"`     // the first
	Package   string `json:"package"`   // that has it
}

// A BlindSpot is a package whose classes cannot be known.
type BlindSpot struct {
	Package string `json:"package"`
	Reason  string `json:"reason"`
}

// A Problem is an oddity of a file.
type Problem struct {
	Package string `json:"package"`
	Path    string `json:"path"`
	Problem string `json:"problem"`
}

// Key is what a finding is known by from night to night: neither its lines nor
// its constraint.
type Key struct {
	Package string
	Kind    Kind
	Require string
}

// Key gives the finding's key.
func (f Finding) Key() Key { return Key{f.Package, f.Kind, f.Require} }

// compare orders keys by package, gravity and require.
func (k Key) compare(l Key) int {
	return cmp.Or(cmp.Compare(k.Package, l.Package), cmp.Compare(k.Kind.rank(), l.Kind.rank()), cmp.Compare(k.Require, l.Require))
}

// rank is the kind's place in Kinds, so that 0 is the gravest.
func (k Kind) rank() int {
	if i := slices.Index(Kinds, k); i >= 0 {
		return i
	}
	return len(Kinds)
}

// Count counts the findings of a kind.
func (r Report) Count(k Kind) int {
	n := 0
	for _, f := range r.Findings {
		if f.Kind == k {
			n++
		}
	}
	return n
}

// Clean counts the packages without any finding.
func (r Report) Clean() int {
	with := map[string]bool{}
	for _, f := range r.Findings {
		with[f.Package] = true
	}
	return len(r.Packages) - len(with)
}

// Summary implements pipeline.Summarizer.
func (r Report) Summary() string {
	return fmt.Sprintf("%s, %s, %d of them unreachable", count(len(r.Packages), "package"), count(len(r.Findings), "finding"), r.Count(Unreachable))
}
