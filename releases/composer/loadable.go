package composer

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Loadable is an error that names all for which Composer would not load the package from a repository: name, version,
// the constraint of each link, and values of another type than its ArrayLoader takes. One version that cannot be loaded
// spoils all versions of its package.
func (m *Manifest) Loadable() error {
	_, errName := ParseName(m.Name())
	_, errVersion := ParseVersion(m.Version())
	errs := []error{errName, errVersion}
	for _, section := range sections {
		for _, link := range m.Links(section) {
			if err := link.loadable(section, m.Version()); err != nil {
				errs = append(errs, fmt.Errorf("%s %s: %w", section, link.Name, err))
			}
		}
	}
	for _, f := range m.root {
		if want := wanted(f); want != "" {
			errs = append(errs, fmt.Errorf("%q is not %s", f.Key, want))
		}
	}
	return errors.Join(append(errs, m.branchAliases())...)
}

// loadable checks a link of a package that has the version.
func (l Link) loadable(section Section, version string) error {
	if section == Suggest {
		return nil
	}
	if number, err := strconv.Atoi(l.Name); err == nil && strconv.Itoa(number) == l.Name {
		return errors.New("a number is no package; PHP cannot tell it from a place in a list")
	}
	if l.Constraint == SelfVersion {
		l.Constraint = version
	}
	_, err := ParseConstraint(l.Constraint)
	return err
}

// wanted says which type the value of a key has to have, "" if it has it or Composer does not mind.
func wanted(f Field) string {
	isText := func(v jsontext.Value) bool { return v.Kind() == jsontext.KindString }
	isArray := func(v jsontext.Value) bool { _, is := valuesOf(v); return is }
	values, _ := valuesOf(f.Value)
	switch f.Key {
	case "target-dir", "time":
		if !isText(f.Value) && !isNull(f.Value) {
			return "text"
		}
	case "autoload", "autoload-dev", "include-path", "support", "php-ext":
		if !isArray(f.Value) && !isNull(f.Value) {
			return "an object or a list"
		}
	case "bin":
		if !isText(f.Value) && !isArray(f.Value) && !isNull(f.Value) || slices.ContainsFunc(values, func(v jsontext.Value) bool { return !isText(v) }) {
			return "text or a list of text"
		}
	case "keywords":
		if slices.ContainsFunc(values, isArray) {
			return "a list of text"
		}
	case "archive":
		archive, _ := objectOf(f.Value)
		name, exclude := archive.get("name"), archive.get("exclude")
		if !isText(name) && !isNull(name) || !isArray(exclude) && !isNull(exclude) {
			return "an object whose name is text and whose exclude is a list"
		}
	}
	return ""
}

// branchAliases checks "extra.branch-alias", which Composer reads of a development version.
func (m *Manifest) branchAliases() error {
	if !strings.HasPrefix(m.Version(), "dev-") && !strings.HasSuffix(m.Version(), "-dev") {
		return nil
	}
	extra, _ := objectOf(m.root.get("extra"))
	aliases, _ := valuesOf(extra.get("branch-alias"))
	if slices.ContainsFunc(aliases, func(v jsontext.Value) bool { return v.Kind() != jsontext.KindString }) {
		return errors.New(`"extra.branch-alias" is not an object of text`)
	}
	return nil
}
