package php

import (
	"bytes"
	"slices"
)

// namespace takes namespace A;, namespace A { and namespace {.
func (r *reader) namespace() {
	r.i++
	switch t := r.peek(0); {
	case t.form == formName:
		r.i++
		r.ns = namespace{name: string(bytes.TrimPrefix(r.text(t), []byte(`\`)))}
	case t.is('{'):
		r.ns = namespace{}
	}
}

// use takes the imports of one statement, and those of a group with its bracket.
func (r *reader) use() {
	r.i++
	kind := r.importKind(Import)
	var group []byte // what stands before its names
	for {
		each := r.importKind(kind)
		t := r.peek(0)
		if t.form != formName {
			break
		}
		r.i++
		if r.peek(0).is('\\') && r.peek(1).is('{') {
			group = append(slices.Clone(bytes.TrimPrefix(r.text(t), []byte(`\`))), '\\')
			r.i += 2
			continue
		}
		r.imported(each, group, t)
		if !r.take(',') {
			break
		}
	}
	if len(group) > 0 && !r.take('}') {
		r.odd.note("unclosed bracket", r.peek(-1).start)
	}
}

// importKind takes function or const; without one the kind is what it was.
func (r *reader) importKind(kind Kind) Kind {
	switch r.peek(0).keyword {
	case kwFunction:
		kind = Function
	case kwConst:
		kind = Constant
	default:
		return kind
	}
	r.i++
	return kind
}

// imported adds the import that t names, with its alias when one follows.
func (r *reader) imported(kind Kind, group []byte, t token) {
	name := bytes.TrimPrefix(r.text(t), []byte(`\`))
	alias := lastPart(name)
	if as := r.peek(1); r.peek(0).keyword == kwAs && as.form == formName {
		alias = r.text(as)
		r.i += 2
	}
	full := string(group) + string(name)
	r.ns.add(kind, alias, full)
	if kind == Import {
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
		r.classes = append(r.classes, r.ns.join(bytes.TrimPrefix(r.text(name), []byte(`\`))))
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
		switch t := r.peek(0); {
		case t.keyword == kwExtends:
			r.i++
			r.list(Extends)
		case t.keyword == kwImplements:
			r.i++
			r.list(Implements)
		case t.is(':'):
			r.i++
			r.types()
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
	for t := r.peek(0); t.form == formName && t.keyword.contextual(); t = r.peek(0) {
		r.class(kind, t)
		r.i++
		if !r.take(',') {
			return
		}
	}
}

// function takes function or fn, a name when there is one, and opens the
// parameters.
func (r *reader) function() {
	r.i++
	r.take('&')
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
	if r.take(':') {
		r.types()
	}
	if r.peek(0).is('{') {
		r.open(roleBlock, '}')
	}
}
