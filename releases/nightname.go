package releases

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// snapshotPattern is a night's date, and its number if it is not the first of its day.
var snapshotPattern = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(\.[1-9]\d{0,5})?$`)

// IsSnapshot reports whether a name can be that of a night (Plan.Night): a date with
// or without a number, or the version of a tagged release. No name is both.
func IsSnapshot(name string) bool { return snapshotPattern.MatchString(name) || isReleaseName(name) }

func isReleaseName(name string) bool {
	_, err := ParseReleaseVersion(name)
	return err == nil
}

// NewestFirst orders names of nights: by their date, then by their number; releases
// by their version. Where a repository has both, the releases come first: they are
// what its users are to see.
func NewestFirst(a, b string) int {
	x, errX := ParseReleaseVersion(a)
	y, errY := ParseReleaseVersion(b)
	switch {
	case errX == nil && errY == nil:
		return cmp.Or(y.Compare(x), cmp.Compare(b, a))
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	dateA, numberA := splitSnapshot(a)
	dateB, numberB := splitSnapshot(b)
	return cmp.Or(cmp.Compare(dateB, dateA), cmp.Compare(numberB, numberA))
}

func splitSnapshot(name string) (date string, number int) {
	date, n, found := strings.Cut(name, ".")
	if found {
		number, _ = strconv.Atoi(n) // digits: nightPattern
	}
	return date, number
}
