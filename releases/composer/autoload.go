package composer

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// An Autoload says where a package's code is found: the "autoload" or "autoload-dev" section of a composer.json or of
// an entry of composer.lock. Paths are as written, relative to the package. The zero Autoload is an empty section.
// Source of the rules: Composer's documentation, "The composer.json schema", "autoload".
type Autoload struct {
	PSR4                []NamespacePaths
	PSR0                []NamespacePaths
	Classmap            []string
	Files               []string
	ExcludeFromClassmap []string
}

// NamespacePaths is a row of "psr-4" or "psr-0": the folders that hold the classes whose names begin with Prefix. An
// empty Prefix is Composer's fallback for every class.
type NamespacePaths struct {
	Prefix string
	Paths  []string
}

// Empty says whether nothing is to be loaded.
func (a Autoload) Empty() bool {
	return len(a.PSR4)+len(a.PSR0)+len(a.Classmap)+len(a.Files) == 0
}

// Autoload reads the "autoload" section; the zero Autoload when it is absent. All that is wrong is reported together.
func (m *Manifest) Autoload() (Autoload, error) { return m.autoload("autoload") }

// AutoloadDev reads the "autoload-dev" section as Autoload does. Composer heeds it in the root package only.
func (m *Manifest) AutoloadDev() (Autoload, error) { return m.autoload("autoload-dev") }

func (m *Manifest) autoload(key string) (Autoload, error) {
	a, err := autoloadOf(m.root.get(key))
	if err != nil {
		return Autoload{}, fmt.Errorf("%q of %s: %w", key, m.label(), err)
	}
	return a, nil
}

// MissingAutoload is what "files" and "classmap" of the autoload section name and a package that holds these paths does
// not have, such as `autoload.files "a.php"`; a path that ends in a slash is a folder. Composer includes the former
// whenever the autoloader starts and makes none without the latter, which may be folders, or patterns of folders; those
// of namespaces may be missing. A metapackage loads nothing, and what a project loads may be laid there by its packages.
// Source: AutoloadGenerator::parseAutoloadsType and ClassMapGenerator::scanPaths of Composer 2.
func (m *Manifest) MissingAutoload(paths []string) ([]string, error) {
	a, err := m.Autoload()
	if kind := m.Type(); err != nil || len(a.Files)+len(a.Classmap) == 0 || kind == "metapackage" || kind == "project" {
		return nil, err
	}
	isFile := map[string]bool{".": false} // false: a folder
	for _, p := range paths {
		clean := path.Clean(p)
		isFile[clean] = !strings.HasSuffix(p, "/")
		for dir := path.Dir(clean); dir != "."; dir = path.Dir(dir) {
			isFile[dir] = false
		}
	}
	place := func(p string) string {
		return strings.TrimPrefix(path.Clean(strings.TrimLeft(p, "/")), m.text("target-dir", "")+"/")
	}
	var missing []string
	for _, p := range a.Files {
		if !isFile[place(strings.ReplaceAll(p, `\`, "/"))] {
			missing = append(missing, fmt.Sprintf("autoload.files %q", p))
		}
	}
	for _, p := range a.Classmap {
		found := false
		for there, file := range isFile {
			ok, err := path.Match(place(p), there)
			found = found || there == place(p) || err != nil || ok && !file
		}
		if !found {
			missing = append(missing, fmt.Sprintf("autoload.classmap %q", p))
		}
	}
	return missing, nil
}

func (m *Manifest) label() string {
	if name := m.Name(); name != "" {
		return name
	}
	return "composer.json"
}

// autoloadOf takes a decoded value for an autoload section. Keys that Composer does not know do not matter, as they
// do not to Composer.
func autoloadOf(value jsontext.Value) (Autoload, error) {
	section, ok := autoloadObject(value)
	if !ok {
		return Autoload{}, fmt.Errorf("it is %s, want an object", kindOf(value))
	}
	var a Autoload
	namespaces := map[string]*[]NamespacePaths{"psr-4": &a.PSR4, "psr-0": &a.PSR0}
	lists := map[string]*[]string{"classmap": &a.Classmap, "files": &a.Files, "exclude-from-classmap": &a.ExcludeFromClassmap}
	var errs []error
	for _, row := range section {
		var err error
		if to := namespaces[row.Key]; to != nil {
			*to, err = namespacePaths(row.Value)
		} else if to := lists[row.Key]; to != nil {
			*to, err = pathsOf(row.Value)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%q: %w", row.Key, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return Autoload{}, err
	}
	return a, nil
}

// autoloadObject is value as an object, which may stand for none.
func autoloadObject(value jsontext.Value) (object, bool) {
	if isNone(value) {
		return nil, true
	}
	return objectOf(value)
}

func namespacePaths(value jsontext.Value) ([]NamespacePaths, error) {
	section, ok := autoloadObject(value)
	if !ok {
		return nil, fmt.Errorf("it is %s, want an object of namespaces and folders", kindOf(value))
	}
	var rows []NamespacePaths
	var errs []error
	for _, row := range section {
		paths, err := pathsOf(row.Value)
		if err != nil {
			errs = append(errs, fmt.Errorf("%q: %w", row.Key, err))
			continue
		}
		rows = append(rows, NamespacePaths{Prefix: strings.TrimPrefix(row.Key, `\`), Paths: paths})
	}
	return rows, errors.Join(errs...)
}

// pathsOf takes one path or a list of them; PHP sometimes writes a list as an object with numbers for keys.
func pathsOf(value jsontext.Value) ([]string, error) {
	if path, ok := textOf(value); ok {
		return []string{path}, nil
	}
	values, ok := valuesOf(value)
	if !ok && !isNull(value) {
		return nil, fmt.Errorf("it is %s, want a path or a list of paths", kindOf(value))
	}
	var paths []string
	for _, value := range values {
		path, ok := textOf(value)
		if !ok {
			return nil, fmt.Errorf("path is %s, want text", kindOf(value))
		}
		paths = append(paths, path)
	}
	return paths, nil
}
