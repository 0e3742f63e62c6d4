package php

import "bytes"

// tags are the tags of a doc comment behind which a type stands, and how much
// of the text is one. Source: PHPDoc (PSR-19), phpstan's and psalm's
// manuals; the prefixes phpstan- and psalm- are cut off before.
var tags = map[string]tagShape{
	"param": tagType, "param-out": tagType, "var": tagType, "return": tagType, "throws": tagType, "see": tagType,
	"uses": tagType, "used-by": tagType, "property": tagType, "property-read": tagType,
	"property-write": tagType, "mixin": tagType, "extends": tagType, "implements": tagType, "use": tagType,
	"template-extends": tagType, "template-implements": tagType, "covers": tagType, "coversDefaultClass": tagType,
	"assert": tagType, "assert-if-true": tagType, "assert-if-false": tagType, "self-out": tagType,
	"require-extends": tagType, "require-implements": tagType, "link": tagType,
	"expectedException": tagType,
	"method":            tagLine, "template": tagLine, "template-covariant": tagLine, "template-contravariant": tagLine,
	"type": tagLine,
}

type tagShape uint8

const (
	tagNone tagShape = iota
	tagType          // one type, perhaps behind a variable
	tagLine          // types up to the line's end
)

// comments reads the doc comments before offset.
func (r *reader) comments(offset int32) {
	for r.nextDoc < len(r.docs) && r.docs[r.nextDoc].start < offset {
		d := r.docs[r.nextDoc]
		r.nextDoc++
		r.docblock(int(d.start), int(d.end))
	}
}

// docblock looks at every tag between the offsets, at the start of a line or
// behind a brace ({@see X}).
func (r *reader) docblock(i, end int) {
	for i < end {
		at := bytes.IndexByte(r.src[i:end], '@')
		if at < 0 {
			r.steps += end - i
			return
		}
		r.steps += at + 1
		i += at + 1
		if !tagStart(r.src[i-2]) {
			continue
		}
		from := i
		for i < end && (class[r.src[i]] == isLetter || r.src[i] == '-') {
			i++
		}
		r.steps += i - from
		switch tag(r.src[from:i]) {
		case tagType:
			i = r.docType(i, end)
		case tagLine:
			i = r.docLine(i, end)
		}
	}
}

// tagStart says whether a tag may follow the byte.
func tagStart(c byte) bool { return class[c] == isSpace || c == '*' || c == '{' }

// tag gives the shape of a tag.
func tag(name []byte) tagShape {
	name = bytes.TrimPrefix(name, []byte("phpstan-"))
	name = bytes.TrimPrefix(name, []byte("psalm-"))
	return tags[string(name)]
}

// docType reads the type at i, behind a variable when one comes first, and
// gives the offset behind it.
func (r *reader) docType(i, end int) int {
	i = r.docSpaces(i, end)
	if i < end && r.src[i] == '$' {
		for i < end && class[r.src[i]] != isSpace {
			i++
			r.steps++
		}
		i = r.docSpaces(i, end)
	}
	return r.docNames(i, end, false)
}

// docLine reads the types up to the line's end.
func (r *reader) docLine(i, end int) int { return r.docNames(i, end, true) }

// docSpaces gives the end of the spaces and tabs at i.
func (r *reader) docSpaces(i, end int) int {
	for i < end && (r.src[i] == ' ' || r.src[i] == '\t') {
		i++
		r.steps++
	}
	return i
}

// docNames reads names from i on: to the line's end, or to the first space
// outside of brackets.
func (r *reader) docNames(i, end int, line bool) int {
	depth := 0
	for i < end {
		r.steps++
		c := r.src[i]
		switch {
		case c == '\n' || c == '\r':
			return i
		case class[c] == isSpace && !line && depth <= 0:
			return i
		case c == '<' || c == '(' || c == '{':
			depth++
		case c == '>' || c == ')' || c == '}':
			depth--
		case c == '$', c == ':' && r.src[i-1] == ':':
			// A variable, or the method behind a class.
			i = wordEnd(r.src, i+1, end)
			r.steps++
			continue
		case class[c] == isLetter || c == '\\':
			to := wordEnd(r.src, i, end)
			r.steps += to - i
			if depth == 0 || !r.docKey(to) {
				r.docName(r.src[i:to], i)
			}
			i = to
			continue
		}
		i++
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
func wordEnd(src []byte, i, end int) int {
	for i < end && (class[src[i]]&(isLetter|isDigit) != 0 || src[i] == '\\') {
		i++
	}
	return i
}

// docName adds a class named in a doc comment. A qualified name whose first
// segment is not imported is taken as written, since most writers leave the
// leading backslash out; an unqualified one counts when it is imported.
func (r *reader) docName(name []byte, offset int) {
	name = bytes.TrimRight(name, `\`)
	short := bytes.TrimPrefix(name, []byte(`\`))
	if len(short) == 0 || len(short) > longestName || builtin(Type, name) {
		return
	}
	first := short
	qualified := bytes.IndexByte(short, '\\')
	if qualified >= 0 {
		first = short[:qualified]
	}
	if len(short) == len(name) {
		if _, imported := lookup(r.ns.classes, first); imported {
			r.add(Docblock, r.ns.class(name), int32(offset))
			return
		}
		if qualified < 0 {
			return
		}
	}
	if qualified >= 0 && !qualifiedName(short) || class[short[0]] != isLetter || builtin(Type, short) {
		return
	}
	r.add(Docblock, string(short), int32(offset))
}
