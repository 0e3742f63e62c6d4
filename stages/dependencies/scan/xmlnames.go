package scan

import "bytes"

// maxName bounds what can be a name, in bytes.
const maxName = 512

// attribute takes what an attribute names.
func (x *xmlFile) attribute(name string, value []byte, line int) {
	if name == "xsi:type" {
		x.object = string(value) == "object"
		return
	}
	value, line = trim(value, line)
	if x.dialect == moduleXML && string(x.element) == "module" && name == "name" {
		switch m := moduleID.FindSubmatch(value); {
		case m == nil:
		case x.sequence:
			x.add(Sequence, string(m[1]), line)
		default:
			x.declares = append(x.declares, string(m[1]))
		}
		return
	}
	x.name(value, line, isClassAttribute(x.element, name))
}

// trim cuts blanks off a value that begins on a line, and gives the line on which
// the rest begins.
func trim(value []byte, line int) ([]byte, int) {
	rest := bytes.TrimLeft(value, blanks)
	line += bytes.Count(value[:len(value)-len(rest)], []byte("\n"))
	return bytes.TrimRight(rest, blanks), line
}

const blanks = " \t\r\n"

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
func (x *xmlFile) text(value []byte, line int) {
	if x.element == nil {
		return
	}
	value, line = trim(value, line)
	if x.dialect == themeXML && string(x.element) == "parent" && len(value) <= maxName && themeName.Match(value) {
		x.add(Theme, string(value), line)
		return
	}
	x.name(value, line, x.object)
}

// name takes what a value names; class says that it stands where a class does.
func (x *xmlFile) name(value []byte, line int, class bool) {
	if len(value) > maxName {
		return
	}
	if name, ok := className(value); ok {
		x.add(XML, name, line)
		return
	}
	if class {
		if m := global.FindSubmatch(value); m != nil {
			x.add(XML, string(m[1]), line)
		}
		return
	}
	if bytes.IndexByte(value, '_') > 0 {
		if m := moduleID.FindSubmatch(value); m != nil {
			x.add(Module, string(m[1]), line)
		}
	}
}
