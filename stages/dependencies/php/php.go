// Package php reads the class names that a PHP file refers to, without PHP: a
// tokenizer for the syntax of PHP 7.4 to 8.5 and a resolver of names by
// namespace and use statement. It never panics and takes time linear in the
// length of its input, whatever the bytes are.
//
// Source of the rules: the PHP manual, "Namespaces: name resolution rules", and
// PHP's own scanner (Zend/zend_language_scanner.l).
package php

import (
	"bytes"
	"math"
	"path"
	"strings"
)

// Kind says in what role a name was found, in a word for people.
type Kind string

// The kinds of a reference. The first nine are class names in code position,
// which PHP itself looks up (or may look up) when the code runs.
const (
	New        Kind = "new"        // new X
	Static     Kind = "static"     // X::member, X::class
	InstanceOf Kind = "instanceof" // $a instanceof X
	Extends    Kind = "extends"    // class or interface … extends X
	Implements Kind = "implements" // class or enum … implements X
	Trait      Kind = "trait"      // use X; in a class, and X in its adaptations
	Type       Kind = "type"       // type of a parameter, return value, property or constant
	Catch      Kind = "catch"      // catch (X $e)
	Attribute  Kind = "attribute"  // #[X]
	Import     Kind = "import"     // use X; of a class (imports of functions and constants are none)
	Docblock   Kind = "docblock"   // a class name in a tag of a doc comment
	String     Kind = "string"     // a literal that looks like a namespaced class name: 'Foo\Bar'
	Function   Kind = "function"   // call of a function by its name
	Constant   Kind = "constant"   // use of a constant by its name
)

// Code says whether a name of this kind is a class in code position: one that
// PHP loads when it gets there, unlike an import, a doc comment, a string, or
// the name of a function or constant.
func (k Kind) Code() bool {
	switch k {
	case New, Static, InstanceOf, Extends, Implements, Trait, Type, Catch, Attribute:
		return true
	}
	return false
}

// Reference is one name that a file refers to.
type Reference struct {
	Kind Kind
	// Name is fully qualified without a leading backslash, in the case that is
	// written (of an alias: the case of its use statement). A function or
	// constant that is neither qualified nor imported has its short name, since
	// PHP falls back to the global one.
	Name string
	Line int // of the name's first byte, from 1
}

// File is one parsed PHP file: its declarations and references.
type File struct {
	// Declares holds the classes, interfaces, traits and enums that the file
	// declares, fully qualified, in order.
	Declares []string
	// References is in order of position and holds every pair of kind and name
	// once, with the first line. Names that are no class (self, static, parent,
	// the built-in types) are not in it.
	References []Reference
	// Problem is empty, or the first thing that was odd, with its line:
	// "unterminated comment at line 7". What was read around it still counts.
	Problem string
}

// Read finds the declared classes and the references of one file's bytes, in
// time linear in their number. It keeps no part of src and may be called from
// several goroutines at once.
func Read(src []byte) File {
	if len(src) > math.MaxInt32-longestName {
		return File{Problem: "more than 2 GiB at line 1"}
	}
	r := &reader{lexer: lexer{src: src}, frames: []frame{{}}, seen: map[Reference]bool{}}
	r.run()
	r.walk()
	return r.file()
}

// extensions are those of files that hold PHP whatever their first bytes are.
// Samples (.dist, .sample) are code that is copied to where it runs.
var extensions = []string{".php", ".phtml", ".php.dist", ".phtml.dist", ".php.sample"}

// IsPHP says whether a file holds PHP: by its name (.php, .phtml, and samples
// such as .php.dist), or, when the name has no extension, by its first bytes:
// a first line that calls php, or an opening tag. Name may be a path. Head may
// be any prefix of the file; 128 bytes are enough.
func IsPHP(name string, head []byte) bool {
	name = strings.ToLower(path.Base(name))
	for _, extension := range extensions {
		if strings.HasSuffix(name, extension) {
			return true
		}
	}
	if strings.Contains(name, ".") {
		return false
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	if bytes.HasPrefix(line, []byte("#!")) {
		return bytes.Contains(line, []byte("php"))
	}
	return len(head) >= len("<?php") && bytes.EqualFold(head[:len("<?php")], []byte("<?php"))
}
