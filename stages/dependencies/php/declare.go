package php

import "bytes"

// namespace takes namespace A;, namespace A { and namespace {.
func (r *reader) namespace() {
	r.i++
	t := r.peek(0)
	switch {
	case t.form == formName:
		r.i++
		text := r.text(t)
		if r.long(text, t) {
			text = nil
		}
		r.ns.enter(string(bytes.TrimPrefix(text, []byte(`\`))))
	case t.is('{'):
		r.ns.enter("")
	}
}

// use takes the imports of one statement.
func (r *reader) use() {
	r.i++
	kind := r.importKind(importClass)
	for {
		r.steps++
		t := r.peek(0)
		if t.form != formName {
			return
		}
		r.i++
		prefix := r.text(t)
		if r.long(prefix, t) {
			return
		}
		if r.peek(0).is('\\') && r.peek(1).is('{') {
			r.i += 2
			r.group(kind, prefix)
		} else {
			r.imported(kind, nil, t)
		}
		if !r.peek(0).is(',') {
			return
		}
		r.i++
	}
}

// importKind takes function or const; without one the kind is what it was.
func (r *reader) importKind(kind importKind) importKind {
	switch r.peek(0).keyword {
	case kwFunction:
		kind = importFunction
	case kwConst:
		kind = importConstant
	default:
		return kind
	}
	r.i++
	return kind
}

// group takes what stands in use A\{ }, with the closing bracket.
func (r *reader) group(kind importKind, prefix []byte) {
	for {
		r.steps++
		each := r.importKind(kind)
		t := r.peek(0)
		if t.form != formName {
			break
		}
		r.i++
		r.imported(each, prefix, t)
		if r.peek(0).is(',') {
			r.i++
		}
	}
	if r.peek(0).is('}') {
		r.i++
		return
	}
	r.odd.note("unclosed bracket", int(r.peek(-1).start))
}

// imported adds the import that t names, with its alias when one follows.
func (r *reader) imported(kind importKind, prefix []byte, t token) {
	name := bytes.TrimPrefix(r.text(t), []byte(`\`))
	short := alias(name)
	if len(prefix) > 0 {
		name = append(append(append(make([]byte, 0, len(prefix)+1+len(name)), prefix...), '\\'), name...)
	}
	r.steps += len(name)
	name = bytes.TrimPrefix(name, []byte(`\`))
	if as := r.peek(1); r.peek(0).keyword == kwAs && as.form == formName {
		short = r.text(as)
		r.i += 2
	}
	if r.long(name, t) || r.long(short, t) {
		return
	}
	full := string(name)
	r.ns.add(kind, short, full)
	if kind == importClass {
		r.add(Import, full, t.start)
	}
}

// declaration takes class, interface, trait or enum, its name and heading. A
// class without a name is anonymous, its arguments come first.
func (r *reader) declaration(t token) {
	r.i++
	name := r.peek(0)
	switch {
	case name.form == formName && name.keyword != kwExtends && name.keyword != kwImplements:
		r.i++
		if text := r.text(name); !r.long(text, name) {
			if full := r.ns.join(bytes.TrimPrefix(text, []byte(`\`))); len(full) <= longestName {
				r.classes = append(r.classes, full)
			}
		}
	case t.keyword != kwClass:
		return
	case name.is('('):
		r.open(roleAnonymous, ')')
		return
	}
	r.heading()
}

// heading takes extends, implements and an enum's type, and opens the body.
func (r *reader) heading() {
	for {
		r.steps++
		switch t := r.peek(0); {
		case t.keyword == kwExtends:
			r.i++
			r.list(Extends)
		case t.keyword == kwImplements:
			r.i++
			r.list(Implements)
		case t.is(':'):
			r.i++
			r.types(Type)
		case t.is('{'):
			r.open(roleClass, '}')
			return
		default:
			return
		}
	}
}

// list takes the names of classes between commas.
func (r *reader) list(kind Kind) {
	for {
		r.steps++
		t := r.peek(0)
		if t.form != formName || !t.keyword.contextual() {
			return
		}
		r.class(kind, t)
		r.i++
		if !r.peek(0).is(',') {
			return
		}
		r.i++
	}
}

// function takes function or fn, a name when there is one, and opens the
// parameters.
func (r *reader) function() {
	r.i++
	if r.peek(0).is('&') {
		r.i++
	}
	if r.peek(0).form == formName {
		r.i++
	}
	if r.peek(0).is('(') {
		r.open(roleParams, ')')
	}
}

// signature takes what follows parameters: a closure's variables, the type of
// what is returned, and the bracket of the body.
func (r *reader) signature(uses bool) {
	if uses && r.peek(0).keyword == kwUse && r.peek(1).is('(') {
		r.i++
		r.open(roleUses, ')')
		return
	}
	if r.peek(0).is(':') {
		r.i++
		r.types(Type)
	}
	if r.peek(0).is('{') {
		r.open(roleBlock, '}')
	}
}
