package platform

import "strings"

// A Kind is what a name names.
type Kind uint8

// The kinds of names that an extension can hold.
const (
	Function Kind = iota + 1 // strlen
	Class                    // a class, an interface, a trait or an enum
	Constant                 // E_ALL; not a constant of a class
)

// String is the kind's name in lower case, "unknown" for another value.
func (k Kind) String() string {
	switch k {
	case Function:
		return "function"
	case Class:
		return "class"
	case Constant:
		return "constant"
	}
	return "unknown"
}

// Extension is the extension that holds a name, as Composer writes it in "require": "ext-" and lower case. name is
// fully qualified, with or without a leading backslash; the case of functions and classes does not matter, that of
// constants does, as in PHP. It is false for a name that no version of PHP and no extension known has. Extensions that
// every PHP has are found too; see Always.
func Extension(kind Kind, name string) (ext string, ok bool) {
	name = strings.TrimPrefix(name, `\`)
	if kind != Constant {
		name = strings.ToLower(name)
	}
	ext, ok = names()[symbol{kind, name}]
	return ext, ok
}

// A Version is PHP's, without its patch level: 8.3 is {8, 3}.
type Version struct{ Major, Minor int }

// always are the extensions that PHP cannot be built without, with the first version of which that is true. All others
// can be left out, also those that every distribution has, such as ctype and tokenizer. Source: the PHP manual, "List
// of core extensions" and the migration guides (hash in 7.4, json in 8.0, random in 8.2, opcache and uri in 8.5).
var always = map[string]Version{
	"ext-core":         {},
	"ext-date":         {},
	"ext-hash":         {7, 4},
	"ext-json":         {8, 0},
	"ext-pcre":         {},
	"ext-random":       {8, 2},
	"ext-reflection":   {},
	"ext-spl":          {},
	"ext-standard":     {},
	"ext-uri":          {8, 5},
	"ext-zend-opcache": {8, 5},
}

// Always says whether every PHP of a version has ext, so that nobody has to require it. A package that allows several
// versions asks for the lowest one.
func Always(ext string, php Version) bool {
	since, ok := always[ext]
	return ok && (php.Major > since.Major || php.Major == since.Major && php.Minor >= since.Minor)
}
