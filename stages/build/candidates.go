package build

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/composer"
)

// A candidate is a version of a package that may meet a require. One that is not exact
// is a range that another package replaces or provides; it counts as met, since only
// Composer's solver can tell whether ranges meet.
type candidate struct {
	version composer.Version
	exact   bool
	text    string
}

// newCandidate reads a version, or the constraint of a replace or provide.
func newCandidate(text string) candidate {
	v, err := composer.ParseVersion(strings.TrimPrefix(text, "="))
	return candidate{version: v, exact: err == nil, text: text}
}

// candidates are the versions that a set of packages has, replaces and provides, by name.
// Composer calls that a pool.
type candidates struct {
	byName   map[composer.Name][]candidate
	replaced map[composer.Name][]candidate // and provided
}

// builtCandidates are the candidates of the built packages.
func builtCandidates(packages []composed) candidates {
	o := candidates{byName: map[composer.Name][]candidate{}, replaced: map[composer.Name][]candidate{}}
	for _, p := range packages {
		o.add(p.manifest.Name(), p.manifest.Version(), p.manifest.Links(composer.Replace), p.manifest.Links(composer.Provide))
	}
	return o
}

// lockedCandidates are the candidates of a composer.lock, with its require-dev.
func lockedCandidates(lock *composer.Lock) candidates {
	o := candidates{byName: map[composer.Name][]candidate{}, replaced: map[composer.Name][]candidate{}}
	for _, p := range slices.Concat(lock.Packages, lock.PackagesDev) {
		o.add(string(p.Name), p.Version, p.Replace, p.Provide)
	}
	return o
}

func (o candidates) add(name, version string, others ...[]composer.Link) {
	n := composer.Name(strings.ToLower(name))
	o.byName[n] = append(o.byName[n], newCandidate(version))
	for _, l := range slices.Concat(others...) {
		text := l.Constraint
		if text == composer.SelfVersion {
			text = version
		}
		n := composer.Name(strings.ToLower(l.Name))
		o.replaced[n] = append(o.replaced[n], newCandidate(text))
	}
}

// maxListed bounds how many versions an error names.
const maxListed = 5

// versionList names the first versions.
func versionList(found []candidate) string {
	texts := make([]string, 0, maxListed)
	for _, o := range found[:min(len(found), maxListed)] {
		texts = append(texts, o.text)
	}
	if more := len(found) - maxListed; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d older", more))
	}
	return strings.Join(texts, ", ")
}
