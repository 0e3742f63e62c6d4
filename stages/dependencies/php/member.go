package php

// modifiers takes public, static, readonly … and the (set) of PHP 8.4.
func (r *reader) modifiers() {
	for {
		switch r.peek(0).keyword {
		case kwModifier, kwStatic:
			r.i++
		case kwReadonly:
			// A readonly property has a type: before a variable the word is one,
			// of a class of 8.0 or before.
			if next := r.peek(1); next.form == formVariable || next.is('|') {
				return
			}
			r.i++
		case kwVisibility:
			r.i++
			if r.peek(0).is('(') && r.peek(1).form == formName && r.peek(2).is(')') {
				r.i += 3
			}
		default:
			return
		}
	}
}

// member takes the start of a class's member, up to where expressions begin.
func (r *reader) member() {
	r.modifiers()
	switch t := r.peek(0); t.keyword {
	case kwUse:
		r.traits()
	case kwConst:
		r.i++
		r.types()
	case kwFunction:
		r.function()
	case kwCase:
		r.i++
		if r.peek(0).form == formName {
			r.i++
		}
	default:
		r.types()
	}
}

// hook takes the start of a property hook: get, &get, set, set(…).
func (r *reader) hook() {
	r.modifiers()
	r.take('&')
	if r.peek(0).form != formName {
		return
	}
	r.i++
	switch t := r.peek(0); {
	case t.is('('):
		r.open(roleParams, ')')
	case t.is('{'):
		r.open(roleBlock, '}')
	}
}

// types takes a type: names with ?, |, & and brackets between them. It ends
// before a second name in a row and before the name of a constant.
func (r *reader) types() {
	depth, named := 0, false
	for ; ; r.i++ {
		t := r.peek(0)
		switch {
		case t.is('?'), t.is('|'), t.is('&'):
			named = false
		case t.is('(') && !named:
			depth++
		case t.is(')') && depth > 0:
			depth--
			named = true
		case t.form == formName && !named && !r.peek(1).is('='):
			switch {
			case t.keyword.contextual():
				r.class(Type, t)
			case t.keyword != kwType && t.keyword != kwStatic:
				return
			}
			named = true
		default:
			return
		}
	}
}

// traits takes use in a class, with its adaptations.
func (r *reader) traits() {
	r.i++
	r.list(Trait)
	start := r.peek(0).start
	ended := r.take(';')
	if !ended && r.take('{') {
		for ended = r.take('}'); !ended && r.i < len(r.tokens); ended = r.take('}') {
			r.adaptation()
		}
		if !ended {
			r.odd.note("unclosed bracket", start)
		}
	}
	r.top().begins = ended
}

// adaptation takes A::f insteadof B, C; or [A::]f as [modifier] [name];.
func (r *reader) adaptation() {
	if t := r.peek(0); t.form == formName && r.peek(1).is(opDoubleColon) {
		if t.keyword.contextual() {
			r.class(Trait, t)
		}
		r.i += 2
	}
	for r.i < len(r.tokens) {
		t := r.peek(0)
		if t.is('}') {
			return
		}
		r.i++
		switch {
		case t.is(';'):
			return
		case t.keyword == kwInsteadof && !r.peek(-2).is(opDoubleColon):
			r.list(Trait)
		}
	}
}
