package composer

import (
	"errors"
	"fmt"
	"strings"
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
	value, _ := m.root.get(key)
	a, err := autoloadOf(value)
	if err != nil {
		return Autoload{}, fmt.Errorf("%q of %s: %w", key, m.label(), err)
	}
	return a, nil
}

func (m *Manifest) label() string {
	if name := m.Name(); name != "" {
		return name
	}
	return "composer.json"
}

// autoloadOf takes a decoded value for an autoload section. Keys that Composer does not know do not matter, as they
// do not to Composer.
func autoloadOf(value any) (Autoload, error) {
	section, ok := autoloadObject(value)
	if !ok {
		return Autoload{}, fmt.Errorf("it is %s, want an object", kindOf(value))
	}
	var a Autoload
	var errs []error
	for _, row := range section.members {
		var err error
		switch row.key {
		case "psr-4":
			a.PSR4, err = namespacePaths(row.value)
		case "psr-0":
			a.PSR0, err = namespacePaths(row.value)
		case "classmap":
			a.Classmap, err = pathsOf(row.value)
		case "files":
			a.Files, err = pathsOf(row.value)
		case "exclude-from-classmap":
			a.ExcludeFromClassmap, err = pathsOf(row.value)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%q: %w", row.key, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return Autoload{}, err
	}
	return a, nil
}

// autoloadObject is value as an object. PHP writes an empty object as a list, and null stands for nothing.
func autoloadObject(value any) (*object, bool) {
	if list, isList := value.([]any); value == nil || isList && len(list) == 0 {
		return &object{}, true
	}
	section, ok := value.(*object)
	return section, ok
}

func namespacePaths(value any) ([]NamespacePaths, error) {
	section, ok := autoloadObject(value)
	if !ok {
		return nil, fmt.Errorf("it is %s, want an object of namespaces and folders", kindOf(value))
	}
	var rows []NamespacePaths
	var errs []error
	for _, row := range section.members {
		paths, err := pathsOf(row.value)
		if err != nil {
			errs = append(errs, fmt.Errorf("%q: %w", row.key, err))
			continue
		}
		rows = append(rows, NamespacePaths{Prefix: strings.TrimPrefix(row.key, `\`), Paths: paths})
	}
	return rows, errors.Join(errs...)
}

// pathsOf takes one path or a list of them; PHP sometimes writes a list as an object with numbers for keys.
func pathsOf(value any) ([]string, error) {
	var values []any
	switch value := value.(type) {
	case string:
		return []string{value}, nil
	case nil:
	case []any:
		values = value
	case *object:
		for _, row := range value.members {
			values = append(values, row.value)
		}
	default:
		return nil, fmt.Errorf("it is %s, want a path or a list of paths", kindOf(value))
	}
	var paths []string
	for _, value := range values {
		path, ok := value.(string)
		if !ok {
			return nil, fmt.Errorf("path is %s, want text", kindOf(value))
		}
		paths = append(paths, path)
	}
	return paths, nil
}
