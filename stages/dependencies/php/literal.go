package php

import (
	"bytes"
	"regexp"
)

// An identifier of PHP begins with a letter, '_' or any byte that is no ASCII.
const identifier = `[A-Za-z_[:^ascii:]][0-9A-Za-z_[:^ascii:]]*`

var (
	// qualified is two identifiers or more with backslashes between them.
	qualified = regexp.MustCompile(`^` + identifier + `(?:\\` + identifier + `)+$`)
	// classText is a qualified name, perhaps with a leading backslash and a member. The
	// first segment has two letters at least and the last begins with a capital, so that
	// a pattern such as '\d\w' or a path is none.
	classText = regexp.MustCompile(`^\\?([A-Za-z_[:^ascii:]][0-9A-Za-z_[:^ascii:]]+(?:\\` + identifier + `)*\\[A-Z][0-9A-Za-z_[:^ascii:]]*)(?:::|$)`)
)

// classInLiteral gives the class that a string such as 'Foo\Bar' names, without
// a leading backslash; what follows :: is left out.
func classInLiteral(literal []byte) (string, bool) {
	if len(literal) < 2 || bytes.IndexByte(literal, '\\') < 0 || len(literal) > 2*longestName {
		return "", false
	}
	text, ok := unescape(literal[0], literal[1:len(literal)-1])
	if !ok {
		return "", false
	}
	m := classText.FindSubmatch(text)
	if m == nil {
		return "", false
	}
	return string(m[1]), true
}

// unescape replaces \\ by \ and says whether the string has no other escape.
// Source: the PHP manual, "Strings".
func unescape(quote byte, text []byte) ([]byte, bool) {
	plain := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\\' && i+1 < len(text) {
			switch next := text[i+1]; {
			case next == '\\':
				i++
			case next == quote:
				return nil, false
			case quote == '"' && bytes.IndexByte([]byte("nrtvefxu$01234567"), next) >= 0:
				return nil, false
			}
		}
		plain = append(plain, c)
	}
	return plain, true
}
