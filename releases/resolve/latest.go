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
// Tags without a version, names of branches, and those that match one of the
// glob patterns of skip are no releases. A line skips v* unless it says otherwise:
// Adobe's repositories have some that are wrong.
func latestTag(tags []string, skip []string) (tag string, notes []string) {
	left := leftOut{}
	var latest composer.Version
	for _, t := range slices.Sorted(slices.Values(tags)) {
		version, reason := release(t, skip)
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

// release reads a tag as a release, or says why it is none.
func release(tag string, skip []string) (version composer.Version, reason string) {
	for _, pattern := range skip {
		if ok, err := path.Match(pattern, tag); err == nil && ok {
			return version, "match skip-tags " + pattern
		}
	}
	number := strings.TrimLeft(tag, "vV")
	version, err := composer.ParseVersion(tag)
	if err != nil || number == "" || number[0] < '0' || number[0] > '9' || version.Stability() == composer.Dev {
		return composer.Version{}, "are no version of a release"
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
