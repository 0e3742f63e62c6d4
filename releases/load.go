package releases

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// The defaults of a release line. line.schema.json names them too.
const (
	defaultKeep     = 14
	defaultPolicy   = "nightly"
	defaultFallback = "0.0.1"
	defaultRequire  = OfficialRequire
	packagist       = "https://repo.packagist.org"
)

// defaultSkipTags leaves out tags such as v1.0: upstream's
// composer-dependency-version-audit-plugin has one that is no release.
var defaultSkipTags = []string{"v*"}

// Load gives the line of that name that the program carries in itself (Names),
// or reads the file if nameOrFile has a slash or ends in .yaml or .yml. The
// error is a *ConfigError with every problem of the line.
func Load(nameOrFile string) (*Line, error) {
	if isFile(nameOrFile) {
		data, err := readFile(nameOrFile)
		if err != nil {
			return nil, configErrorf("read release line: %w", err)
		}
		return Parse(nameOrFile, data)
	}
	if !slices.Contains(Names(), nameOrFile) {
		return nil, configErrorf("release line %q: there is no such line; there are %s; a file of yours is named with its ending, as in %[1]s.yaml",
			nameOrFile, strings.Join(Names(), ", "))
	}
	file := nameOrFile + ".yaml"
	data, err := fs.ReadFile(lines, file)
	if err != nil {
		return nil, configErrorf("read release line: %w", err)
	}
	return Parse("releases/"+file, data)
}

func isFile(nameOrFile string) bool {
	switch filepath.Ext(nameOrFile) {
	case ".yaml", ".yml":
		return true
	}
	return strings.ContainsAny(nameOrFile, "/"+string(filepath.Separator))
}

// readFile reads no more than Parse accepts, so that a device or a wrong file
// does no harm.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, maxLine+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// Parse reads a release line from YAML, fills in the defaults, and validates the
// whole. The filename stands in messages only. The error is a *ConfigError with
// every problem, each with its line and column.
func Parse(filename string, data []byte) (*Line, error) {
	root, broken := parseYAML(data)
	if broken != nil {
		return nil, joinProblems(filename, []problem{*broken})
	}
	line, d := &Line{}, newDecoder()
	d.value("", root, reflect.ValueOf(line).Elem())
	if d.values > maxValues { // the line is not whole, so that nothing else can be said of it
		return nil, joinProblems(filename, d.problems)
	}
	fillDefaults(line, d.present)
	nameListed(line, func(path, text string) {
		d.problems = append(d.problems, problem{at: d.place(path), path: path, text: path + ": " + text})
		d.broken[path] = true
	})
	found := d.problems
	for _, p := range check(line) {
		if !d.isBroken(p.path) {
			p.at = d.place(p.path)
			found = append(found, p)
		}
	}
	if err := joinProblems(filename, found); err != nil {
		return nil, err
	}
	return line, nil
}

// fillDefaults sets what the file leaves out. An empty list or text that the
// file has is a choice and stays.
func fillDefaults(l *Line, present func(path string) bool) {
	set := func(path string, into *string, value string) {
		if !present(path) {
			*into = value
		}
	}
	set("title", &l.Title, l.Name)
	set("versions.policy", &l.Versions.Policy, defaultPolicy)
	set("versions.fallback", &l.Versions.Fallback, defaultFallback)
	if !present("versions.skip-tags") {
		l.Versions.SkipTags = slices.Clone(defaultSkipTags)
	}
	if !present("composer-repositories") {
		l.Composer = []ComposerRepository{{URL: packagist}}
	}
	if !present("keep") {
		l.Keep = defaultKeep
	}
	for i, repository := range l.Repositories {
		for j := range repository.Packages {
			if base := repository.Packages[j].Base; base != nil {
				set(fmt.Sprintf("repositories[%d].packages[%d].base.require", i, j), &base.Require, defaultRequire)
			}
		}
	}
	if i := slices.IndexFunc(l.Editions, func(e Edition) bool { return e.Type == ProjectEdition }); i >= 0 {
		set("install.project", &l.Install.Project, l.Editions[i].Name)
	}
	if !present("install.level") {
		l.Install.Level = Installed
	}
	set("install.search", &l.Install.Search, NoSearch)
	fill(reflect.ValueOf(l).Elem())
}
