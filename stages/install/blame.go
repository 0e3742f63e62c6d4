package install

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases/composer"
)

// maxBlamed is how many packages a message names.
const maxBlamed = 5

var (
	vendorPath = regexp.MustCompile(`vendor/([a-z0-9][a-z0-9_.-]*/[a-z0-9][a-z0-9_.-]*)`)
	className  = regexp.MustCompile(`\\?[A-Z][A-Za-z0-9_]*(?:\\{1,2}[A-Z][A-Za-z0-9_]*)+`)
	moduleName = regexp.MustCompile(`\b[A-Z][A-Za-z0-9]*_[A-Z][A-Za-z0-9]*\b`)
	quotedName = regexp.MustCompile("[`'\"]([a-z][a-z0-9_]{3,})[`'\"]")
)

// blame gives the packages that a program's output names, in the order in which
// it does: by path, by class, by module or, in SQL, by table. The first that is
// named is mostly the one at fault; a stack goes on with those that called it.
func (s *shop) blame(output string) []string {
	var found []string
	add := func(name string) {
		if name != "" && !slices.Contains(found, name) && len(found) < maxBlamed {
			found = append(found, name)
		}
	}
	finders := []func(string) []string{s.byPath, s.byName, s.byClass, s.byModule}
	if strings.Contains(output, "SQLSTATE") {
		finders = append([]func(string) []string{s.byTable}, finders...)
	}
	for _, line := range strings.Split(output, "\n") {
		for _, find := range finders {
			for _, name := range find(line) {
				add(name)
			}
		}
	}
	return found
}

func (s *shop) byPath(line string) []string {
	var names []string
	for _, found := range vendorPath.FindAllStringSubmatch(line, -1) {
		if s.isLocked(found[1]) {
			names = append(names, found[1])
		}
	}
	return names
}

var packageName = regexp.MustCompile(`\b[a-z0-9][a-z0-9_.-]*/[a-z0-9][a-z0-9_.-]*`)

// byName leaves out the lines by which Composer tells how far it has come.
func (s *shop) byName(line string) []string {
	if strings.HasPrefix(line, "  - ") {
		return nil
	}
	return slices.DeleteFunc(packageName.FindAllString(line, -1), func(name string) bool { return !s.isLocked(name) })
}

func (s *shop) isLocked(name string) bool {
	return slices.ContainsFunc(s.locked, func(p composer.LockPackage) bool { return string(p.Name) == name })
}

// byClass goes by the longest PSR-4 prefix of what is installed.
func (s *shop) byClass(line string) []string {
	var names []string
	for _, class := range className.FindAllString(line, -1) {
		class = strings.TrimPrefix(strings.ReplaceAll(class, `\\`, `\`), `\`)
		best, owner := 0, ""
		for _, p := range s.locked {
			for _, prefix := range psr4(p.Autoload) {
				if strings.HasPrefix(class+`\`, prefix) && len(prefix) > best {
					best, owner = len(prefix), string(p.Name)
				}
			}
		}
		if owner != "" {
			names = append(names, owner)
		}
	}
	return names
}

// psr4 are the namespaces of a package's autoload, each with a backslash at its
// end.
func psr4(raw json.RawMessage) []string {
	var autoload struct {
		PSR4 map[string]json.RawMessage `json:"psr-4"`
	}
	if json.Unmarshal(orNull(raw), &autoload) != nil {
		return nil // Composer has read it before; a form that it takes and we do not names no package
	}
	var prefixes []string
	for prefix := range autoload.PSR4 {
		prefixes = append(prefixes, prefix)
	}
	return prefixes
}

func (s *shop) byModule(line string) []string {
	var names []string
	for _, found := range moduleName.FindAllString(line, -1) {
		for _, m := range s.builtModules() {
			if m.name == found {
				names = append(names, string(m.of))
			}
		}
	}
	return names
}

// byTable looks for quoted names in what modules declare as tables.
func (s *shop) byTable(line string) []string {
	var names []string
	for _, found := range quotedName.FindAllStringSubmatch(line, -1) {
		for _, m := range s.builtModules() {
			data, err := files.ReadPlain(filepath.Join(s.vendor(m.of), "etc", "db_schema.xml"), maxForeign)
			if err == nil && strings.Contains(string(data), `<table name="`+found[1]+`"`) {
				names = append(names, string(m.of))
			}
		}
	}
	return names
}
