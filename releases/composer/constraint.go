package composer

import (
	"slices"
	"strings"
)

// A Constraint says which versions of a package are wanted. The zero Constraint matches nothing.
type Constraint struct {
	text string
	any  [][]comparison // one group has to match as a whole
}

// A comparison is one bound of a constraint, as in ">= 2.0.0.0-dev". An empty operator matches every version.
type comparison struct {
	operator string
	version  Version
}

// String is the constraint as it was written.
func (c Constraint) String() string { return c.text }

// Matches says whether v satisfies the constraint. As in Composer, stability plays no part here: it is the
// repository's reader that leaves out versions below the wanted stability.
func (c Constraint) Matches(v Version) bool {
	return slices.ContainsFunc(c.any, func(group []comparison) bool {
		return !slices.ContainsFunc(group, func(one comparison) bool { return !one.matches(v) })
	})
}

func (c comparison) matches(v Version) bool {
	if v.normalized == "" {
		return false
	}
	if c.operator == "" {
		return true
	}
	// A branch has no place among the numbers: only "the same" and "another" can be asked of it.
	if isBranch(v.normalized) || isBranch(c.version.normalized) {
		switch c.operator {
		case "=":
			return v.normalized == c.version.normalized
		case "!=":
			return v.normalized != c.version.normalized
		}
		return false
	}
	order := compareParts(v.order, c.version.order)
	switch c.operator {
	case "=":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	default: // ">="
		return order >= 0
	}
}

// compare makes a comparison with an already normalized version.
func compare(operator, normalized string) comparison {
	switch operator {
	case "", "==":
		operator = "="
	case "<>":
		operator = "!="
	}
	return comparison{operator: operator, version: Version{
		text: normalized, normalized: normalized, order: orderOf(normalized),
	}}
}

// splitAll cuts at the commas and blanks that join comparisons. A blank after an operator, around "as" or around the
// hyphen of a range joins nothing.
func splitAll(s string) []string {
	var parts []string
	start := 0
	for i := 0; i < len(s); {
		end, ok := separator(s, i)
		if !ok {
			i++
			continue
		}
		parts = append(parts, s[start:i])
		start, i = end, end
	}
	return append(parts, s[start:])
}

// separator says where the separator that begins at i ends, if one does.
func separator(s string, i int) (end int, ok bool) {
	before := s[:i]
	if before == "" || strings.HasSuffix(before, "as") || strings.ContainsRune("=>< ,", rune(before[len(before)-1])) {
		return 0, false
	}
	blanks := i
	for blanks < len(s) && s[blanks] == ' ' {
		blanks++
	}
	for at := blanks; at >= i; at-- {
		if at >= len(s) || s[at] != ' ' && s[at] != ',' || s[at-1] == '-' || strings.HasPrefix(s[at+1:], "-") {
			continue
		}
		end = at + 1
		for end < len(s) && s[end] == ' ' {
			end++
		}
		for ; end > at; end-- {
			rest := s[end:]
			if rest != "" && rest[0] != ',' && !strings.HasPrefix(rest, "as") {
				return end, true
			}
		}
	}
	return 0, false
}
