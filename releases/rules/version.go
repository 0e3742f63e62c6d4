package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mage-os/nightly/releases/composer"
)

// newPackage is the base version of a package that has no release yet, where the
// line names no other.
const newPackage = "0.0.1"

// basePattern is what the version of a release looks like, by the rule of
// Mage-OS's nightly builds: one to four numbers, and one suffix that begins with
// a letter.
var basePattern = regexp.MustCompile(`^(v?)([0-9]+(?:\.[0-9]+){0,3})(?:-([A-Za-z][0-9A-Za-z_]*))?$`)

// NightlyVersion is the version of a package in the night of date, a UTC day as
// in Plan.Date; number is that of the night within its day. It lies above base
// and its patches and below the next release: a fourth number is added, or raised
// if there is one, and the date follows as an alpha. The suffix of base stays
// visible as metadata, which has no say in Composer's order. A local build says
// so there too. An empty base stands for a package without a release.
func NightlyVersion(base, date string, number int, local bool) (string, error) {
	words := ""
	if local {
		words = "local"
	}
	return snapshotVersion(base, date, number, words, func(day string) string { return "-a" + day })
}

// PreviewVersion is the version of a package in a preview. It is a development version, below
// those of all nights and releases with its numbers, which Composer resolves only for who
// allows that stability. What it is a preview of, and its day, are visible as metadata.
func PreviewVersion(base, date string, number int, label string) (string, error) {
	words := label + "." + strings.ReplaceAll(date, "-", "")
	if number > 0 {
		words += "." + strconv.Itoa(number)
	}
	return snapshotVersion(base, date, 0, words, func(string) string { return "-dev" })
}

// snapshotVersion raises a base version, with a stability of the day and words of metadata.
func snapshotVersion(base, date string, number int, words string, stability func(day string) string) (string, error) {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil || number < 0 {
		return "", fmt.Errorf("night %q, number %d: want a date such as 2026-11-24, and a number from 0", date, number)
	}
	if base == "" {
		base = newPackage
	}
	parts := basePattern.FindStringSubmatch(base)
	if parts == nil {
		return "", fmt.Errorf("base version %q: cannot be raised to a nightly version; "+
			"want up to four numbers and at most one suffix of letters and digits, such as 2.4.8 or 2.4.8-p3", base)
	}
	numbers, err := raise(parts[2])
	if err != nil {
		return "", fmt.Errorf("base version %q: %w", base, err)
	}
	version := parts[1] + numbers + stability(day.Format("20060102"))
	if number > 0 {
		version += "." + strconv.Itoa(number)
	}
	version += metadata(parts[3], words)
	if _, err := composer.ParseVersion(version); err != nil {
		return "", fmt.Errorf("base version %q: its nightly version would be %s, which Composer cannot read: %w", base, version, err)
	}
	return version, nil
}

// NightNumber is the number within its day of the night of date that a version is of, by
// NightlyVersion or by Composer's reading of it; not ok: it is of no such night.
func NightNumber(version, date string) (number int, ok bool) {
	v, err := composer.ParseVersion(version)
	_, rest, found := strings.Cut(v.Normalized(), "-alpha"+strings.ReplaceAll(date, "-", ""))
	if err != nil || !found {
		return 0, false
	}
	if rest == "" {
		return 0, true
	}
	number, err = strconv.Atoi(strings.TrimPrefix(rest, "."))
	return number, err == nil && rest[0] == '.'
}

// raise gives the numbers a fourth place, or the next number to begin with.
func raise(numbers string) (string, error) {
	parts := strings.Split(numbers, ".")
	if len(parts) < 4 {
		return numbers + ".1", nil
	}
	last, err := strconv.ParseUint(parts[3], 10, 31)
	if err != nil {
		return "", fmt.Errorf("its fourth number is too large: %w", err)
	}
	parts[3] = strconv.FormatUint(last+1, 10)
	return strings.Join(parts, "."), nil
}

func metadata(words ...string) string {
	words = slices.DeleteFunc(words, func(word string) bool { return word == "" })
	if len(words) == 0 {
		return ""
	}
	return "+" + strings.Join(words, ".")
}
