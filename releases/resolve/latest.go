package resolve

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/composer"
)

// latestTag is the highest release among a repository's tags (short names), ""
// if there is none. Notes say which tags were left out and why.
//
// Releases are in Adobe's order, by which a patch lies above its release and a
// prerelease below. That is Composer's order too, so it decides here as well; in
// 2.4.7-p1.10 and 2.4.7-p1.9 it takes every number for itself, where Mage-OS's
// first generator read 1.10 and 1.9 as decimal fractions. Of two tags that mean the
// same version, the one later in byte order is taken.
//
// Tags that are no releases do not count.
func latestTag(tags []string, f filter) (tag string, notes []string) {
	left := leftOut{}
	var latest composer.Version
	for _, t := range slices.Sorted(slices.Values(tags)) {
		version, reason := f.release(t)
		if reason != "" {
			left[reason] = append(left[reason], t)
			continue
		}
		if tag == "" || version.Compare(latest) >= 0 {
			tag, latest = t, version
		}
	}
	return tag, left.notes()
}

// A filter says which tags are releases: neither are those without a version, nor names
// of branches, nor those that match one of the glob patterns of skip. A line skips v*
// unless it says otherwise: Adobe's repositories have some that are wrong.
type filter struct {
	skip   []string
	tags   string // the constraint that they meet; empty: all do
	within composer.Constraint
}

// newFilter is that of a repository's tags; the line was checked.
func newFilter(skip []string, tags string) filter {
	within, _ := composer.ParseConstraint(tags)
	return filter{skip, tags, within}
}

// release reads a tag as a release, or says why it is none.
func (f filter) release(tag string) (version composer.Version, reason string) {
	for _, pattern := range f.skip {
		if ok, err := path.Match(pattern, tag); err == nil && ok {
			return version, "match skip-tags " + pattern
		}
	}
	number := strings.TrimLeft(tag, "vV")
	version, err := composer.ParseVersion(tag)
	if err != nil || number == "" || number[0] < '0' || number[0] > '9' || version.Stability() == composer.Dev {
		return composer.Version{}, "are no version of a release"
	}
	if f.tags != "" && !f.within.Matches(version) {
		return composer.Version{}, "do not meet tags " + f.tags
	}
	return version, ""
}

// leftOut are tags by the reason for which they count for nothing.
type leftOut map[string][]string

// maxNamed is how many tags a note names; repositories have up to thousands.
const maxNamed = 8

func (l leftOut) notes() []string {
	var notes []string
	for _, reason := range slices.Sorted(maps.Keys(l)) {
		tags := l[reason]
		names := strings.Join(tags[:min(len(tags), maxNamed)], ", ")
		if more := len(tags) - maxNamed; more > 0 {
			names += fmt.Sprintf(" and %d more", more)
		}
		notes = append(notes, fmt.Sprintf("tags left out because they %s: %s", reason, names))
	}
	return notes
}
