package composer

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// A part is one piece of a version for ordering: a number, or a word such as "alpha".
type part struct {
	rank   int
	number int64
}

// The ranks of parts, from low to high: an unknown word, the words that precede a release, the end of the version,
// a number, a patch. PHP's version_compare ranks them so, and Composer orders by it.
const (
	rankUnknown = iota - 1
	rankDev
	rankAlpha
	rankBeta
	rankRC
	rankEnd
	rankNumber
	rankPatch
)

// Compare orders versions as Composer does: by number, then dev < alpha < beta < RC < stable < patch; build metadata
// has no say. A branch (dev-…) comes before every number. Composer leaves two different branches unordered; here they
// go by name, so that the order is total.
func (v Version) Compare(w Version) int {
	vBranch, wBranch := isBranch(v.normalized), isBranch(w.normalized)
	switch {
	case v.normalized == w.normalized:
		return 0
	case v.normalized == "" || w.normalized == "":
		return cmp.Compare(len(v.normalized), len(w.normalized))
	case vBranch && wBranch:
		return strings.Compare(v.normalized, w.normalized)
	case vBranch:
		return -1
	case wBranch:
		return 1
	}
	return compareParts(v.order, w.order)
}

// Key is one text for all versions that Compare finds equal: 1.0.0, v1.0.0 and 1.0+p3.
func (v Version) Key() string {
	if v.order == nil {
		return v.normalized
	}
	return fmt.Sprint(v.order)
}

func isBranch(normalized string) bool { return strings.HasPrefix(normalized, "dev-") }

// orderOf cuts a normalized version into its parts for ordering; nil for a branch.
func orderOf(normalized string) []part {
	if isBranch(normalized) {
		return nil
	}
	var parts []part
	for _, piece := range pieces.FindAllString(normalized, -1) {
		parts = append(parts, partOf(piece))
	}
	return parts
}

// pieces are what a version is cut into at every character that is neither letter nor digit, and between letters and
// digits.
var pieces = regexp.MustCompile(`[0-9]+|[A-Za-z]+`)

func partOf(piece string) part {
	if piece[0] >= '0' && piece[0] <= '9' {
		number, err := strconv.ParseInt(piece, 10, 64)
		if err != nil {
			number = math.MaxInt64 // as C's strtol, on which PHP's comparison stands
		}
		return part{rank: rankNumber, number: number}
	}
	words := []struct {
		prefix string
		rank   int
	}{{"dev", rankDev}, {"a", rankAlpha}, {"b", rankBeta}, {"RC", rankRC}, {"rc", rankRC}, {"p", rankPatch}}
	for _, word := range words {
		if strings.HasPrefix(piece, word.prefix) {
			return part{rank: word.rank}
		}
	}
	return part{rank: rankUnknown}
}

func compareParts(a, b []part) int {
	end := part{rank: rankEnd}
	for i := range max(len(a), len(b)) {
		p, q := end, end
		if i < len(a) {
			p = a[i]
		}
		if i < len(b) {
			q = b[i]
		}
		if c := cmp.Or(cmp.Compare(p.rank, q.rank), cmp.Compare(p.number, q.number)); c != 0 {
			return c
		}
	}
	return 0
}
