package php

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// reader walks the tokens of one file and keeps its open brackets in frames,
// not on the call stack.
type reader struct {
	lexer
	i       int // the token that is looked at
	nextDoc int // the doc comment that comes next
	frames  []frame
	braces  int  // frames that } closes
	branch  bool // the last : was that of a ? … :
	ns      namespace
	found   []Reference        // with offsets in place of lines
	seen    map[Reference]bool // with Line 0
	classes []string
}

// frame is an open bracket.
type frame struct {
	role  role
	close op
	// begins says that the next token begins a member, parameter, attribute or
	// hook, whichever the role holds.
	begins bool
	// ternary counts the ? whose : is to come, so that a label is told from the
	// last branch.
	ternary int32
	start   int32
}

// role is what an open bracket holds.
type role uint8

const (
	roleFile      role = iota // no bracket: the frame below all others
	roleBlock                 // statements or match arms in { }
	roleGroup                 // arguments, expressions or indices in ( ) or [ ]
	roleUses                  // variables of a closure in ( )
	roleAnonymous             // arguments of new class( )
	roleClass                 // members in { }; this and the roles below hold what has a beginning
	roleHooks                 // property hooks in { }
	roleParams                // parameters in ( )
	roleAttr                  // attributes in #[ ]
)

// walk goes over all tokens.
func (r *reader) walk() {
	for r.i < len(r.tokens) {
		t := r.tokens[r.i]
		r.comments(t.start)
		if f := r.top(); f.begins && !t.is(opAttribute) {
			f.begins = false
			if r.begin(f.role, t) {
				continue
			}
		}
		switch t.form {
		case formName:
			r.name(t)
		case formOp:
			r.operator(t)
		case formLiteral:
			r.literal(t)
		default:
			r.i++
		}
	}
	r.comments(int32(len(r.src)) + 1)
	if f := r.top(); f.role != roleFile {
		r.odd.note("unclosed bracket", f.start)
	}
}

// begin reads the start of a member, parameter, attribute or hook, and says
// whether it took a token.
func (r *reader) begin(in role, t token) bool {
	from := r.i
	switch in {
	case roleClass:
		r.member()
	case roleParams:
		r.modifiers()
		r.types()
	case roleAttr:
		if t.form == formName && t.keyword.contextual() {
			r.class(Attribute, t)
			r.i++
		}
	case roleHooks:
		r.hook()
	}
	return r.i > from
}

// top gives the innermost frame.
func (r *reader) top() *frame { return &r.frames[len(r.frames)-1] }

// peek gives the token n places on; the one before for -1.
func (r *reader) peek(n int) token {
	if i := r.i + n; i >= 0 && i < len(r.tokens) {
		return r.tokens[i]
	}
	return token{}
}

// take goes on behind the token if it is the operator o, and says whether it is.
func (r *reader) take(o op) bool {
	is := r.peek(0).is(o)
	if is {
		r.i++
	}
	return is
}

// text gives a name's bytes as PHP 8 writes them.
func (r *reader) text(t token) []byte {
	text := r.src[t.start:t.end]
	if !t.spaced {
		return text
	}
	return slices.DeleteFunc(slices.Clone(text), func(c byte) bool { return class[c] == isSpace })
}

// class adds a reference to the class that the token names, unless it is self
// or a built-in type.
func (r *reader) class(kind Kind, t token) {
	if text := r.text(t); !builtin(kind, text) {
		r.add(kind, r.ns.resolve(Import, text), t.start)
	}
}

// add keeps the first place of every pair of kind and name.
func (r *reader) add(kind Kind, name string, offset int32) {
	if len(name) > longestName {
		r.odd.note(longName, offset)
		return
	}
	key := Reference{Kind: kind, Name: name}
	if name == "" || r.seen[key] {
		return
	}
	r.seen[key] = true
	r.found = append(r.found, Reference{kind, name, int(offset)})
}

// file makes the result: what was found in order, with lines.
func (r *reader) file() File {
	// Doc comments may be read behind the code that follows them.
	slices.SortStableFunc(r.found, func(a, b Reference) int { return cmp.Compare(a.Line, b.Line) })
	f := File{Declares: r.classes, References: append([]Reference(nil), r.found...)}
	from, line := 0, 1
	for i := range f.References {
		at := f.References[i].Line
		line += newlines(r.src[from:at])
		from, f.References[i].Line = at, line
	}
	if r.odd.text != "" {
		f.Problem = fmt.Sprintf("%s at line %d", r.odd.text, 1+newlines(r.src[:r.odd.offset]))
	}
	return f
}

// newlines counts the ends of lines: \n, \r\n or a lone \r, as in PHP.
func newlines(src []byte) int {
	n := bytes.Count(src, []byte("\n"))
	if bytes.IndexByte(src, '\r') >= 0 {
		n += bytes.Count(src, []byte("\r")) - bytes.Count(src, []byte("\r\n"))
	}
	return n
}
