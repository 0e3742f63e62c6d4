package php

import (
	"bytes"
	"strings"
)

// lexer cuts one file into tokens. It looks at every byte a bounded number of
// times and keeps open braces and strings in modes, not on the call stack.
type lexer struct {
	src    []byte
	pos    int
	tokens []token
	docs   []span // the doc comments
	modes  []mode
	odd    oddity
}

// span is a part of the source.
type span struct{ start, end int32 }

// mode is what the lexer is inside of; below the first one there is code.
type mode struct {
	// quote is '{' for code in braces, '"' or '`' for a string; of a heredoc it
	// is the quote around its label, 0 if there is none.
	quote byte
	label span  // that ends a heredoc; empty in any other mode
	start int32 // where it was opened
}

func (m mode) heredoc() bool { return m.label.end > 0 }

// oddity is the first thing that was odd in a file.
type oddity struct {
	text   string
	offset int
}

// note keeps the oddity that comes first in the file.
func (o *oddity) note(text string, offset int32) {
	if o.text == "" || int(offset) < o.offset {
		o.text, o.offset = text, int(offset)
	}
}

// classes of bytes.
const (
	isSpace  = 1 << iota // white space of PHP
	isLetter             // may begin an identifier
	isDigit
	isWord = isLetter | isDigit
)

var class = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c == ' ', c == '\t', c == '\r', c == '\n':
			t[c] = isSpace
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', c >= 0x80:
			t[c] = isLetter
		case '0' <= c && c <= '9':
			t[c] = isDigit
		}
	}
	return t
}()

// run fills tokens and docs.
func (l *lexer) run() {
	l.html()
	for l.pos < len(l.src) {
		if n := len(l.modes); n > 0 && l.modes[n-1].quote != '{' {
			l.text(l.modes[n-1])
		} else {
			l.code()
		}
	}
	for _, m := range l.modes {
		switch {
		case m.heredoc():
			l.odd.note("unterminated heredoc", m.start)
		case m.quote != '{':
			l.odd.note("unterminated string", m.start)
		}
	}
}

// at gives the byte at i, 0 beyond the end.
func (l *lexer) at(i int) byte {
	if i < len(l.src) {
		return l.src[i]
	}
	return 0
}

// has says whether text stands at i.
func (l *lexer) has(i int, text string) bool {
	return len(l.src)-i >= len(text) && string(l.src[i:i+len(text)]) == text
}

// skip gives the end of the run of bytes of the given classes at i.
func (l *lexer) skip(i int, classes uint8) int {
	for i < len(l.src) && class[l.src[i]]&classes != 0 {
		i++
	}
	return i
}

// blanks gives the end of the spaces and tabs at i.
func (l *lexer) blanks(i int) int {
	for i < len(l.src) && (l.src[i] == ' ' || l.src[i] == '\t') {
		i++
	}
	return i
}

// letter says whether an identifier begins at i.
func (l *lexer) letter(i int) bool { return class[l.at(i)] == isLetter }

// emit adds a token from pos to end and goes on behind it.
func (l *lexer) emit(f form, o op, end int) {
	l.tokens = append(l.tokens, token{form: f, op: o, start: int32(l.pos), end: int32(end)})
	l.pos = end
}

func (l *lexer) push(quote byte, label span) {
	l.modes = append(l.modes, mode{quote, label, int32(l.pos)})
}

func (l *lexer) pop() { l.modes = l.modes[:max(0, len(l.modes)-1)] }

// html goes to behind the next opening tag. A bare <? is none: php.ini turns
// short tags off, and a template may hold <?xml.
func (l *lexer) html() {
	for {
		i := bytes.Index(l.src[l.pos:], []byte("<?"))
		if i < 0 {
			l.pos = len(l.src)
			return
		}
		l.pos += i
		end := min(l.pos+len("<?php"), len(l.src))
		switch {
		case l.at(l.pos+2) == '=':
			l.emit(formOther, 0, l.pos+3)
			return
		case bytes.EqualFold(l.src[l.pos:end], []byte("<?php")) && (end == len(l.src) || class[l.src[end]] == isSpace):
			l.pos = end
			return
		}
		l.pos += 2
	}
}

// code takes one token, comment or run of white space.
func (l *lexer) code() {
	c, next := l.src[l.pos], l.at(l.pos+1)
	switch {
	case class[c] == isSpace:
		l.pos = l.skip(l.pos, isSpace)
	case class[c] == isLetter, c == '\\' && l.letter(l.pos+1):
		l.name()
	case c == '$' && l.letter(l.pos+1):
		l.emit(formVariable, 0, l.skip(l.pos+1, isWord))
	case class[c] == isDigit, c == '.' && class[next] == isDigit:
		l.number()
	case c == '\'' || c == '"':
		l.quoted(c)
	case c == '`':
		l.push(c, span{})
		l.emit(formOther, 0, l.pos+1)
	case c == '#' && next == '[':
		l.emit(formOp, opAttribute, l.pos+2)
	case c == '#', c == '/' && next == '/':
		l.lineComment()
	case c == '/' && next == '*':
		l.comment()
	case c == '<' && l.heredoc():
	case c == '?' && next == '>':
		l.emit(formOp, ';', l.pos+2) // it ends a statement
		l.html()
	default:
		l.operator()
	}
}

// name takes an identifier, keyword or qualified name. PHP 8 has no white space
// in a name; PHP 7 allowed it around backslashes, where PHP 8 has no other
// reading of what stands there.
func (l *lexer) name() {
	end, qualified := l.segments(l.pos)
	t := token{form: formName, start: int32(l.pos)}
	if !qualified {
		t.keyword = keywordOf(l.src[l.pos:end])
		if end == l.pos+1 && l.src[l.pos]|0x20 == 'b' && (l.at(end) == '\'' || l.at(end) == '"' || l.has(end, "<<<")) {
			l.pos = end // b"…" means nothing else than "…"
			return
		}
	}
	for t.keyword == kwNone {
		next := l.skip(end, isSpace)
		if l.at(next) != '\\' {
			break
		}
		if next = l.skip(next+1, isSpace); !l.letter(next) {
			break
		}
		end, _ = l.segments(next)
		t.spaced = true
	}
	if end-l.pos > longestName {
		l.odd.note(longName, t.start)
		t.form = formOther
	}
	t.end, l.pos = int32(end), end
	l.tokens = append(l.tokens, t)
	if t.keyword == kwHalt && !l.member() {
		// What follows is data.
		l.pos, l.modes = len(l.src), l.modes[:0]
	}
}

// member says whether the last token is the name of a member or method: one
// that follows -> or ::, function or const.
func (l *lexer) member() bool {
	if len(l.tokens) < 2 {
		return false
	}
	before := l.tokens[len(l.tokens)-2]
	return before.is(opArrow) || before.is(opDoubleColon) ||
		before.keyword == kwFunction || before.keyword == kwConst
}

// segments gives the end of the name at i, which has no white space, and says
// whether there is a backslash in it.
func (l *lexer) segments(i int) (end int, qualified bool) {
	for {
		if l.at(i) == '\\' {
			i, qualified = i+1, true
		}
		i = l.skip(i, isWord)
		if l.at(i) != '\\' || !l.letter(i+1) {
			return i, qualified
		}
	}
}

// number takes an integer or a float. What it leaves of 1e-5, an operator and a
// number, is no name either.
func (l *lexer) number() {
	end := l.skip(l.pos, isWord)
	if next := l.at(end + 1); l.at(end) == '.' && (class[next] == isDigit || next|0x20 == 'e' && !l.letter(end+2)) {
		end = l.skip(end+1, isWord)
	}
	l.emit(formOther, 0, end)
}

// lineComment goes to the line's end, or to ?> before it.
func (l *lexer) lineComment() {
	for ; l.pos < len(l.src); l.pos++ {
		if c := l.src[l.pos]; c == '\n' || c == '\r' || c == '?' && l.at(l.pos+1) == '>' {
			return
		}
	}
}

// comment goes behind */ and keeps a doc comment.
func (l *lexer) comment() {
	start := l.pos
	length := bytes.Index(l.src[start+2:], []byte("*/"))
	if length < 0 {
		l.odd.note("unterminated comment", int32(start))
		l.pos = len(l.src)
		return
	}
	l.pos = start + 2 + length + 2
	if l.src[start+2] == '*' && class[l.at(start+3)] == isSpace {
		l.docs = append(l.docs, span{int32(start), int32(l.pos)})
	}
}

// operators holds by its first character every operator of more than one, the
// longest first. Source: the PHP manual, "List of parser tokens".
var operators = func() (t [256][]string) {
	for o := range strings.FieldsSeq(`... ?-> **= ??= <=> === !== <<= >>= :: -> => == != <> <= >= && || |> ?? ++ --
		+= -= *= /= .= %= &= |= ^= << >> **`) {
		t[o[0]] = append(t[o[0]], o)
	}
	return t
}()

// operator takes an operator, bracket or any other byte.
func (l *lexer) operator() {
	c := l.src[l.pos]
	for _, o := range operators[c] {
		if !l.has(l.pos, o) {
			continue
		}
		meaning := opOther
		switch o {
		case "::":
			meaning = opDoubleColon
		case "->", "?->":
			meaning = opArrow
		}
		l.emit(formOp, meaning, l.pos+len(o))
		return
	}
	switch {
	case c == '{':
		l.push(c, span{})
	case c == '}':
		l.pop()
	case c == 0 || c >= byte(opOther):
		c = byte(opOther)
	}
	l.emit(formOp, op(c), l.pos+1)
}
