package pattern

import (
	"cmp"
	"fmt"
	"iter"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Attributes are what the .gitattributes files of a tree say.
type Attributes []attribute

type attribute struct {
	Pattern
	values []string // "name", "-name", "!name" or "name=value"
}

// FileName is the name of a file with attributes.
const FileName = ".gitattributes"

// Add reads the file of a directory, "." for the root. Macros are passed over.
func (a *Attributes) Add(data []byte, dir string) {
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		text, values, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
		if quoted, err := strconv.QuotedPrefix(line); err == nil {
			text, _ = strconv.Unquote(quoted)
			values = line[len(quoted):]
		}
		if p, ok := Parse(text, dir); ok && !p.Negated && !strings.HasPrefix(line, "[attr]") {
			*a = append(*a, attribute{p, strings.Fields(values)})
		}
	}
	// What is said nearer to a file counts more.
	slices.SortStableFunc(*a, func(x, y attribute) int { return cmp.Compare(len(x.dir), len(y.dir)) })
}

// Of is the value of a path's attribute: "set", "unset", a text, or "" if nothing is said.
func (a Attributes) Of(file string, isDir bool, name string) string {
	for _, line := range slices.Backward(a) {
		if !line.Match(file, isDir) {
			continue
		}
		for _, value := range slices.Backward(line.values) {
			if text, ok := strings.CutPrefix(value, name+"="); ok {
				return text
			}
			switch value {
			case name:
				return "set"
			case "-" + name:
				return "unset"
			case "!" + name:
				return ""
			}
		}
	}
	return ""
}

// Within is whether a path, or a directory that it lies in, has an attribute set.
func (a Attributes) Within(file, name string) bool {
	for isDir := false; file != "."; isDir = true {
		if a.Of(file, isDir, name) == "set" {
			return true
		}
		file = path.Dir(file)
	}
	return false
}

// AttributesOf reads the files of attributes among the paths of a tree.
func AttributesOf(paths iter.Seq[string], read func(path string) ([]byte, error)) (a Attributes, err error) {
	for name := range paths {
		if path.Base(name) != FileName {
			continue
		}
		data, err := read(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		a.Add(data, path.Dir(name))
	}
	return a, nil
}

// Mention is whether some line gives a value, such as "filter=lfs".
func (a Attributes) Mention(value string) bool {
	return slices.ContainsFunc(a, func(line attribute) bool { return slices.Contains(line.values, value) })
}
