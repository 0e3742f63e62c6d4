package scan

import (
	"bytes"
	"fmt"

	"github.com/mage-os/nightly/stages/dependencies/php"
)

// A dialect is the vocabulary of an XML file, such as di.xml or layout.
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
func readXML(src []byte, d dialect) *php.File {
	x := &xmlFile{collector: newCollector(src), dialect: d}
	for x.pos < len(src) {
		from := x.pos
		x.pos += until(src[from:], "<")
		x.text(from, x.pos)
		if x.pos < len(src) {
			x.markup()
		}
	}
	return &x.file
}

// xmlFile is the state of reading one file.
type xmlFile struct {
	collector
	pos     int
	dialect dialect
	// element is that whose start tag came last; nil after an end tag. object
	// says that its text is a class.
	element []byte
	object  bool
	// sequence says that module.xml is within its list of modules to load before.
	sequence bool
}

// until is where mark begins, or the end.
func until(src []byte, mark string) int {
	if i := bytes.Index(src, []byte(mark)); i >= 0 {
		return i
	}
	return len(src)
}

// markups are what begins with '<' and is no start tag.
var markups = []struct{ open, close, what string }{
	{"<!--", "-->", "comment"},
	{"<![CDATA[", "]]>", "CDATA section"},
	{"<?", "?>", "processing instruction"},
	{"<!", ">", "declaration"},
	{"</", ">", "end tag"},
}

// markup reads what begins with '<'.
func (x *xmlFile) markup() {
	start := x.pos
	for _, m := range markups {
		if !bytes.HasPrefix(x.src[start:], []byte(m.open)) {
			continue
		}
		from := start + len(m.open)
		to := from + until(x.src[from:], m.close)
		if to == len(x.src) {
			x.unterminated(m.what, start)
		}
		x.pos = min(to+len(m.close), len(x.src))
		switch m.open {
		case "<![CDATA[":
			x.text(from, to)
		case "</":
			if name := x.src[from : from+nameEnd(x.src[from:])]; string(name) == "sequence" {
				x.sequence = false
			}
			x.element = nil
		}
		return
	}
	x.tag()
}

func (x *xmlFile) unterminated(what string, at int) {
	if x.file.Problem == "" {
		x.file.Problem = fmt.Sprintf("unterminated %s at line %d", what, 1+bytes.Count(x.src[:at], []byte("\n")))
	}
}

// tag reads a start tag.
func (x *xmlFile) tag() {
	start := x.pos
	x.pos++
	x.element, x.object = x.name(), false
	if string(x.element) == "sequence" {
		x.sequence = true
	}
	for c := x.next(); x.pos < len(x.src); c = x.next() {
		switch c {
		case '>':
			x.pos++
			return
		case '<':
			return // a new tag: this one was never ended
		case '/', '=', '"', '\'':
			x.pos++
		default:
			x.attribute()
		}
	}
	x.unterminated("tag", start)
}

// attribute reads an attribute, which may have no value.
func (x *xmlFile) attribute() {
	name := x.name()
	if x.next() != '=' {
		return
	}
	x.pos++
	quote := x.next()
	if quote != '"' && quote != '\'' {
		return
	}
	from := x.pos + 1
	to := from + until(x.src[from:], string(quote))
	x.pos = min(to+1, len(x.src))
	x.value(string(name), from, to)
}

// next goes to the next byte that is no blank and gives it, 0 at the end.
func (x *xmlFile) next() byte {
	for ; x.pos < len(x.src); x.pos++ {
		switch c := x.src[x.pos]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// name takes the name of an element or attribute.
func (x *xmlFile) name() []byte {
	from := x.pos
	x.pos += nameEnd(x.src[from:])
	return x.src[from:x.pos]
}

func nameEnd(src []byte) int {
	for i, c := range src {
		switch c {
		case ' ', '\t', '\r', '\n', '=', '/', '>', '<', '"', '\'':
			return i
		}
	}
	return len(src)
}

// value takes what an attribute names.
func (x *xmlFile) value(attribute string, from, to int) {
	if attribute == "xsi:type" {
		x.object = string(x.src[from:to]) == "object"
		return
	}
	value, at := x.trim(from, to)
	if x.dialect == moduleXML && string(x.element) == "module" && attribute == "name" {
		switch id, ok := submatch(moduleID, value); {
		case ok && x.sequence:
			x.add(Sequence, id, at)
		case ok:
			x.file.Declares = append(x.file.Declares, id)
		}
		return
	}
	x.named(value, at, isClassAttribute(x.element, attribute))
}

// trim gives what stands between two offsets without blanks around it, and where
// that begins.
func (x *xmlFile) trim(from, to int) (value []byte, at int) {
	const blanks = " \t\r\n"
	value = bytes.TrimLeft(x.src[from:to], blanks)
	return bytes.TrimRight(value, blanks), to - len(value)
}

// isClassAttribute tells the attributes whose value is a class even if it has no
// namespace: those of di.xml, layouts, events.xml, crontab.xml, webapi.xml.
func isClassAttribute(element []byte, name string) bool {
	switch name {
	case "class", "instance", "for":
		return true
	case "type":
		return string(element) == "preference" || string(element) == "plugin" || string(element) == "virtualType"
	case "name":
		return string(element) == "type"
	}
	return false
}

// text takes what the text between two tags names.
func (x *xmlFile) text(from, to int) {
	if x.element == nil {
		return
	}
	value, at := x.trim(from, to)
	if x.dialect == themeXML && string(x.element) == "parent" && themeName.Match(value) {
		x.add(Theme, string(value), at)
		return
	}
	x.named(value, at, x.object)
}

// named takes what a value names; class says that it stands where a class does.
func (x *xmlFile) named(value []byte, at int, class bool) {
	const longest = 512 // that can be a name, in bytes
	if len(value) > longest {
		return
	}
	kind := XML
	name, ok := className(value)
	switch {
	case ok:
	case class:
		name, ok = submatch(global, value)
	case bytes.IndexByte(value, '_') > 0:
		kind = Module
		name, ok = submatch(moduleID, value)
	}
	if ok {
		x.add(kind, name, at)
	}
}
