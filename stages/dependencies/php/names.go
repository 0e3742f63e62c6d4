package php

import "bytes"

// longestName bounds a fully qualified name, in bytes. PHP has no such bound,
// but without one a long prefix used often would cost its square.
const longestName = 1024

const longName = "name of more than 1024 bytes"

// namespace is what names resolve against: the current namespace and the
// imports since it began. Source: the PHP manual, "Name resolution rules".
type namespace struct {
	name    string // without backslashes around it; empty for the global one
	imports map[symbol]string
}

// symbol is an alias: of a class (kind Import), a Function or a Constant. All but
// those of constants are in lower case.
type symbol struct {
	kind Kind
	name string
}

// add makes alias stand for the fully qualified name.
func (n *namespace) add(kind Kind, alias []byte, name string) {
	if n.imports == nil {
		n.imports = map[symbol]string{}
	}
	if kind != Constant {
		alias = appendLower(nil, alias)
	}
	n.imports[symbol{kind, string(alias)}] = name
}

// lookup gives what an alias stands for.
func (n *namespace) lookup(kind Kind, alias []byte) (string, bool) {
	var buffer [64]byte
	if kind != Constant {
		alias = appendLower(buffer[:0], alias)
	}
	name, ok := n.imports[symbol{kind, string(alias)}]
	return name, ok
}

// resolve gives the fully qualified name of a class (kind Import), Function or
// Constant. A function or constant that is neither qualified nor imported keeps
// its short name: PHP falls back to the global one.
func (n *namespace) resolve(kind Kind, name []byte) string {
	first, rest := name, []byte(nil)
	if i := bytes.IndexByte(name, '\\'); i >= 0 {
		first, rest, kind = name[:i], name[i:], Import
	}
	switch {
	case len(first) == 0: // \A\B
		return string(rest[min(1, len(rest)):])
	case len(rest) > 0 && bytes.EqualFold(first, []byte("namespace")):
		return n.join(rest[1:])
	}
	if full, ok := n.lookup(kind, first); ok {
		return full + string(rest)
	}
	if kind == Import {
		return n.join(name)
	}
	return string(name)
}

// join puts a name into the current namespace.
func (n *namespace) join(name []byte) string {
	if n.name == "" {
		return string(name)
	}
	return n.name + `\` + string(name)
}

// lastPart gives the last segment of a name, by which an import is known.
func lastPart(name []byte) []byte { return name[bytes.LastIndexByte(name, '\\')+1:] }

// special are the names that look like a class or constant and are neither, and
// for which kinds: Type, Constant for those and Type, New for all. Source: the PHP
// manual, "List of other reserved words" and "Type system".
var special = map[string]Kind{
	"self": New, "static": New, "parent": New,
	"true": Constant, "false": Constant, "null": Constant,
	"int": Type, "float": Type, "bool": Type, "string": Type, "array": Type, "object": Type,
	"callable": Type, "iterable": Type, "mixed": Type, "void": Type, "never": Type,
}

// builtin says whether name is special in a reference of the given kind.
func builtin(kind Kind, name []byte) bool {
	var buffer [len("callable")]byte // the longest
	if len(name) > len(buffer) {
		return false
	}
	switch special[string(appendLower(buffer[:0], name))] {
	case New:
		return true
	case Constant:
		return kind == Constant || kind == Type
	case Type:
		return kind == Type
	}
	return false
}

// casts are the words of casts that are no keywords. Source: the PHP manual, "Type
// juggling"; void is of PHP 8.5, real of 7.4 and before.
var casts = map[string]bool{
	"int": true, "integer": true, "bool": true, "boolean": true, "float": true, "double": true, "real": true,
	"string": true, "binary": true, "object": true, "void": true,
}
