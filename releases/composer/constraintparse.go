package composer

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// numbers is a version inside a constraint: groups 1 to 4 are its numbers, 5 to 7 its modifier, 8 an "x-dev".
const numbers = `v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:\.([0-9]+))?(?:` + modifier + `|\.([xX*][.-]?dev))(?:\+[^\s\v]+)?`

var (
	orPattern        = regexp.MustCompile(`[\s\v]*\|\|?[\s\v]*`)
	flagPattern      = regexp.MustCompile(`(?i)^([^,\s\v]*?)@(` + stabilities + `)$`)
	referencePattern = regexp.MustCompile(`(?i)^(dev-[^,\s\v@]+?|[^,\s\v@]+?\.x-dev)#.+$`)
	everyPattern     = regexp.MustCompile(`(?i)^(v)?[x*](\.[x*])*$`)
	tildePattern     = regexp.MustCompile(`(?i)^~>?` + numbers + `$`)
	caretPattern     = regexp.MustCompile(`(?i)^\^` + numbers + `$`)
	wildcardPattern  = regexp.MustCompile(`^v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:\.[xX*])+$`)
	hyphenPattern    = regexp.MustCompile(`(?i)^(` + numbers + `) +- +(` + numbers + `)$`)
	operatorPattern  = regexp.MustCompile(`^(<>|!=|>=?|<=?|==?)?[\s\v]*(.*)`)
	devBranchPattern = regexp.MustCompile(`^[0-9a-zA-Z./-]*-dev$`)
	// hasModifier sees lower case only, and so never an "RC": Composer puts "-dev" behind ">=1.0-RC1" too.
	hasModifier = regexp.MustCompile(`-` + modifier + `$`)
)

// ParseConstraint reads a constraint by Composer's rules: exact versions, comparisons, ranges with '~', '^', '*' and
// a hyphen, joined by blanks or commas (all) and by "||" or "|" (any), with "@beta" flags and "as" aliases.
// "self.version" is no constraint: whoever knows the package's version replaces it first.
func ParseConstraint(s string) (Constraint, error) {
	if len(s) > maxText {
		return Constraint{}, fmt.Errorf("constraint %.40q…: longer than %d bytes", s, maxText)
	}
	if strings.TrimSpace(s) == "self.version" {
		return Constraint{}, errors.New(`constraint "self.version": replace it by the package's own version first`)
	}
	constraint := Constraint{text: s}
	for _, alternative := range orPattern.Split(strings.Trim(s, " \t\n\r\x00\x0b"), -1) {
		var group []comparison
		for _, one := range splitAll(alternative) {
			comparisons, err := parseOne(one)
			if err != nil {
				return Constraint{}, fmt.Errorf("constraint %q: part %q: %w", s, one, err)
			}
			group = append(group, comparisons...)
		}
		constraint.any = append(constraint.any, group)
	}
	constraint.any = joinRanges(constraint.any)
	return constraint, nil
}

// parseOne reads one constraint that no blank, comma or bar joins to another.
func parseOne(s string) ([]comparison, error) {
	if m := aliasPattern.FindStringSubmatch(s); m != nil {
		s = m[1]
	}
	flag := ""
	if m := flagPattern.FindStringSubmatch(s); m != nil && isASCII(m[2]) {
		if s = m[1]; s == "" {
			s = "*"
		}
		if m[2] != "stable" {
			flag = m[2]
		}
	}
	if m := referencePattern.FindStringSubmatch(s); m != nil {
		s = m[1]
	}
	if m := everyPattern.FindStringSubmatch(s); m != nil {
		if m[1] != "" || m[2] != "" {
			return []comparison{compare(">=", "0.0.0.0-dev")}, nil
		}
		return []comparison{{}}, nil
	}
	if m := tildePattern.FindStringSubmatch(s); m != nil {
		return tilde(s, m)
	}
	if m := caretPattern.FindStringSubmatch(s); m != nil {
		return caret(s, m)
	}
	if m := wildcardPattern.FindStringSubmatch(s); m != nil {
		return wildcard(m)
	}
	if m := hyphenPattern.FindStringSubmatch(s); m != nil {
		return hyphen(m)
	}
	return operator(s, flag)
}

// joinRanges makes one range of two neighbours that meet: [>=1 <2] || [>=2 <3] is [>=1 <3]. That only changes what
// matches when the second one is upside down, as in "^1.0 || 2.0 - 1.3", which then swallows the first. Composer does
// so, and a constraint has to mean here what it means there.
func joinRanges(groups [][]comparison) [][]comparison {
	joined := groups[:1:1]
	for _, right := range groups[1:] {
		left := joined[len(joined)-1]
		if len(left) == 2 && len(right) == 2 && left[0].operator == ">=" && left[1].operator == "<" &&
			right[0].operator == ">=" && strings.HasPrefix(right[1].operator, "<") &&
			left[1].version.normalized == right[0].version.normalized {
			joined[len(joined)-1] = []comparison{left[0], right[1]}
			continue
		}
		joined = append(joined, right)
	}
	return joined
}

// tilde: the last number given may grow, those before it may not.
func tilde(s string, m []string) ([]comparison, error) {
	if strings.HasPrefix(s, "~>") {
		return nil, errors.New(`there is no operator "~>"; write "~"`)
	}
	place := 1
	for i := 2; i <= 4; i++ {
		if m[i] != "" {
			place = i
		}
	}
	if m[8] != "" {
		place++
	}
	return between(s, m, max(1, place-1))
}

// caret: everything after the first number that is not zero may grow.
func caret(s string, m []string) ([]comparison, error) {
	switch {
	case m[1] != "0" || m[2] == "":
		return between(s, m, 1)
	case m[2] != "0" || m[3] == "":
		return between(s, m, 2)
	}
	return between(s, m, 3)
}

// between is the range from the version behind the first character of s to the next one at the given place.
func between(s string, m []string, place int) ([]comparison, error) {
	if m[5] == "" && m[7] == "" && m[8] == "" {
		s += "-dev"
	}
	low, err := normalize(s[1:])
	if err != nil {
		return nil, err
	}
	high, err := upTo(m[1:5], place, 1)
	return []comparison{compare(">=", low), compare("<", high)}, err
}

func wildcard(m []string) ([]comparison, error) {
	place := 1
	for i := 2; i <= 3; i++ {
		if m[i] != "" {
			place = i
		}
	}
	given := append(m[1:4:4], "")
	low, err := upTo(given, place, 0)
	if err != nil {
		return nil, err
	}
	high, err := upTo(given, place, 1)
	if low == "0.0.0.0-dev" {
		return []comparison{compare("<", high)}, err
	}
	return []comparison{compare(">=", low), compare("<", high)}, err
}

// hyphen: both ends belong to the range; an upper end with one or two numbers means all versions that begin so.
func hyphen(m []string) ([]comparison, error) {
	low, err := normalize(m[1])
	if err != nil {
		return nil, err
	}
	if m[6] == "" && m[8] == "" && m[9] == "" {
		low += "-dev"
	}
	high, err := normalize(m[10])
	if err != nil {
		return nil, err
	}
	if m[12] != "" && m[13] != "" || m[15] != "" || m[17] != "" || m[18] != "" {
		return []comparison{compare(">=", low), compare("<=", high)}, nil
	}
	place := 2
	if m[12] == "" {
		place = 1
	}
	high, err = upTo(m[11:15], place, 1)
	return []comparison{compare(">=", low), compare("<", high)}, err
}

// operator is a plain comparison, or with no operator an exact version or branch.
func operator(s, flag string) ([]comparison, error) {
	m := operatorPattern.FindStringSubmatch(s)
	version, err := normalize(m[2])
	if err != nil && devBranchPattern.MatchString(m[2]) {
		version, err = normalize("dev-" + strings.TrimSuffix(m[2], "-dev")) // "foo-dev" for "dev-foo"
	}
	if err != nil {
		return nil, err
	}
	switch exact := m[1] == "" || m[1] == "=" || m[1] == "=="; {
	case !exact && flag != "" && stabilityOf(version) == Stable:
		version += "-" + flag
	case m[1] == "<" || m[1] == ">=":
		if !hasModifier.MatchString(strings.ToLower(m[2])) && !isBranch(m[2]) {
			version += "-dev"
		}
	}
	return []comparison{compare(m[1], version)}, nil
}

// upTo is the version with the number at the place (1 to 4) raised and zeros behind it, below all its prereleases.
func upTo(given []string, place int, raise int64) (string, error) {
	result := [4]string{"0", "0", "0", "0"}
	copy(result[:place], given)
	if raise != 0 {
		number, err := strconv.ParseInt(result[place-1], 10, 62)
		if err != nil {
			return "", fmt.Errorf("number %s is too large", result[place-1])
		}
		result[place-1] = strconv.FormatInt(number+raise, 10)
	}
	return strings.Join(result[:], ".") + "-dev", nil
}
