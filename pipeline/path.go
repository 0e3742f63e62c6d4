package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds of a path: the longest that Linux opens, and the longest name that its
// usual file systems hold, both in bytes.
const (
	maxPath = 4095
	maxName = 255
)

// ValidPath says whether p can be the path of a file in a tree: relative, clean
// and slash-separated UTF-8, without "." and ".." as names, backslashes and
// control characters, no name longer than 255 bytes and not longer than 4,095
// in all. Backslashes are refused because zip readers on some systems take them
// for separators; control characters because a line holds one file.
func ValidPath(p string) error {
	if err := checkPath(p); err != nil {
		return fmt.Errorf("path %q: %w; rename the file in its source", shorten(p), err)
	}
	return nil
}

func checkPath(p string) error {
	switch {
	case p == "":
		return errors.New("is empty")
	case len(p) > maxPath:
		return fmt.Errorf("is longer than %d bytes", maxPath)
	case p[0] == '/':
		return errors.New("is absolute")
	case !utf8.ValidString(p):
		return errors.New("is not UTF-8")
	}
	start := 0
	for i := 0; i <= len(p); i++ {
		if i == len(p) || p[i] == '/' {
			if err := checkName(p[start:i]); err != nil {
				return err
			}
			start = i + 1
			continue
		}
		if c := p[i]; c < 0x20 || c == 0x7f || c == '\\' {
			return fmt.Errorf("holds the character %q", c)
		}
	}
	return nil
}

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("has an empty name between or after its slashes")
	case name == "." || name == "..":
		return fmt.Errorf("holds %q as a name", name)
	case len(name) > maxName:
		return fmt.Errorf("has a name longer than %d bytes", maxName)
	}
	return nil
}

// shorten keeps a message readable when a path is absurdly long.
func shorten(p string) string {
	const most = 200
	if len(p) <= most {
		return p
	}
	return strings.ToValidUTF8(p[:most], "") + "…"
}
