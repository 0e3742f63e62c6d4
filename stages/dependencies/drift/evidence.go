package drift

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/dependencies/platform"
)

// A guard asks whether something is there before it is used.
var (
	existsGuard = regexp.MustCompile(`\b(?:(?:class|interface|trait|enum|function)_exists|is_callable)\s*\(\s*['"\\]*([\w\\]+)`)
	loadedGuard = regexp.MustCompile(`\bextension_loaded\s*\(\s*['"]([\w -]+)`)
	constGuard  = regexp.MustCompile(`\bdefined\s*\(\s*['"]\\?([\w\\]+)`)
)

// guardWords are in every file that asks, which few do; to look for them is much
// faster. PHP would take them in upper case too, but nobody writes them so.
var guardWords = [][]byte{[]byte("_exists"), []byte("is_callable"), []byte("extension_loaded"), []byte("defined")}

// unguarded leaves out the places of files that first ask whether what they use
// is there: function_exists('opcache_reset'). Ext is the extension that the
// places use, or empty.
func (v *verdict) unguarded(ctx context.Context, places []Place, ext string) ([]Place, error) {
	var left []Place
	for _, p := range places {
		names, read := v.guards[p.Path]
		if !read {
			text, err := v.trees.Read(ctx, v.m.Repository, p.Path)
			if err != nil {
				return nil, err
			}
			names = guardsIn(text)
			v.guards[p.Path] = names
		}
		if !names[lastPart(p.Name)] && (ext == "" || !names[ext]) {
			left = append(left, p)
		}
	}
	return left, nil
}

// guardsIn gives the short names that a file asks for, in lower case, and the
// extensions as Composer names them.
func guardsIn(text []byte) map[string]bool {
	if !slices.ContainsFunc(guardWords, func(word []byte) bool { return bytes.Contains(text, word) }) {
		return nil
	}
	names := map[string]bool{}
	for _, guard := range []*regexp.Regexp{existsGuard, constGuard} {
		for _, m := range guard.FindAllSubmatch(text, -1) {
			name := string(m[1])
			names[lastPart(name)] = true
			// Who asks for one function of an extension asks for all of it.
			for _, kind := range []platform.Kind{platform.Function, platform.Class, platform.Constant} {
				if ext, ok := platform.Extension(kind, name); ok {
					names[ext] = true
				}
			}
		}
	}
	for _, m := range loadedGuard.FindAllSubmatch(text, -1) {
		names["ext-"+strings.ReplaceAll(strings.ToLower(string(m[1])), " ", "-")] = true
	}
	return names
}

func lastPart(name string) string {
	name = strings.TrimRight(name, `\`)
	return strings.ToLower(name[strings.LastIndex(name, `\`)+1:])
}

// A mention is what was found of a package as text.
type mention struct {
	production bool
	tests      []Place
}

// textual are the files in which one package may be named to another other than
// by a class: templates and scripts name modules, db_schema.xml tables.
var textual = []string{".php", ".phtml", ".xml", ".xsd", ".xsl", ".graphqls", ".html", ".js", ".mjs", ".ts", ".less", ".scss", ".json", ".yaml", ".yml", ".csv", ".css"}

// mentions looks through all the text of a package for required packages that
// no class of it uses: for the module's name, the namespace, the package's name,
// an alias, a table of the other's database schema, a URL of its controllers.
func (v *verdict) mentions(ctx context.Context, links []composer.Link) ([]mention, error) {
	found := make([]mention, len(links))
	patterns := make([]*regexp.Regexp, len(links))
	for i, l := range links {
		var err error
		if patterns[i], err = v.pattern(ctx, v.graph.own(l.Name)); err != nil {
			return nil, err
		}
	}
	for _, f := range v.m.files {
		base := path.Base(f.Path)
		if f.Mode == pipeline.Symlink || f.Size > stages.MaxText || !slices.Contains(textual, path.Ext(base)) || base == "composer.json" || base == "composer.lock" {
			continue
		}
		text, err := v.trees.Read(ctx, v.m.Repository, f.Path)
		if err != nil {
			return nil, err
		}
		inTests := v.m.areTests(f.Path)
		for i, pattern := range patterns {
			at := pattern.FindIndex(text)
			if at == nil || v.isIdlePlace(f.Path, links[i].Name) {
				continue
			}
			if !inTests {
				found[i].production = true
				continue
			}
			found[i].tests = append(found[i].tests, Place{
				Path: f.Path, Line: 1 + bytes.Count(text[:at[0]], []byte("\n")), Name: string(text[at[0]:at[1]]), How: "text",
			})
		}
	}
	return found, nil
}

// isIdlePlace reports whether a file names a package in imports and doc comments:
// that the text has it too is then nothing new.
func (v *verdict) isIdlePlace(file, require string) bool {
	return slices.ContainsFunc(v.placesOf(require, idle, quiet, tests), func(p Place) bool { return p.Path == file })
}

// pattern matches the texts by which a package is named.
func (d *distribution) pattern(ctx context.Context, name string) (*regexp.Regexp, error) {
	texts := []string{regexp.QuoteMeta(name) + `\b`}
	for id, pkg := range d.modules {
		if pkg == name {
			id = strings.TrimPrefix(strings.TrimPrefix(id, "frontend/"), "adminhtml/")
			texts = append(texts, regexp.QuoteMeta(id)+`\b`, strings.ReplaceAll(regexp.QuoteMeta(id), "_", `\\{1,2}`)+`\b`)
		}
	}
	for _, row := range table().Aliases {
		if d.graph.own(row.Package) == name {
			texts = append(texts, regexp.QuoteMeta(row.Text))
		}
	}
	for _, declared := range declarations {
		names, err := d.declaredIn(ctx, name, declared.file, declared.name)
		if err != nil {
			return nil, err
		}
		for _, t := range names {
			texts = append(texts, `['"]`+regexp.QuoteMeta(t)+declared.end)
		}
	}
	slices.Sort(texts)
	return regexp.Compile(strings.Join(slices.Compact(texts), "|"))
}

// declarations are what a module declares for others to name as text: the tables
// of its database schema, and the first part of its URLs.
var declarations = []struct {
	file string
	name *regexp.Regexp
	end  string // what follows the name where it is used
}{
	{"etc/db_schema.xml", regexp.MustCompile(`<table\s[^>]*\bname="(\w+)"`), `['"]`},
	{"etc/frontend/routes.xml", regexp.MustCompile(`\bfrontName="(\w+)"`), `/\w`},
	{"etc/adminhtml/routes.xml", regexp.MustCompile(`\bfrontName="(\w+)"`), `/\w`},
}

// declaredIn are the names that a file of a module of the distribution declares.
func (d *distribution) declaredIn(ctx context.Context, name, file string, declaration *regexp.Regexp) ([]string, error) {
	if !d.graph.isOwn(name) {
		return nil, nil
	}
	m := d.graph.nodes[name].member
	text, err := d.trees.Read(ctx, m.Repository, m.prefix+file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, found := range declaration.FindAllSubmatch(text, -1) {
		names = append(names, string(found[1]))
	}
	return names, err
}
