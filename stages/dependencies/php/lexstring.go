package php

import "bytes"

// quoted takes '…' or "…"; one with interpolation becomes a template.
func (l *lexer) quoted(quote byte) {
	start := l.pos
	for i := start + 1; i < len(l.src); i++ {
		switch c := l.src[i]; {
		case c == '\\':
			i++
		case c == quote:
			l.steps += i - start
			l.emit(formLiteral, 0, i+1)
			return
		case quote == '"' && l.interpolates(i):
			l.steps += i - start
			l.push(modeDouble, span{})
			l.emit(formTemplate, 0, start+1)
			// The text up to i is known to hold nothing.
			l.pos = i
			return
		}
	}
	l.steps += len(l.src) - start
	l.odd.note("unterminated string", start)
	l.pos = len(l.src)
}

// interpolates says whether $a, ${ or {$ stands at i.
func (l *lexer) interpolates(i int) bool {
	switch l.src[i] {
	case '$':
		return l.letter(i+1) || l.at(i+1) == '{'
	case '{':
		return l.at(i+1) == '$'
	}
	return false
}

// template goes on in a string with interpolation, to its end or to the next
// expression in braces.
func (l *lexer) template(m mode) {
	start := l.pos
	i := start
	for i < len(l.src) {
		c := l.src[i]
		switch {
		case c == '\\':
			if i++; l.at(i) != '\n' && l.at(i) != '\r' {
				i++
			}
		case m.kind == modeDouble && c == '"', m.kind == modeBacktick && c == '`':
			l.steps += i - start
			l.pop()
			l.pos = i
			l.emit(formTemplateClose, 0, i+1)
			return
		case m.kind == modeHeredoc && (c == '\n' || c == '\r'):
			i++
			if end, ok := l.closes(i, m.label); ok {
				l.steps += i - start
				l.pop()
				l.pos = i
				l.emit(formTemplateClose, 0, end)
				return
			}
		case c == '$' && l.letter(i+1):
			i = l.simple(i)
		case (c == '$' || c == '{') && l.interpolates(i):
			l.steps += i - start
			l.pos = i
			l.interpolate()
			return
		default:
			i++
		}
	}
	l.steps += len(l.src) - start
	l.pos = len(l.src)
}

// simple gives the end of $a, $a[…] or $a->b in a string. No name in it means a
// class, function or constant: the index of "$a[key]" is text.
func (l *lexer) simple(i int) int {
	i = l.skip(i+1, isLetter|isDigit)
	switch {
	case l.at(i) == '[':
		end := i + 1
		if l.at(end) == '-' {
			end++
		}
		if l.at(end) == '$' {
			end++
		}
		end = l.skip(end, isLetter|isDigit)
		if l.at(end) == ']' {
			return end + 1
		}
	case l.has(i, "->") && l.letter(i+2):
		return l.skip(i+2, isLetter|isDigit)
	case l.has(i, "?->") && l.letter(i+3):
		return l.skip(i+3, isLetter|isDigit)
	}
	return i
}

// interpolate takes {$ or ${ and turns to code; of ${name} and ${name[…]} the
// name, which is a variable's, too.
func (l *lexer) interpolate() {
	dollar := l.src[l.pos] == '$'
	l.push(modeCode, span{})
	if !dollar {
		l.emit(formOp, opInterpolate, l.pos+1)
		return
	}
	l.emit(formOp, opInterpolate, l.pos+2)
	if l.letter(l.pos) {
		end := l.skip(l.pos, isLetter|isDigit)
		if c := l.at(end); c == '}' || c == '[' {
			l.emit(formVariable, 0, end)
		}
	}
}

// heredoc takes the opening line of a heredoc, the whole of a nowdoc, or an
// operator that begins with <<.
func (l *lexer) heredoc() {
	i := l.blanks(l.pos + 3)
	quote := l.at(i)
	if quote == '\'' || quote == '"' {
		i++
	} else {
		quote = 0
	}
	end := i
	if l.letter(i) {
		end = l.skip(i, isLetter|isDigit)
	}
	label := span{int32(i), int32(end)}
	if quote != 0 && l.at(end) == quote {
		end++
	} else if quote != 0 {
		label.end = label.start
	}
	if label.start == label.end || l.at(end) != '\n' && l.at(end) != '\r' {
		l.operator()
		return
	}
	if l.has(end, "\r\n") {
		end++
	}
	l.body(end+1, quote == '\'', label)
}

// body opens a heredoc whose text begins at i. The closing label may be
// indented, and code may follow it (from PHP 7.3 on).
func (l *lexer) body(i int, now bool, label span) {
	l.push(modeHeredoc, label)
	l.emit(formTemplate, 0, i)
	if end, ok := l.closes(i, label); ok {
		l.pop()
		l.emit(formTemplateClose, 0, end)
		return
	}
	if !now {
		return
	}
	for l.pos < len(l.src) {
		next := bytes.IndexAny(l.src[l.pos:], "\r\n")
		if next < 0 {
			break
		}
		l.steps += next + 1
		l.pos += next + 1
		if end, ok := l.closes(l.pos, label); ok {
			l.pop()
			l.emit(formTemplateClose, 0, end)
			return
		}
	}
	l.steps += len(l.src) - l.pos
	l.pos = len(l.src)
}

// closes says whether the closing label stands at i, the start of a line, and
// where it ends.
func (l *lexer) closes(i int, label span) (end int, ok bool) {
	i = l.blanks(i)
	text := l.src[label.start:label.end]
	end = i + len(text)
	// The comparison ends where the line does, so that it costs no more than
	// the line is long.
	if end > len(l.src) || !bytes.Equal(l.src[i:end], text) {
		return 0, false
	}
	return end, end == len(l.src) || class[l.src[end]]&(isLetter|isDigit) == 0
}
