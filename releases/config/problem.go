package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Problem is something wrong at a place.
type Problem struct {
	Place
	Path Path
	Text string
	// unreadable says that no struct could take the value, vague that another problem
	// of it would say more.
	unreadable, vague bool
}

// A Path leads to a value: keys, and the numbers of list entries.
type Path []string

// At is the path of these keys and numbers.
func At(parts ...any) Path { return Path(nil).To(parts...) }

// To is the path further in.
func (p Path) To(parts ...any) Path {
	p = slices.Clone(p)
	for _, part := range parts {
		p = append(p, fmt.Sprint(part))
	}
	return p
}

// meets says whether one path leads to the value of the other, into it, or to
// what it is in.
func (p Path) meets(other Path) bool {
	n := min(len(p), len(other))
	return slices.Equal(p[:n], other[:n])
}

// names are the keys by which people know an entry of a list.
var names = []string{"slug", "login", "name", "package", "tag"}

// Problem is something wrong with the value at a path, or with the closest one
// around it. Entries of lists are called by their names where they have one:
// repositories[shop].packages[1].each.
func (n *Node) Problem(p Path, format string, args ...any) Problem {
	label, place, at := "", n.Place, n
	for _, part := range p {
		next := at.child(part)
		switch {
		case at != nil && at.Items != nil:
			for _, key := range names {
				if name := next.Get(key).Text(); name != "" && len(name) < 100 {
					part = name
					break
				}
			}
			label += "[" + part + "]"
		case label != "":
			label += "." + part
		default:
			label = part
		}
		if next != nil {
			place = next.Place
		}
		at = next
	}
	if label != "" {
		label += ": "
	}
	return Problem{Place: place, Path: p, Text: label + fmt.Sprintf(format, args...)}
}

// isBad says whether a value on the way could not be read.
func (n *Node) isBad(p Path) bool {
	for i := range len(p) + 1 {
		if value := n.at(p[:i]); value != nil && value.bad {
			return true
		}
	}
	return false
}

// Join makes one *Error of all problems, file by file and in their order; nil if
// there are none.
func Join(problems []Problem) error {
	problems = slices.SortedStableFunc(slices.Values(problems), func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Text, b.Text))
	})
	var errs []error
	last := ""
	for _, p := range problems {
		text := p.Text
		switch {
		case p.Line > 0:
			text = fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, text)
		case p.File != "":
			text = p.File + ": " + text
		}
		if text != last { // an alias brings the same problem again
			errs = append(errs, errors.New(text))
		}
		last = text
	}
	if len(errs) == 0 {
		return nil
	}
	return &Error{Err: errors.Join(errs...)}
}

// Suggest is the end of a message about a name that does not exist.
func Suggest(wrong string, names []string) string {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" })
	if near, ok := Nearest(wrong, names); ok {
		return ", did you mean " + near + "?"
	}
	if len(names) == 0 {
		return "; there is none"
	}
	return "; want " + oneOf(names)
}

// oneOf lists names: "a, b or c".
func oneOf(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// Nearest is the name that a wrong one was probably meant to be: at most a third
// of its characters, and one at least, would have to be changed.
func Nearest(wrong string, names []string) (string, bool) {
	best, distance := "", max(1, len(wrong)/3)+1
	for _, name := range names {
		if d := Distance(strings.ToLower(wrong), name); d < distance && len(wrong) <= 100 {
			best, distance = name, d
		}
	}
	return best, best != ""
}

// Distance is how many bytes have to be put in, left out, changed, or swapped with
// their neighbour to make b of a.
func Distance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		for j := range d[i] {
			switch {
			case i == 0 || j == 0:
				d[i][j] = i + j
				continue
			case a[i-1] == b[j-1]:
				d[i][j] = d[i-1][j-1]
			default:
				d[i][j] = 1 + min(d[i-1][j-1], d[i-1][j], d[i][j-1])
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
