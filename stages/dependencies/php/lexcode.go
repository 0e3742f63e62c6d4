package php

import "bytes"

// name takes an identifier, keyword or qualified name. PHP 8 has no white space
// in a name; PHP 7 allowed it around backslashes, where PHP 8 has no other
// reading of what stands there.
func (l *lexer) name() {
	start := l.pos
	end, qualified := l.segments(start)
	t := token{form: formName, start: int32(start)}
	if !qualified {
		t.keyword = keywordOf(l.src[start:end])
		if l.prefix(start, end) {
			l.pos = end
			return
		}
	}
	if t.keyword == kwNone {
		for {
			next := l.skip(end, isSpace)
			if l.at(next) != '\\' {
				break
			}
			next = l.skip(next+1, isSpace)
			if !l.letter(next) {
				break
			}
			end, _ = l.segments(next)
			t.spaced = true
		}
	}
	t.end = int32(end)
	l.tokens = append(l.tokens, t)
	l.pos = end
	if t.keyword == kwHalt && !l.member() {
		// What follows is data.
		l.pos = len(l.src)
		l.modes = l.modes[:0]
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
	if l.at(i) == '\\' {
		i, qualified = i+1, true
	}
	for {
		i = l.skip(i, isLetter|isDigit)
		if l.at(i) != '\\' || !l.letter(i+1) {
			return i, qualified
		}
		i, qualified = i+1, true
	}
}

// prefix says whether the name is the b of b"…", which means nothing.
func (l *lexer) prefix(start, end int) bool {
	return end == start+1 && l.src[start]|0x20 == 'b' &&
		(l.at(end) == '\'' || l.at(end) == '"' || l.has(end, "<<<"))
}

// variable takes $a, or a lone $.
func (l *lexer) variable() {
	if l.letter(l.pos + 1) {
		l.emit(formVariable, 0, l.skip(l.pos+1, isLetter|isDigit))
		return
	}
	l.emit(formOp, '$', l.pos+1)
}

// number takes an integer or a float.
func (l *lexer) number() {
	i := l.pos
	if l.src[i] == '0' {
		switch l.at(i+1) | 0x20 {
		case 'x', 'b', 'o':
			// Digits beyond the base are an error of the file, not of ours.
			l.emit(formNumber, 0, l.skip(i+2, isLetter|isDigit))
			return
		}
	}
	i = l.digits(i)
	if l.at(i) == '.' {
		i = l.digits(i + 1)
	}
	if l.at(i)|0x20 == 'e' {
		exponent := i + 1
		if sign := l.at(exponent); sign == '+' || sign == '-' {
			exponent++
		}
		if class[l.at(exponent)] == isDigit {
			i = l.digits(exponent)
		}
	}
	l.emit(formNumber, 0, i)
}

// digits gives the end of the digits at i; one _ may stand between two.
func (l *lexer) digits(i int) int {
	for {
		i = l.skip(i, isDigit)
		if l.at(i) != '_' || class[l.at(i+1)] != isDigit {
			return i
		}
		i++
	}
}

// slash takes a comment, #[ or an operator that begins with /.
func (l *lexer) slash(c byte) {
	switch next := l.at(l.pos + 1); {
	case c == '#' && next == '[':
		l.emit(formOp, opAttribute, l.pos+2)
	case c == '#', next == '/':
		l.lineComment()
	case next == '*':
		l.comment()
	default:
		l.operator()
	}
}

// lineComment goes to the line's end, or to ?> before it.
func (l *lexer) lineComment() {
	i := l.pos
	for ; i < len(l.src); i++ {
		c := l.src[i]
		if c == '\n' || c == '\r' || c == '?' && l.at(i+1) == '>' {
			break
		}
	}
	l.steps += i - l.pos
	l.pos = i
}

// comment goes behind */ and keeps a doc comment.
func (l *lexer) comment() {
	start := l.pos
	i := bytes.Index(l.src[start+2:], []byte("*/"))
	if i < 0 {
		l.odd.note("unterminated comment", start)
		l.pos = len(l.src)
		l.steps += l.pos - start
		return
	}
	l.pos = start + 2 + i + 2
	l.steps += l.pos - start
	if l.src[start+2] == '*' && class[l.at(start+3)] == isSpace {
		l.docs = append(l.docs, span{int32(start), int32(l.pos)})
	}
}

// longestCast is the length of boolean, the longest word in a cast.
const longestCast = 7

// casts are the words of casts. Source: the PHP manual, "Type juggling"; void
// is of PHP 8.5, unset and real are of 7.4 and before.
var casts = map[string]bool{
	"int": true, "integer": true, "bool": true, "boolean": true, "float": true, "double": true, "real": true,
	"string": true, "binary": true, "array": true, "object": true, "unset": true, "void": true,
}

// paren takes a cast such as ( int ), or a bracket.
func (l *lexer) paren() {
	from := l.blanks(l.pos + 1)
	to := from
	for to < len(l.src) && to-from <= longestCast && class[l.src[to]]&isLetter != 0 {
		to++
	}
	l.steps += to - from
	if to > from && to-from <= longestCast {
		if end := l.blanks(to); l.at(end) == ')' {
			var buffer [longestCast]byte
			if casts[string(appendLower(buffer[:0], l.src[from:to]))] {
				l.emit(formCast, 0, end+1)
				return
			}
		}
	}
	l.emit(formOp, '(', l.pos+1)
}

// blanks gives the end of the spaces and tabs at i.
func (l *lexer) blanks(i int) int {
	from := i
	for i < len(l.src) && (l.src[i] == ' ' || l.src[i] == '\t') {
		i++
	}
	l.steps += i - from + 1
	return i
}

// operator is one of more than one character.
type operator struct {
	text string
	op   op
}

// operators holds by its first character every operator of more than one, the
// longest first. Source: the PHP manual, "List of parser tokens".
var operators = func() (t [256][]operator) {
	for _, o := range []operator{
		{"...", opEllipsis}, {"?->", opArrow}, {"**=", opOther}, {"??=", opOther}, {"<=>", opOther},
		{"===", opOther}, {"!==", opOther}, {"<<=", opOther}, {">>=", opOther},
		{"::", opDoubleColon}, {"->", opArrow}, {"=>", opDoubleArrow}, {"==", opOther}, {"!=", opOther},
		{"<>", opOther}, {"<=", opOther}, {">=", opOther}, {"&&", opOther}, {"||", opOther}, {"|>", opOther},
		{"??", opOther}, {"++", opOther}, {"--", opOther}, {"+=", opOther}, {"-=", opOther}, {"*=", opOther},
		{"/=", opOther}, {".=", opOther}, {"%=", opOther}, {"&=", opOther}, {"|=", opOther}, {"^=", opOther},
		{"<<", opOther}, {">>", opOther}, {"**", opOther},
	} {
		t[o.text[0]] = append(t[o.text[0]], o)
	}
	return t
}()

// operator takes an operator, bracket or any other byte.
func (l *lexer) operator() {
	c := l.src[l.pos]
	for _, o := range operators[c] {
		if l.has(l.pos, o.text) {
			l.emit(formOp, o.op, l.pos+len(o.text))
			return
		}
	}
	if c >= byte(opOther) || c == 0 {
		c = byte(opOther)
	}
	l.emit(formOp, op(c), l.pos+1)
}
