package php

import "bytes"

// longestName bounds a fully qualified name, in bytes. PHP has no such bound,
// but without one a long prefix used often would cost its square.
const longestName = 1024

// namespace is what names resolve against: the current namespace and the
// imports since it began. Source: the PHP manual, "Name resolution rules".
type namespace struct {
	name      string            // without backslashes around it; empty for the global one
	classes   map[string]string // lower-case alias -> fully qualified name
	functions map[string]string
	constants map[string]string // aliases of constants keep their case
}

// importKind tells the three tables of imports apart.
type importKind uint8

const (
	importClass importKind = iota
	importFunction
	importConstant
)

// enter begins a namespace, which has no imports yet.
func (n *namespace) enter(name string) { *n = namespace{name: name} }

// add makes alias stand for the fully qualified name.
func (n *namespace) add(kind importKind, alias []byte, name string) {
	table := &n.classes
	switch kind {
	case importFunction:
		table = &n.functions
	case importConstant:
		table = &n.constants
	}
	if *table == nil {
		*table = map[string]string{}
	}
	if kind == importConstant {
		(*table)[string(alias)] = name
		return
	}
	(*table)[string(appendLower(nil, alias))] = name
}

// lookup finds an alias that ignores case.
func lookup(table map[string]string, alias []byte) (string, bool) {
	if len(table) == 0 {
		return "", false
	}
	var buffer [64]byte
	name, ok := table[string(appendLower(buffer[:0], alias))]
	return name, ok
}

// class resolves the name of a class, or the prefix of a qualified name.
func (n *namespace) class(name []byte) string {
	if absolute, ok := n.absolute(name); ok {
		return absolute
	}
	first, rest := name, []byte(nil)
	if i := bytes.IndexByte(name, '\\'); i >= 0 {
		first, rest = name[:i], name[i:]
	}
	if full, ok := lookup(n.classes, first); ok {
		return full + string(rest)
	}
	return n.join(name)
}

// absolute resolves \A\B and namespace\A.
func (n *namespace) absolute(name []byte) (string, bool) {
	const relative = `namespace\`
	switch {
	case len(name) > 0 && name[0] == '\\':
		return string(name[1:]), true
	case len(name) > len(relative) && bytes.EqualFold(name[:len(relative)], []byte(relative)):
		return n.join(name[len(relative):]), true
	}
	return "", false
}

func (n *namespace) join(name []byte) string {
	if n.name == "" {
		return string(name)
	}
	return n.name + `\` + string(name)
}

// function resolves the name of a function that is called. One that is neither
// qualified nor imported keeps its short name: PHP falls back to the global one.
func (n *namespace) function(name []byte) string {
	if bytes.IndexByte(name, '\\') >= 0 {
		return n.class(name)
	}
	if full, ok := lookup(n.functions, name); ok {
		return full
	}
	return string(name)
}

// constant resolves the name of a constant as function does.
func (n *namespace) constant(name []byte) string {
	if bytes.IndexByte(name, '\\') >= 0 {
		return n.class(name)
	}
	if full, ok := n.constants[string(name)]; ok {
		return full
	}
	return string(name)
}

// alias gives the last segment of a name, by which an import is known.
func alias(name []byte) []byte { return name[bytes.LastIndexByte(name, '\\')+1:] }

// special are the names that look like a class and are none: in any role the
// first three, as a type all. Source: the PHP manual, "List of other reserved
// words" and "Type system".
var special = map[string]bool{
	"self": true, "static": true, "parent": true,
	"int": false, "float": false, "bool": false, "string": false, "array": false, "object": false,
	"callable": false, "iterable": false, "mixed": false, "void": false, "never": false, "null": false,
	"true": false, "false": false,
}

// builtin says whether name is no class in a reference of the given kind.
func builtin(kind Kind, name []byte) bool {
	const longest = len("callable")
	if len(name) > longest {
		return false
	}
	var buffer [longest]byte
	always, known := special[string(appendLower(buffer[:0], name))]
	return always || known && kind == Type
}

// literalConstant says whether name is true, false or null.
func literalConstant(name string) bool {
	return len(name) < 6 && (bytes.EqualFold([]byte(name), []byte("true")) ||
		bytes.EqualFold([]byte(name), []byte("false")) || bytes.EqualFold([]byte(name), []byte("null")))
}
