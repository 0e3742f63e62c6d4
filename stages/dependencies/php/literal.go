package php

import "bytes"

// classInLiteral gives the class that a string such as 'Foo\Bar' names, without
// a leading backslash; what follows :: is left out. The first segment has two
// letters at least and the last begins with a capital, so that a pattern such
// as '\d\w' or a path is none.
func classInLiteral(literal []byte) (string, bool) {
	if len(literal) < 2 || bytes.IndexByte(literal, '\\') < 0 {
		return "", false
	}
	quote, text := literal[0], literal[1:len(literal)-1]
	if bytes.IndexByte(text, '\\') < 0 || len(text) > 2*longestName {
		return "", false
	}
	text, ok := unescape(quote, text)
	if !ok {
		return "", false
	}
	if i := bytes.Index(text, []byte("::")); i >= 0 {
		text = text[:i]
	}
	text = bytes.TrimPrefix(text, []byte(`\`))
	if !qualifiedName(text) {
		return "", false
	}
	last := lastPart(text)[0]
	if bytes.IndexByte(text, '\\') < 2 || last < 'A' || last > 'Z' {
		return "", false
	}
	return string(text), true
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

// qualifiedName says whether text is two identifiers or more with backslashes
// between them.
func qualifiedName(text []byte) bool {
	start, segments := true, 1
	for _, c := range text {
		switch {
		case c == '\\':
			if start {
				return false
			}
			start = true
			segments++
			continue
		case class[c] == isLetter, class[c] == isDigit && !start:
			start = false
		default:
			return false
		}
	}
	return segments > 1 && !start
}
