package drift

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mage-os/nightly/pipeline/markdown"
)

// A Report is what was found.
type Report struct {
	// Index says that third-party packages are known, from a composer.lock or an
	// installed.json.
	Index bool `json:"index"`
	// Packages are all that were looked at, in byte order of their names.
	Packages []Package `json:"packages"`
	// Findings are sorted by package, gravity of their kind, and require.
	Findings []Finding `json:"findings"`
	// Gone are what a baseline knows and the report does not have any more, of the
	// packages that the report is about and of those that are no more.
	Gone []Key `json:"gone"`
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
	// New says that the baseline does not know it.
	New bool `json:"new"`
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
	Package string `json:"package"`
	Kind    Kind   `json:"kind"`
	Require string `json:"require"`
}

// Key gives the finding's key.
func (f Finding) Key() Key { return Key{f.Package, f.Kind, f.Require} }

// compare orders keys by package, gravity and require.
func (k Key) compare(l Key) int {
	return cmp.Or(cmp.Compare(k.Package, l.Package), cmp.Compare(k.Kind.rank(), l.Kind.rank()), cmp.Compare(k.Require, l.Require))
}

// totals are the sums of a report.
type totals struct {
	Packages int          `json:"packages"`
	Clean    int          `json:"clean"` // packages without a finding
	Findings map[Kind]int `json:"findings"`
	New      map[Kind]int `json:"new"`
	// Alarming are the new unreachable ones; the command fails if there is one.
	Alarming int `json:"alarming"`
}

func (r Report) totals() totals {
	t := totals{Packages: len(r.Packages), Findings: map[Kind]int{}, New: map[Kind]int{}}
	for _, k := range Kinds {
		t.Findings[k], t.New[k] = 0, 0
	}
	with := map[string]bool{}
	for _, f := range r.Findings {
		with[f.Package] = true
		t.Findings[f.Kind]++
		if f.New {
			t.New[f.Kind]++
		}
	}
	t.Clean, t.Alarming = t.Packages-len(with), t.New[Unreachable]
	return t
}

// Alarming gives the findings that are new and unreachable, in order: what makes
// the command fail.
func (r Report) Alarming() []Finding {
	return slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return f.Kind != Unreachable || !f.New })
}

// Summary implements pipeline.Summarizer.
func (r Report) Summary() string {
	return fmt.Sprintf("%s, %s, %d of them unreachable",
		markdown.Count(len(r.Packages), "package"), markdown.Count(len(r.Findings), "finding"), r.totals().Findings[Unreachable])
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
		markdown.Count(names, "class name"), markdown.Count(len(r.Unknown), "unknown namespace"), tests)
}
