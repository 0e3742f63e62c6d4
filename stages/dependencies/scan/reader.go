package scan

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages/dependencies/php"
)

// A reader understands one form of file. It gives nil for what is no such file.
type reader func(src []byte) *php.File

// readerOf gives the reader of the form that a file's name says it has; nil for a
// file that is not read.
func readerOf(f pipeline.File) reader {
	name := path.Base(f.Path)
	switch {
	case f.Mode == pipeline.Symlink:
		return nil
	case name == "registration.php":
		return readRegistration
	case php.IsPHP(name, nil):
		return readPHP
	case name == "module.xml":
		return func(src []byte) *php.File { return readXML(src, moduleXML) }
	case name == "theme.xml":
		return func(src []byte) *php.File { return readXML(src, themeXML) }
	case strings.HasSuffix(name, ".xml"):
		return func(src []byte) *php.File { return readXML(src, plainXML) }
	case strings.HasSuffix(name, ".graphqls"):
		return readGraphQL
	case !strings.Contains(name, "."):
		return readScript
	}
	return nil
}

func readPHP(src []byte) *php.File {
	f := php.Read(src)
	return &f
}

// readScript reads what may be PHP by its first bytes, such as bin/magento.
func readScript(src []byte) *php.File {
	if !php.IsPHP("script", src) {
		return nil
	}
	return readPHP(src)
}

// component is a name that registration.php hands to the ComponentRegistrar: of a
// module or of a theme. Those of libraries and languages nobody refers to.
var component = regexp.MustCompile(`['"]([A-Z][A-Za-z0-9]*_[A-Za-z0-9]+|(?:frontend|adminhtml)/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+)['"]`)

func readRegistration(src []byte) *php.File {
	f := readPHP(src)
	for _, m := range component.FindAllSubmatch(src, -1) {
		f.Declares = append(f.Declares, string(m[1]))
	}
	return f
}

// graphQL is what can hold a quotation mark in a schema: a comment, a block
// string, which is a description, or a string, which never goes on in the next
// line.
var graphQL = regexp.MustCompile(`#.*|"""(?s:.*?)(?:"""|\z)|"((?:\\.|[^"\\\n])*\\?)"?`)

// readGraphQL reads a schema for the classes of its directives, such as
// @resolver(class: "Magento\\Catalog\\Model\\Resolver\\Products"): strings that
// look like a class with its namespace.
func readGraphQL(src []byte) *php.File {
	c := newCollector(src)
	for _, m := range graphQL.FindAllSubmatchIndex(src, -1) {
		if m[2] < 0 {
			continue
		}
		if name, ok := className(bytes.ReplaceAll(src[m[2]:m[3]], []byte(`\\`), []byte(`\`))); ok {
			c.add(GraphQL, name, m[2])
		}
	}
	return &c.file
}

// collector gathers references, of each kind and name the first.
type collector struct {
	src  []byte
	file php.File
	seen map[php.Reference]bool
	from int // the end of what was counted
	line int // on which that is
}

func newCollector(src []byte) collector {
	return collector{src: src, seen: map[php.Reference]bool{}, line: 1}
}

// add adds what is named at an offset, which only grows.
func (c *collector) add(k php.Kind, name string, at int) {
	if c.seen[php.Reference{Kind: k, Name: name}] {
		return
	}
	c.seen[php.Reference{Kind: k, Name: name}] = true
	c.line += bytes.Count(c.src[c.from:at], []byte("\n"))
	c.from = at
	c.file.References = append(c.file.References, php.Reference{Kind: k, Name: name, Line: c.line})
}

var (
	// namespaced is a class with its namespace, or what stands for one in
	// configuration: with a method or constant, or as a list.
	namespaced = regexp.MustCompile(`^\\?([A-Za-z_][A-Za-z0-9_]*(?:\\[A-Za-z_][A-Za-z0-9_]*)+)(?:::[A-Za-z0-9_]+(?:\(\))?|\[\])?$`)
	// global is a class without namespace, Zend_Db_Select or DateTime. Where a
	// class may stand so do names of virtual types; most of those begin small.
	global = regexp.MustCompile(`^\\?([A-Z][A-Za-z0-9_]*)$`)
	// moduleID is the module of an id or a path: Magento_Catalog::products.
	moduleID = regexp.MustCompile(`^([A-Z][A-Za-z0-9]*_[A-Z][A-Za-z0-9]*)(?:::|/|$)`)
	// themeName is a theme without its area: Magento/blank.
	themeName = regexp.MustCompile(`^[A-Za-z0-9_-]+/[A-Za-z0-9_-]+$`)
)

// className gives the class that a value names, if it looks like one with its
// namespace.
func className(value []byte) (string, bool) {
	// Most values have no backslash, which is soon seen.
	if bytes.IndexByte(value, '\\') < 0 {
		return "", false
	}
	return submatch(namespaced, value)
}

// submatch gives the first part in brackets of a pattern that the value matches.
func submatch(pattern *regexp.Regexp, value []byte) (string, bool) {
	m := pattern.FindSubmatch(value)
	if m == nil {
		return "", false
	}
	return string(m[1]), true
}
