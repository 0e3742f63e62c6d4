package scan

import "github.com/mage-os/nightly/stages/dependencies/php"

// Kind says how a file names something. The kinds of package php come first,
// under their numbers there.
type Kind uint8

// What other files than PHP name.
const (
	// XML is a class name in an attribute or a text of an XML file.
	XML Kind = 64 + iota
	// GraphQL is the class of a directive in a schema: @resolver(class: "…").
	GraphQL
	// Sequence is a module that module.xml wants to be loaded before.
	Sequence
	// Module is a module's id elsewhere in an XML file: of an ACL resource, a
	// menu entry or a template, Magento_Catalog.
	Module
	// Theme is the parent of a theme, as theme.xml has it: Magento/blank.
	Theme
)

// Of is the kind of a reference in PHP.
func Of(k php.Kind) Kind { return Kind(k) }

// PHP gives the kind of package php; false for what other files name.
func (k Kind) PHP() (php.Kind, bool) { return php.Kind(k), k < XML }

// Code reports whether it is a class in code position in PHP: the class must be
// there when the code runs.
func (k Kind) Code() bool {
	p, ok := k.PHP()
	return ok && p.Code()
}

// Class reports whether the reference's name is that of a class.
func (k Kind) Class() bool {
	p, ok := k.PHP()
	if ok {
		return p != php.Function && p != php.Constant
	}
	return k == XML || k == GraphQL
}

// String is a short name for people.
func (k Kind) String() string {
	if p, ok := k.PHP(); ok {
		return p.String()
	}
	switch k {
	case XML:
		return "XML"
	case GraphQL:
		return "GraphQL"
	case Sequence:
		return "sequence of modules"
	case Module:
		return "module id"
	case Theme:
		return "parent theme"
	}
	return "unknown"
}
