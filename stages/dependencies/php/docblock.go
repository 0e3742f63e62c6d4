package php

import (
	"bytes"
	"strings"
)

// typeTags are the tags of a doc comment behind which one type stands, perhaps
// behind a variable. Source: PHPDoc (PSR-19), phpstan's and psalm's manuals; the
// prefixes phpstan- and psalm- are cut off before.
var typeTags = set(`param param-out var return throws see uses used-by property property-read property-write mixin
	extends implements use template-extends template-implements covers coversDefaultClass assert assert-if-true
	assert-if-false self-out require-extends require-implements link expectedException`)

// lineTags are the tags behind which types stand up to the line's end.
var lineTags = set("method template template-covariant template-contravariant type")

func set(words string) map[string]bool {
	all := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		all[word] = true
	}
	return all
}

// comments reads the doc comments before offset.
func (r *reader) comments(offset int32) {
	for ; r.nextDoc < len(r.docs) && r.docs[r.nextDoc].start < offset; r.nextDoc++ {
		r.docblock(int(r.docs[r.nextDoc].start), int(r.docs[r.nextDoc].end))
	}
}

// docblock looks at every tag between the offsets, at the start of a line or
// behind a brace ({@see X}).
func (r *reader) docblock(i, end int) {
	for {
		at := bytes.IndexByte(r.src[i:end], '@')
		if at < 0 {
			return
		}
		i += at + 1
		if before := r.src[i-2]; class[before] != isSpace && before != '*' && before != '{' {
			continue
		}
		from := i
		for class[r.src[i]] == isLetter || r.src[i] == '-' {
			i++
		}
		tag := bytes.TrimPrefix(bytes.TrimPrefix(r.src[from:i], []byte("phpstan-")), []byte("psalm-"))
		switch {
		case lineTags[string(tag)]:
			i = r.docNames(i, end, true)
		case typeTags[string(tag)]:
			if i = r.blanks(i); r.src[i] == '$' {
				for i < end && class[r.src[i]] != isSpace {
					i++
				}
				i = min(r.blanks(i), end)
			}
			i = r.docNames(i, end, false)
		}
	}
}

// docNames reads names from i on: to the line's end, or to the first space
// outside of brackets. It gives the offset behind them.
func (r *reader) docNames(i, end int, line bool) int {
	depth := 0
	for ; i < end; i++ {
		c := r.src[i]
		switch {
		case c == '\n' || c == '\r', class[c] == isSpace && !line && depth <= 0:
			return i
		case c == '<' || c == '(' || c == '{':
			depth++
		case c == '>' || c == ')' || c == '}':
			depth--
		case c == '$', c == ':' && r.src[i-1] == ':':
			// A variable, or the method behind a class.
			i = r.wordEnd(i+1) - 1
		case class[c] == isLetter || c == '\\':
			to := r.wordEnd(i)
			if depth == 0 || !r.docKey(to) {
				r.docName(r.src[i:to], int32(i))
			}
			i = to - 1
		}
	}
	return i
}

// docKey says whether the word before i is a key, as a in array{a: int, b?: int}.
func (r *reader) docKey(i int) bool {
	if r.at(i) == '?' {
		i++
	}
	return r.at(i) == ':' && r.at(i+1) != ':'
}

// wordEnd gives the end of the identifier characters and backslashes at i.
func (r *reader) wordEnd(i int) int {
	for class[r.at(i)]&isWord != 0 || r.at(i) == '\\' {
		i++
	}
	return i
}

// docName adds a class named in a doc comment. A qualified name whose first
// segment is not imported is taken as written, since most writers leave the
// leading backslash out; an unqualified one counts when it is imported.
func (r *reader) docName(name []byte, offset int32) {
	name = bytes.TrimRight(name, `\`)
	short := bytes.TrimPrefix(name, []byte(`\`))
	if len(short) == 0 || len(short) > longestName || builtin(Type, short) {
		return
	}
	first, _, isQualified := bytes.Cut(short, []byte(`\`))
	if len(short) == len(name) {
		if _, imported := r.ns.lookup(Import, first); imported {
			r.add(Docblock, r.ns.resolve(Import, name), offset)
			return
		}
		if !isQualified {
			return
		}
	}
	if (!isQualified || qualified.Match(short)) && class[short[0]] == isLetter {
		r.add(Docblock, string(short), offset)
	}
}
