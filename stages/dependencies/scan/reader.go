package scan

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages/dependencies/php"
)

// A reader understands one form of file.
type reader struct {
	// id stands beside the digest of a content in what is kept: what a content
	// says depends on the form that the file's name gives it. An id is never
	// given to another form.
	id   byte
	read func(name string, src []byte) result
}

// A result is what one content said.
type result struct {
	// understood is false for a file without extension that is no PHP.
	understood bool
	declares   []string
	references []Reference
	problem    string
}

func (r result) file(path string) File {
	return File{Path: path, Declares: r.declares, References: r.references, Problem: r.problem}
}

var (
	phpReader          = &reader{1, readPHP}
	scriptReader       = &reader{2, readScript}
	registrationReader = &reader{3, readRegistration}
	xmlReader          = &reader{4, func(_ string, src []byte) result { return readXML(src, plainXML) }}
	moduleReader       = &reader{5, func(_ string, src []byte) result { return readXML(src, moduleXML) }}
	themeReader        = &reader{6, func(_ string, src []byte) result { return readXML(src, themeXML) }}
	graphQLReader      = &reader{7, func(_ string, src []byte) result { return readGraphQL(src) }}
)

// readerOf gives the reader that a file's name asks for; nil if none does.
func readerOf(f pipeline.File) *reader {
	name := path.Base(f.Path)
	switch {
	case f.Mode == pipeline.Symlink:
		return nil
	case name == "registration.php":
		return registrationReader
	case php.IsPHP(name, nil):
		return phpReader
	case name == "module.xml":
		return moduleReader
	case name == "theme.xml":
		return themeReader
	case strings.HasSuffix(name, ".xml"):
		return xmlReader
	case strings.HasSuffix(name, ".graphqls"):
		return graphQLReader
	case !strings.Contains(name, "."):
		return scriptReader
	}
	return nil
}

func readPHP(_ string, src []byte) result {
	file := php.Read(src)
	references := slices.Grow([]Reference(nil), len(file.References))
	for _, r := range file.References {
		references = append(references, Reference{Of(r.Kind), r.Name, r.Line})
	}
	return result{understood: true, declares: file.Declares, references: references, problem: file.Problem}
}

// readScript reads what may be PHP by its first bytes, such as bin/magento.
func readScript(name string, src []byte) result {
	if !php.IsPHP(path.Base(name), src) {
		return result{}
	}
	return readPHP(name, src)
}

// component is a name that registration.php hands to the ComponentRegistrar: of a
// module or of a theme. Those of libraries and languages nobody refers to.
var component = regexp.MustCompile(`['"]([A-Z][A-Za-z0-9]*_[A-Za-z0-9]+|(?:frontend|adminhtml)/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+)['"]`)

func readRegistration(name string, src []byte) result {
	r := readPHP(name, src)
	for _, m := range component.FindAllSubmatch(src, -1) {
		r.declares = append(r.declares, string(m[1]))
	}
	return r
}

// collector gathers references, of each kind and name the first.
type collector struct {
	result
	seen map[Reference]bool
}

func newCollector() *collector {
	return &collector{result: result{understood: true}, seen: map[Reference]bool{}}
}

func (c *collector) add(k Kind, name string, line int) {
	if c.seen[Reference{Kind: k, Name: name}] {
		return
	}
	c.seen[Reference{Kind: k, Name: name}] = true
	c.references = append(c.references, Reference{k, name, line})
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
	if m := namespaced.FindSubmatch(value); m != nil {
		return string(m[1]), true
	}
	return "", false
}
