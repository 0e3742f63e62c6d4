// Package pattern matches paths as the lines of .gitignore and .gitattributes do.
// Source: git's documentation, gitignore(5) and gitattributes(5).
package pattern

import (
	"path"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A Pattern is a line of .gitignore, or the beginning of one of .gitattributes.
type Pattern struct {
	Negated     bool // it began with "!"
	dir         string
	directories bool // it ended in a slash
	anywhere    bool // it has no other slash: it is of names, not of paths
	expression  *regexp.Regexp
}

// Parse reads a line of a file in a directory, "." for the root. A blank line, a comment
// and what git cannot read match nothing: then ok is false.
func Parse(line, dir string) (p Pattern, ok bool) {
	line = strings.TrimRight(line, "\r\n")
	for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
		line = line[:len(line)-1]
	}
	if strings.HasPrefix(line, "#") {
		return p, false
	}
	p.dir = dir
	line, p.Negated = strings.CutPrefix(line, "!")
	line, p.directories = strings.CutSuffix(line, "/")
	p.anywhere = !strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	text, ok := expression(line)
	if line == "" || !ok {
		return p, false
	}
	var err error
	p.expression, err = regexp.Compile(text)
	return p, err == nil
}

// Match says whether the pattern is of a path below the root. What lies below a directory
// that it matches it does not match.
func (p Pattern) Match(file string, isDir bool) bool {
	below := true
	if p.dir != "." {
		file, below = strings.CutPrefix(file, p.dir+"/")
	}
	if !below || p.directories && !isDir {
		return false
	}
	if p.anywhere {
		file = path.Base(file)
	}
	return p.expression.MatchString(file)
}

// expression is a pattern as a regular expression.
func expression(glob string) (text string, ok bool) {
	b := []byte(`(?s)^`)
	for i := 0; i < len(glob); {
		rest, first := glob[i:], i == 0 || glob[i-1] == '/'
		switch {
		case first && strings.HasPrefix(rest, "**/"):
			b, i = append(b, `(?:.*/)?`...), i+3
		case first && i > 0 && rest == "**":
			b, i = append(b, `.+`...), len(glob)
		case rest[0] == '*':
			b, i = append(b, `[^/]*`...), len(glob)-len(strings.TrimLeft(rest, "*"))
		case rest[0] == '?':
			b, i = append(b, `[^/]`...), i+1
		case rest[0] == '[':
			class, n := class(rest)
			if n == 0 {
				return "", false
			}
			b, i = append(b, class...), i+n
		case rest == `\`:
			return "", false
		default:
			rest = strings.TrimPrefix(rest, `\`)
			_, n := utf8.DecodeRuneInString(rest)
			b, i = append(b, regexp.QuoteMeta(rest[:n])...), len(glob)-len(rest)+n
		}
	}
	return string(b) + "$", true
}

// class is a class of characters such as [!a-z], and its length; 0: it does not end.
func class(glob string) (text string, n int) {
	b, i := []byte("["), 1
	if len(glob) > 1 && (glob[1] == '!' || glob[1] == '^') {
		b, i = append(b, "^/"...), 2
	}
	for start := i; i < len(glob); i++ {
		switch end := strings.Index(glob[i:], ":]"); {
		case glob[i] == ']' && i > start:
			return string(append(b, ']')), i + 1
		case strings.HasPrefix(glob[i:], "[:") && end > 0:
			b, i = append(b, glob[i:i+end+2]...), i+end+1
		case glob[i] == '\\' && i+1 < len(glob):
			i++
			b = append(b, regexp.QuoteMeta(glob[i:i+1])...)
		case strings.IndexByte(`[]^\`, glob[i]) >= 0:
			b = append(b, '\\', glob[i])
		default:
			b = append(b, glob[i])
		}
	}
	return "", 0
}
