package php

import (
	"bytes"
	"fmt"
	"sync"
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
	found   []located          // in order of position
	inDocs  []located          // the same of doc comments, which may be read behind the code that follows them
	seen    map[Reference]bool // with Line 0
	classes []string
}

// located is a reference whose line is not known yet.
type located struct {
	kind   Kind
	name   string
	offset int32
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
	roleClass                 // members in { }
	roleHooks                 // property hooks in { }
	roleGroup                 // arguments, expressions or indices in ( ) or [ ]
	roleParams                // parameters in ( )
	roleUses                  // variables of a closure in ( )
	roleAnonymous             // arguments of new class( )
	roleAttr                  // attributes in #[ ]
)

var readers = sync.Pool{New: func() any { return newReader() }}

func newReader() *reader { return &reader{seen: map[Reference]bool{}} }

// reset readies r for src; it keeps the memory of earlier files.
func (r *reader) reset(src []byte) {
	*r = reader{
		lexer:  lexer{src: src, tokens: r.tokens[:0], docs: r.docs[:0], modes: r.modes[:0]},
		frames: append(r.frames[:0], frame{}),
		found:  r.found[:0], inDocs: r.inDocs[:0], seen: r.seen,
	}
	clear(r.seen)
}

// release hands r back, unless a large file made it large.
func (r *reader) release() {
	const manyTokens, manyNames = 1 << 16, 1 << 12
	r.src, r.classes, r.ns, r.odd = nil, nil, namespace{}, oddity{}
	clear(r.found)
	clear(r.inDocs)
	if cap(r.tokens) <= manyTokens && cap(r.modes)+cap(r.frames) <= manyTokens && len(r.seen) <= manyNames {
		readers.Put(r)
	}
}

// walk goes over all tokens.
func (r *reader) walk() {
	for r.i < len(r.tokens) {
		r.steps++
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
		case formOp, formClose:
			r.operator(t)
		case formLiteral:
			r.literal(t)
			r.i++
		default:
			r.i++
		}
	}
	r.comments(int32(len(r.src)) + 1)
	if f := r.top(); f.role != roleFile {
		r.odd.note("unclosed bracket", int(f.start))
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
		r.parameter()
	case roleAttr:
		r.attribute(t)
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

// text gives a name's bytes as PHP 8 writes them.
func (r *reader) text(t token) []byte {
	text := r.src[t.start:t.end]
	r.steps += len(text)
	if !t.spaced {
		return text
	}
	joined := make([]byte, 0, len(text))
	for _, c := range text {
		if class[c] != isSpace {
			joined = append(joined, c)
		}
	}
	return joined
}

// class adds a reference to the class that the token names, unless it is self
// or a built-in type.
func (r *reader) class(kind Kind, t token) {
	text := r.text(t)
	if builtin(kind, text) || r.long(text, t) {
		return
	}
	r.add(kind, r.ns.class(text), t.start)
}

// long says whether a name is too long to be kept.
func (r *reader) long(name []byte, t token) bool {
	if len(name) <= longestName {
		return false
	}
	r.odd.note("name of more than 1024 bytes", int(t.start))
	return true
}

// add keeps the first place of every pair of kind and name.
func (r *reader) add(kind Kind, name string, offset int32) {
	r.steps += len(name)
	if name == "" {
		return
	}
	if len(name) > longestName {
		r.odd.note("name of more than 1024 bytes", int(offset))
		return
	}
	key := Reference{Kind: kind, Name: name}
	if r.seen[key] {
		return
	}
	r.seen[key] = true
	if kind == Docblock {
		r.inDocs = append(r.inDocs, located{kind, name, offset})
		return
	}
	r.found = append(r.found, located{kind, name, offset})
}

// file makes the result: what was found in order, with lines.
func (r *reader) file() File {
	f := File{Declares: r.classes}
	lines := lineCounter{src: r.src, line: 1}
	if n := len(r.found) + len(r.inDocs); n > 0 {
		f.References = make([]Reference, 0, n)
	}
	for code, docs := r.found, r.inDocs; len(code)+len(docs) > 0; {
		next := &code
		if len(code) == 0 || len(docs) > 0 && docs[0].offset < code[0].offset {
			next = &docs
		}
		l := (*next)[0]
		*next = (*next)[1:]
		f.References = append(f.References, Reference{l.kind, l.name, lines.at(int(l.offset))})
	}
	if r.odd.text != "" {
		lines = lineCounter{src: r.src, line: 1}
		f.Problem = fmt.Sprintf("%s at line %d", r.odd.text, lines.at(r.odd.offset))
	}
	return f
}

// lineCounter counts the lines up to offsets that only grow. A line ends with
// \n, \r\n or a lone \r, as in PHP.
type lineCounter struct {
	src  []byte
	from int
	line int
}

func (c *lineCounter) at(offset int) int {
	offset = min(offset, len(c.src))
	part := c.src[c.from:offset]
	c.line += bytes.Count(part, []byte("\n"))
	for i := bytes.IndexByte(part, '\r'); i >= 0; {
		if end := c.from + i + 1; end >= len(c.src) || c.src[end] != '\n' {
			c.line++
		}
		next := bytes.IndexByte(part[i+1:], '\r')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	c.from = offset
	return c.line
}
