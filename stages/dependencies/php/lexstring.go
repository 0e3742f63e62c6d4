package php

import "bytes"

// quoted takes '…' or "…"; one with interpolation becomes a text of its parts.
func (l *lexer) quoted(quote byte) {
	start := l.pos
	for i := start + 1; i < len(l.src); i++ {
		switch c := l.src[i]; {
		case c == '\\':
			i++
		case c == quote:
			l.emit(formLiteral, 0, i+1)
			return
		case quote == '"' && (c == '$' && l.letter(i+1) || l.interpolates(i)):
			l.push(quote, span{})
			l.emit(formOther, 0, start+1)
			l.pos = i // the text up to here is known to hold nothing
			return
		}
	}
	l.odd.note("unterminated string", int32(start))
	l.pos = len(l.src)
}

// interpolates says whether ${ or {$ stands at i. What "$a[key]" or "$a->b" names
// is no class, function or constant, so that it passes for text.
func (l *lexer) interpolates(i int) bool {
	c, next := l.src[i], l.at(i+1)
	return c == '$' && next == '{' || c == '{' && next == '$'
}

// text goes on in a string with interpolation or in a heredoc, to its end or to
// the next expression in braces.
func (l *lexer) text(m mode) {
	for i := l.pos; i < len(l.src); i++ {
		c := l.src[i]
		end, ends := i+1, c == m.quote
		if m.heredoc() {
			ends = false
			if c == '\n' || c == '\r' {
				end, ends = l.closes(i+1, m.label)
			}
		}
		switch {
		case ends:
			l.pop()
			l.pos = i
			l.emit(formOther, 0, end)
			return
		case m.heredoc() && m.quote == '\'': // nothing but its label means anything
		case c == '\\':
			// A newline behind it may still be followed by the closing label.
			if next := l.at(i + 1); next != '\n' && next != '\r' {
				i++
			}
		case (c == '$' || c == '{') && l.interpolates(i):
			l.pos = i
			l.interpolate()
			return
		}
	}
	l.pos = len(l.src)
}

// interpolate takes {$ or ${ and turns to code; of ${name} and ${name[…]} the
// name, which is a variable's, too.
func (l *lexer) interpolate() {
	dollar := l.src[l.pos] == '$'
	l.push('{', span{})
	if !dollar {
		l.emit(formOp, opInterpolate, l.pos+1)
		return
	}
	l.emit(formOp, opInterpolate, l.pos+2)
	if l.letter(l.pos) {
		end := l.skip(l.pos, isWord)
		if c := l.at(end); c == '}' || c == '[' {
			l.emit(formVariable, 0, end)
		}
	}
}

// heredoc takes the opening of a heredoc or nowdoc, up to the end of its line,
// and says whether there is one.
func (l *lexer) heredoc() bool {
	if !l.has(l.pos, "<<<") {
		return false
	}
	from := l.blanks(l.pos + 3)
	quote := l.at(from)
	if quote == '\'' || quote == '"' {
		from++
	} else {
		quote = 0
	}
	to := l.skip(from, isWord)
	end := to
	if quote != 0 && l.at(end) == quote {
		end++
	}
	isLine := l.at(end) == '\n' || l.at(end) == '\r'
	if !l.letter(from) || quote != 0 && end == to || !isLine {
		return false
	}
	l.push(quote, span{int32(from), int32(to)})
	l.emit(formOther, 0, end)
	return true
}

// closes says whether the closing label stands at i, the start of a line, and
// where it ends. It may be indented, and code may follow it (from PHP 7.3 on).
func (l *lexer) closes(i int, label span) (end int, ok bool) {
	i = l.blanks(i)
	text := l.src[label.start:label.end]
	end = i + len(text)
	return end, bytes.HasPrefix(l.src[i:], text) && class[l.at(end)]&isWord == 0
}
