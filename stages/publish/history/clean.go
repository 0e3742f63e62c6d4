package history

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// shortSecret is what is too short to be looked for in a text, in bytes.
const shortSecret = 6

// secretShapes are what tokens look like, and the user of a URL: what a program prints of itself is not known here.
var secretShapes = regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|AKIA[A-Z0-9]{16}|xox[abp]-[A-Za-z0-9-]{10,})\b|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?`)

var urlUser = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/\s@"'<>]+@`)

// Cleaner gives what puts "redacted" in the place of these secrets, of what looks like a token or a private key, and of
// the user and password of a URL.
func Cleaner(secrets []string) func(text string) string {
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return len(s) < shortSecret })
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // one may be in another
	pairs := make([]string, 0, 2*len(secrets))
	for _, s := range secrets {
		pairs = append(pairs, s, redacted)
	}
	known := strings.NewReplacer(pairs...)
	return func(text string) string {
		text = secretShapes.ReplaceAllString(known.Replace(text), redacted)
		return urlUser.ReplaceAllString(text, "${1}")
	}
}

const redacted = "redacted"
