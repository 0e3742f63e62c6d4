package php

import "bytes"

// open pushes the frame of a bracket and goes on behind it.
func (r *reader) open(in role, closing op) {
	r.frames = append(r.frames, frame{role: in, close: closing, begins: in >= roleClass, start: r.peek(0).start})
	if closing == '}' {
		r.braces++
	}
	r.i++
}

// operator takes an operator or a bracket.
func (r *reader) operator(t token) {
	switch t.op {
	case '(':
		r.open(roleGroup, ')')
	case '[':
		r.open(roleGroup, ']')
	case opAttribute:
		r.open(roleAttr, ']')
	case '{':
		// A function's body and a class's are opened with their heads, so that
		// what is left in a class or among parameters are a property's hooks.
		if in := r.top().role; in == roleClass || in == roleParams {
			r.open(roleHooks, '}')
		} else {
			r.open(roleBlock, '}')
		}
	case opInterpolate:
		r.open(roleBlock, '}')
	case ')', ']', '}':
		r.close(t)
	default:
		r.separator(t.op)
		r.i++
	}
}

// separator notes what begins or ends with , ; ? and :.
func (r *reader) separator(o op) {
	f := r.top()
	switch o {
	case ',':
		f.begins = f.begins || f.role == roleParams || f.role == roleAttr
	case ';':
		f.begins = f.begins || f.role == roleClass || f.role == roleHooks
		f.ternary = 0
	case '?':
		f.ternary++
	case ':':
		if r.branch = f.ternary > 0; r.branch {
			f.ternary--
		}
	}
}

// close takes a closing bracket and what may follow the one that it closes.
func (r *reader) close(t token) {
	r.i++
	f := *r.top()
	if f.close != t.op {
		if t.op != '}' || r.braces == 0 {
			r.odd.note("unopened bracket", t.start)
			return
		}
		r.odd.note("unclosed bracket", f.start)
		for r.top().close != '}' {
			r.frames = r.frames[:len(r.frames)-1]
		}
		f = *r.top()
	}
	r.frames = r.frames[:len(r.frames)-1]
	switch f.role {
	case roleParams, roleUses:
		r.signature(f.role == roleParams)
	case roleAnonymous:
		r.heading()
	}
	if f.close == '}' {
		r.braces--
		r.closed()
	}
}

// closed makes the next member or hook begin behind a body, unless the body
// stands in an expression that goes on.
func (r *reader) closed() {
	f := r.top()
	if f.role != roleClass && f.role != roleHooks {
		return
	}
	next := r.peek(0)
	f.begins = next.form == formName || next.is(opAttribute) || next.is('&') || next.is('}')
}

// literal looks for the name of a class in a string.
func (r *reader) literal(t token) {
	if name, ok := classInLiteral(r.src[t.start:t.end]); ok {
		r.add(String, name, t.start)
	}
	r.i++
}

// name takes a name in a statement or expression.
func (r *reader) name(t token) {
	before, next := r.peek(-1), r.peek(1)
	switch {
	case before.is(opArrow), before.is(opDoubleColon): // a member
		r.i++
	case next.is('='): // a constant that is declared, or a directive
		r.i++
	case next.is(':') && (before.is('(') || before.is(',')): // a named argument
		r.i++
	case next.is(opDoubleColon) && t.keyword.contextual():
		r.class(Static, t)
		r.i++
	case t.keyword != kwNone:
		r.word(t, next)
	default:
		r.plain(t, before, next)
	}
}

// plain takes a name that is no keyword: a call, a label, a cast or a constant.
func (r *reader) plain(t, before, next token) {
	r.i++
	text := r.text(t)
	switch {
	case next.is('('):
		r.add(Function, r.ns.resolve(Function, text), t.start)
	case next.is(':') && r.statement(before): // a label
	case before.is('(') && next.is(')') && casts[string(bytes.ToLower(text))]:
	case next.form == formVariable || next.form == formName && next.keyword == kwNone:
		// Two names in a row are no code that PHP takes.
	default:
		if name := r.ns.resolve(Constant, text); !builtin(Constant, []byte(name)) {
			r.add(Constant, name, t.start)
		}
	}
}

// statement says whether a statement begins behind the token.
func (r *reader) statement(before token) bool {
	return before.is(';') || before.is('{') || before.is('}') || before.is(':') && !r.branch || before.form == formEnd
}

// word takes a keyword and what belongs to it.
func (r *reader) word(t, next token) {
	switch t.keyword {
	case kwNamespace:
		r.namespace()
	case kwUse:
		r.use()
	case kwClass, kwInterface, kwTrait:
		r.declaration(t)
	case kwEnum:
		if next.form == formName && next.keyword != kwExtends && next.keyword != kwImplements {
			r.declaration(t)
			return
		}
		r.plain(t, r.peek(-1), next)
	case kwFunction, kwFn:
		r.function()
	case kwNew:
		r.operand(New)
	case kwInstanceof:
		r.operand(InstanceOf)
	case kwCatch:
		r.catch()
	case kwGoto:
		r.i += 2
	case kwFrom:
		if r.peek(-1).keyword == kwYield {
			r.i++
			return
		}
		r.plain(t, r.peek(-1), next)
	case kwReadonly:
		if next.is('(') {
			r.plain(t, r.peek(-1), next)
			return
		}
		r.i++
	default:
		r.i++
	}
}

// operand takes new or instanceof and the class behind it, when that is a name.
func (r *reader) operand(kind Kind) {
	r.i++
	t, next := r.peek(0), r.peek(1)
	if t.form != formName || !t.keyword.contextual() || t.keyword == kwReadonly && next.keyword == kwClass {
		return
	}
	if next.is(opDoubleColon) { // new X::$class
		kind = Static
	}
	r.class(kind, t)
	r.i++
}

// catch takes the types of a catch; its variable may be missing from 8.0 on.
func (r *reader) catch() {
	r.i++
	if !r.peek(0).is('(') {
		return
	}
	for r.open(roleGroup, ')'); ; r.i++ {
		switch t := r.peek(0); {
		case t.form == formName && t.keyword.contextual():
			r.class(Catch, t)
		case !t.is('|'):
			return
		}
	}
}
