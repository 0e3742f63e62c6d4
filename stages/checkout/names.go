package checkout

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// checkName refuses a name within a git tree that some machine would take for
// something else than a file of the repository: the rules of git's own
// core.protectHFS and core.protectNTFS, on every machine, because a package
// built here is unpacked anywhere.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("is empty")
	case name == "." || name == "..":
		return errors.New("leaves its directory")
	case strings.ContainsAny(name, "/\x00"):
		return errors.New("holds a slash or a NUL byte")
	case strings.Contains(name, `\`):
		return errors.New("holds a backslash, which is a separator on Windows")
	case !utf8.ValidString(name):
		return errors.New("is not UTF-8")
	case isDotGit(name):
		return errors.New("is taken for git's own folder by some file systems")
	}
	return nil
}

// isDotGit reports whether a file system takes the name for ".git": in any
// case, with characters that HFS+ ignores, and with what NTFS cuts off (dots and
// spaces at the end, a stream after ':') or its short name.
func isDotGit(name string) bool {
	s := strings.Map(func(r rune) rune {
		if ignoredByHFS(r) {
			return -1
		}
		return r
	}, name)
	s, _, _ = strings.Cut(s, ":")
	s = strings.TrimRight(s, ". ")
	return strings.EqualFold(s, ".git") || strings.EqualFold(s, "git~1")
}

// ignoredByHFS reports the code points that HFS+ leaves out when it compares
// names (Apple's Technical Note TN1150; the list is the one of git's utf8.c).
func ignoredByHFS(r rune) bool {
	switch {
	case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f:
		return true
	}
	return r == 0xfeff
}

// checkNames checks all names of one directory. Those that differ in case alone are two
// files to git, to zip and to the store. The directory is named as the errors shall show
// it: "" or "app/".
func checkNames(directory string, entries []entry) []error {
	var problems []error
	for _, e := range entries {
		if err := checkName(e.name); err != nil {
			problems = append(problems, fmt.Errorf("%q: the name %w; rename it in the repository", directory+e.name, err))
		}
	}
	return problems
}
