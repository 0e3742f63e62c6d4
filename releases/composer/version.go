package composer

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// A Version is one version of a package as Composer reads it. The zero Version is no version; Compare puts it first.
//
// deps.dev/util/semver was compared with Composer over testdata/semver.json and is not used here. Its Composer system
// takes a patch such as 2.4.8-p3 for a prerelease of 2.4.8, tells -a20260805 from -alpha20260805, refuses branches
// such as dev-main and 2.x-dev, flags and aliases, has no normalized form, and cannot read any constraint.
type Version struct {
	text       string
	normalized string
	order      []part // nil for a branch
}

// Stability is how finished a version says it is.
type Stability int

// The stabilities, from the least to the most finished.
const (
	Dev Stability = iota
	Alpha
	Beta
	RC
	Stable
)

// String is Composer's spelling, as in "minimum-stability".
func (s Stability) String() string {
	return [...]string{"dev", "alpha", "beta", "RC", "stable"}[s]
}

// maxText bounds versions and constraints in bytes; the longest real ones have about 300.
const maxText = 4096

const (
	stabilities = `stable|RC|beta|alpha|dev`
	// modifier is what may follow the numbers: a stability with its numbers, and "-dev".
	modifier = `[._-]?(?:(stable|beta|b|RC|alpha|a|patch|pl|p)((?:[.-]?[0-9]+)*)?)?([.-]?dev)?`
)

var (
	aliasPattern      = regexp.MustCompile(`^([^,\s\v]+) +as +([^,\s\v]+)$`)
	flagSuffixPattern = regexp.MustCompile(`(?i)@(?:` + stabilities + `)$`)
	buildPattern      = regexp.MustCompile(`^([^,\s\v+]+)\+[^\s\v]+$`)
	numbersPattern    = regexp.MustCompile(`(?i)^v?([0-9]{1,5})(\.[0-9]+)?(\.[0-9]+)?(\.[0-9]+)?` + modifier + `$`)
	datePattern       = regexp.MustCompile(`(?i)^v?([0-9]{4}(?:[.:-]?[0-9]{2}){1,6}(?:[.:-]?[0-9]{1,3})?)` + modifier + `$`)
	dateSeparators    = regexp.MustCompile(`[^0-9]`)
	devSuffixPattern  = regexp.MustCompile(`(?i)^(.*?)[.-]?dev$`)
	branchPattern     = regexp.MustCompile(`(?i)^v?([0-9]+)(\.(?:[0-9]+|[x*]))?(\.(?:[0-9]+|[x*]))?(\.(?:[0-9]+|[x*]))?$`)
	stabilityPattern  = regexp.MustCompile(`(?i)` + modifier + `(?:\+.*)?$`)
)

// ParseVersion reads a version by Composer's rules: up to four numbers, a date, a branch ("dev-main", "1.x-dev"), with
// a stability ("-beta1", "-p3") and build metadata ("+p3") where wanted.
func ParseVersion(s string) (Version, error) {
	if len(s) > maxText {
		return Version{}, fmt.Errorf("version %.40q…: longer than %d bytes", s, maxText)
	}
	normalized, err := normalize(s)
	if err != nil {
		return Version{}, err
	}
	return Version{text: s, normalized: normalized, order: orderOf(normalized)}, nil
}

// String is the version as it was written.
func (v Version) String() string { return v.text }

// Normalized is Composer's normalized form: four numbers, the stability spelt out, no build metadata, as in
// "2.4.8.1-alpha20260805".
func (v Version) Normalized() string { return v.normalized }

// Stability is read from the normalized form, as Composer does for a package; build metadata has no say in it.
func (v Version) Stability() Stability { return stabilityOf(v.normalized) }

// normalize is Composer's normalized form of s.
func normalize(s string) (string, error) {
	version := strings.Trim(s, " \t\n\r\x00\x0b")
	if m := aliasPattern.FindStringSubmatch(version); m != nil {
		version = m[1]
	}
	if flag := flagSuffixPattern.FindString(version); isASCII(flag) {
		version = version[:len(version)-len(flag)]
	}
	switch version {
	case "master", "trunk", "default":
		return "dev-" + version, nil
	}
	if len(version) >= 4 && strings.EqualFold(version[:4], "dev-") {
		return "dev-" + version[4:], nil
	}
	if m := buildPattern.FindStringSubmatch(version); m != nil {
		version = m[1]
	}
	if !isASCII(version) {
		return "", notAVersion(s)
	}
	if m := numbersPattern.FindStringSubmatch(version); m != nil {
		numbers := m[1]
		for _, number := range m[2:5] {
			if number == "" {
				number = ".0"
			}
			numbers += number
		}
		return withModifier(numbers, m[5], m[6], m[7]), nil
	}
	if m := datePattern.FindStringSubmatch(version); m != nil {
		return withModifier(dateSeparators.ReplaceAllString(m[1], "."), m[2], m[3], m[4]), nil
	}
	if m := devSuffixPattern.FindStringSubmatch(version); m != nil {
		if branch, ok := numericBranch(m[1]); ok {
			return branch, nil
		}
	}
	return "", notAVersion(s)
}

func notAVersion(s string) error {
	return fmt.Errorf("version %q: Composer reads no version in it; want something like 1.2.3, 1.2.3-beta1, 1.x-dev or dev-main", s)
}

// isASCII guards the patterns that ignore case: Go folds "ſ" to "s" in them, PHP does not.
func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] > unicode.MaxASCII {
			return false
		}
	}
	return true
}

// withModifier appends a version's stability to its numbers, in Composer's long spelling.
func withModifier(numbers, stability, number, dev string) string {
	switch stability = strings.ToLower(stability); stability {
	case "":
	case "stable":
		return numbers
	case "a":
		numbers += "-alpha"
	case "b":
		numbers += "-beta"
	case "p", "pl":
		numbers += "-patch"
	case "rc":
		numbers += "-RC"
	default:
		numbers += "-" + stability
	}
	numbers += strings.TrimLeft(number, ".-")
	if dev != "" {
		numbers += "-dev"
	}
	return numbers
}

// numericBranch is the normalized form of a branch such as "1.x" or "2.4": the open places count as 9999999.
func numericBranch(name string) (string, bool) {
	m := branchPattern.FindStringSubmatch(strings.Trim(name, " \t\n\r\x00\x0b"))
	if m == nil {
		return "", false
	}
	version := m[1]
	for _, number := range m[2:] {
		if number == "" || strings.ContainsAny(number, "xX*") {
			number = ".9999999"
		}
		version += number
	}
	return version + "-dev", true
}

// stabilityOf reads the stability at the end of a normalized version or of a version in a constraint.
func stabilityOf(version string) Stability {
	version, _, _ = strings.Cut(version, "#")
	if strings.HasPrefix(version, "dev-") || strings.HasSuffix(version, "-dev") {
		return Dev
	}
	m := stabilityPattern.FindStringSubmatch(strings.ToLower(version))
	switch {
	case m[3] != "":
		return Dev
	case m[1] == "beta" || m[1] == "b":
		return Beta
	case m[1] == "alpha" || m[1] == "a":
		return Alpha
	case m[1] == "rc":
		return RC
	}
	return Stable
}
