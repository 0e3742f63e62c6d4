// Package platform knows which extension of PHP holds a function, class or constant, as Composer names it
// ("ext-intl"), without a PHP on the machine.
//
// names.txt is what the reflection of PHP 8.2 and of Debian's extensions for it says, other.txt what other versions from 7.4
// to 8.5 have beside it. What is held by nobody known is no name of PHP's. An extension that only adds constants
// to another one's class cannot be told by a name: MYSQL_ATTR_INIT_COMMAND of PDO says ext-pdo, not ext-pdo_mysql.
package platform

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// A Kind is the kind of symbol that a name stands for.
type Kind string

// The kinds of names that an extension can hold.
const (
	Function Kind = "function" // strlen
	Class    Kind = "class"    // a class, an interface, a trait or an enum
	Constant Kind = "constant" // E_ALL; not a constant of a class
)

// A symbol is a name of a kind.
type symbol struct {
	kind Kind
	name string
}

// symbolOf gives the symbol of a name in any case: that of constants counts, as in PHP.
func symbolOf(kind Kind, name string) symbol {
	if kind != Constant {
		name = strings.ToLower(name)
	}
	return symbol{kind, name}
}

// Extension is the extension that holds a name, as Composer writes it in "require": "ext-" and lower case. name is
// fully qualified, with or without a leading backslash; the case of functions and classes does not matter, that of
// constants does, as in PHP. It is false for a name that no version of PHP and no extension known has. Extensions that
// every PHP has are found too; see Always.
func Extension(kind Kind, name string) (ext string, ok bool) {
	ext, ok = names()[symbolOf(kind, strings.TrimPrefix(name, `\`))]
	return ext, ok
}

//go:embed names.txt
var namesText string

//go:embed other.txt
var otherText string

// names are the extensions by what they hold. The files are part of the program and tests read them: an error in them
// cannot be.
var names = sync.OnceValue(func() map[symbol]string {
	held := make(map[symbol]string, strings.Count(namesText, " ")+strings.Count(otherText, " "))
	if err := errors.Join(read(held, namesText), read(held, otherText)); err != nil {
		return nil
	}
	return held
})

// read adds a file's names: sections "[extension]", and lines of a kind and names; "#" begins a comment.
func read(held map[symbol]string, text string) error {
	ext := ""
	for i, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || fields[0] == "#":
			continue
		case fields[0][0] == '[':
			ext = "ext-" + strings.Trim(line, "[]")
			continue
		}
		kind := Kind(fields[0])
		if kind != Function && kind != Class && kind != Constant || ext == "" {
			return fmt.Errorf("line %d: %.40q; want [extension], or class, constant or function and names", i+1, line)
		}
		for _, name := range fields[1:] {
			s := symbolOf(kind, name)
			if other, twice := held[s]; twice {
				return fmt.Errorf("line %d: %s %s is in %s and in %s", i+1, kind, s.name, other, ext)
			}
			held[s] = ext
		}
	}
	return nil
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
