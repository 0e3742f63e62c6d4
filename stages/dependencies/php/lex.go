package php

import "bytes"

// lexer cuts one file into tokens. It looks at every byte a bounded number of
// times and keeps open brackets and strings in modes, not on the call stack.
type lexer struct {
	src    []byte
	pos    int
	tokens []token
	docs   []span // the doc comments
	modes  []mode
	odd    oddity
	// steps counts the bytes looked at, so that a test can hold the lexer to
	// linear time without a clock.
	steps int
}

// mode is what the lexer is inside of; below the first one there is code.
type mode struct {
	kind  modeKind
	start int32 // where it was opened
	label span  // of a heredoc
}

// span is a part of the source.
type span struct{ start, end int32 }

type modeKind uint8

const (
	modeCode     modeKind = iota // between { and }
	modeDouble                   // in "…"
	modeBacktick                 // in `…`
	modeHeredoc                  // in <<<A … A
)

// classes of bytes.
const (
	isSpace  = 1 << iota // white space of PHP
	isLetter             // may begin an identifier
	isDigit
)

var class = func() (t [256]uint8) {
	for _, c := range []byte(" \t\r\n") {
		t[c] = isSpace
	}
	for c := range t {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', c >= 0x80:
			t[c] = isLetter
		case '0' <= c && c <= '9':
			t[c] = isDigit
		}
	}
	return t
}()

// oddity is the first thing that was odd in a file.
type oddity struct {
	text   string
	offset int
}

// note keeps the oddity that comes first in the file.
func (o *oddity) note(text string, offset int) {
	if o.text == "" || offset < o.offset {
		o.text, o.offset = text, offset
	}
}

// run fills tokens and docs.
func (l *lexer) run() {
	l.html()
	for l.pos < len(l.src) {
		if n := len(l.modes); n > 0 && l.modes[n-1].kind != modeCode {
			l.template(l.modes[n-1])
		} else {
			l.code()
		}
	}
	for _, m := range l.modes {
		switch m.kind {
		case modeDouble, modeBacktick:
			l.odd.note("unterminated string", int(m.start))
		case modeHeredoc:
			l.odd.note("unterminated heredoc", int(m.start))
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
	from := i
	for i < len(l.src) && class[l.src[i]]&classes != 0 {
		i++
	}
	l.steps += i - from + 1
	return i
}

// letter says whether an identifier begins at i.
func (l *lexer) letter(i int) bool { return i < len(l.src) && class[l.src[i]]&isLetter != 0 }

// emit adds a token from pos to end and goes on behind it.
func (l *lexer) emit(f form, o op, end int) {
	l.tokens = append(l.tokens, token{form: f, op: o, start: int32(l.pos), end: int32(end)})
	l.pos = end
}

func (l *lexer) push(kind modeKind, label span) {
	l.modes = append(l.modes, mode{kind, int32(l.pos), label})
}

func (l *lexer) pop() {
	if n := len(l.modes); n > 0 {
		l.modes = l.modes[:n-1]
	}
}

// html goes to behind the next opening tag. A bare <? is none: php.ini turns
// short tags off, and a template may hold <?xml.
func (l *lexer) html() {
	for {
		i := bytes.Index(l.src[l.pos:], []byte("<?"))
		if i < 0 {
			l.steps += len(l.src) - l.pos
			l.pos = len(l.src)
			return
		}
		l.steps += i + 2
		l.pos += i
		if l.at(l.pos+2) == '=' {
			l.emit(formEcho, 0, l.pos+3)
			return
		}
		if end, ok := l.openTag(l.pos); ok {
			l.pos = end
			return
		}
		l.pos += 2
	}
}

// openTag says whether <?php stands at i, and where it ends.
func (l *lexer) openTag(i int) (int, bool) {
	end := i + len("<?php")
	if end > len(l.src) || !bytes.EqualFold(l.src[i:end], []byte("<?php")) {
		return 0, false
	}
	return end, end == len(l.src) || class[l.src[end]]&isSpace != 0
}

// code takes one token, comment or run of white space.
func (l *lexer) code() {
	l.steps++
	c := l.src[l.pos]
	switch {
	case class[c] == isSpace:
		l.pos = l.skip(l.pos, isSpace)
	case class[c] == isLetter, c == '\\' && l.letter(l.pos+1):
		l.name()
	case c == '$':
		l.variable()
	case class[c] == isDigit, c == '.' && class[l.at(l.pos+1)] == isDigit:
		l.number()
	case c == '\'' || c == '"':
		l.quoted(c)
	case c == '`':
		l.push(modeBacktick, span{})
		l.emit(formTemplate, 0, l.pos+1)
	case c == '#' || c == '/':
		l.slash(c)
	case c == '<' && l.has(l.pos, "<<<"):
		l.heredoc()
	case c == '(':
		l.paren()
	case c == '{':
		l.push(modeCode, span{})
		l.emit(formOp, '{', l.pos+1)
	case c == '}':
		l.pop()
		l.emit(formOp, '}', l.pos+1)
	case c == '?' && l.at(l.pos+1) == '>':
		l.close()
	default:
		l.operator()
	}
}

// close takes ?> and the HTML behind it.
func (l *lexer) close() {
	l.emit(formClose, ';', l.pos+2)
	l.html()
}
