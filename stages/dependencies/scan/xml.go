package scan

import (
	"bytes"
	"fmt"
)

// A dialect is what an XML file is beside being XML.
type dialect int

const (
	plainXML dialect = iota
	moduleXML
	themeXML
)

// readXML reads an XML file for the classes and modules that its attributes and
// texts name. It takes any bytes: what is no XML it passes over.
//
// It is no XML parser, since none is needed: names of classes and modules hold
// nothing that could be written as an entity. In return it is several times as
// fast as encoding/xml and knows the line of every attribute.
func readXML(src []byte, d dialect) result {
	x := &xmlFile{collector: newCollector(), src: src, line: 1, dialect: d}
	for x.pos < len(src) {
		if src[x.pos] != '<' {
			x.text(x.take(until(src[x.pos:], "<")))
			continue
		}
		x.markup()
	}
	return x.result
}

// xmlFile is the state of reading one file.
type xmlFile struct {
	*collector
	src     []byte
	pos     int
	line    int // of pos
	dialect dialect
	// element is that whose start tag came last; nil after an end tag. object
	// says that its text is a class.
	element []byte
	object  bool
	// sequence says that module.xml is within its list of modules to load before.
	sequence bool
}

// take gives the next n bytes and the line on which they begin.
func (x *xmlFile) take(n int) (taken []byte, line int) {
	taken, line = x.src[x.pos:x.pos+n], x.line
	x.pos += n
	x.line += bytes.Count(taken, []byte("\n"))
	return taken, line
}

// markup reads what begins with '<'.
func (x *xmlFile) markup() {
	rest := x.src[x.pos:]
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")):
		x.skip(4, "-->", "comment")
	case bytes.HasPrefix(rest, []byte("<![CDATA[")):
		x.take(len("<![CDATA["))
		x.text(x.take(until(x.src[x.pos:], "]]>")))
		x.skip(0, "]]>", "CDATA section")
	case bytes.HasPrefix(rest, []byte("<?")):
		x.skip(2, "?>", "processing instruction")
	case bytes.HasPrefix(rest, []byte("<!")):
		x.skip(2, ">", "declaration")
	case bytes.HasPrefix(rest, []byte("</")):
		x.take(2)
		if name, _ := x.take(nameEnd(x.src[x.pos:])); string(name) == "sequence" {
			x.sequence = false
		}
		x.element, x.object = nil, false
		x.skip(0, ">", "end tag")
	default:
		x.take(1)
		x.tag()
	}
}

// skip passes over the first n bytes and what follows up to the mark and with it.
func (x *xmlFile) skip(n int, mark, what string) {
	_, line := x.take(n)
	rest := x.src[x.pos:]
	end := until(rest, mark)
	if end == len(rest) && x.problem == "" {
		x.problem = fmt.Sprintf("unterminated %s at line %d", what, line)
	}
	x.take(min(end+len(mark), len(rest)))
}

// tag reads a start tag from its name on.
func (x *xmlFile) tag() {
	x.element, _ = x.take(nameEnd(x.src[x.pos:]))
	x.object = false
	if string(x.element) == "sequence" {
		x.sequence = true
	}
	_, line := x.take(0)
	for x.pos < len(x.src) {
		x.take(spaces(x.src[x.pos:]))
		if x.pos == len(x.src) {
			break
		}
		switch c := x.src[x.pos]; c {
		case '>':
			x.take(1)
			return
		case '<':
			return // a new tag: this one was never ended
		case '/', '=', '"', '\'':
			x.take(1)
		default:
			name, _ := x.take(max(nameEnd(x.src[x.pos:]), 1))
			x.value(name)
		}
	}
	if x.problem == "" {
		x.problem = fmt.Sprintf("unterminated tag at line %d", line)
	}
}

// value reads what follows an attribute's name, if it has a value.
func (x *xmlFile) value(name []byte) {
	x.take(spaces(x.src[x.pos:]))
	if x.pos == len(x.src) || x.src[x.pos] != '=' {
		return
	}
	x.take(1)
	x.take(spaces(x.src[x.pos:]))
	if x.pos == len(x.src) || x.src[x.pos] != '"' && x.src[x.pos] != '\'' {
		return
	}
	quote, _ := x.take(1)
	value, line := x.take(until(x.src[x.pos:], string(quote)))
	if x.pos < len(x.src) {
		x.take(1)
	}
	x.attribute(string(name), value, line)
}

// nameEnd is where a name of an element or attribute ends.
func nameEnd(src []byte) int {
	for i, c := range src {
		switch c {
		case ' ', '\t', '\r', '\n', '=', '/', '>', '<', '"', '\'':
			return i
		}
	}
	return len(src)
}

func spaces(src []byte) int {
	for i, c := range src {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return i
		}
	}
	return len(src)
}
