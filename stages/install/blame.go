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
	packageName = regexp.MustCompile(`\b[a-z0-9][a-z0-9_.-]*/[a-z0-9][a-z0-9_.-]*`)
	vendorPath  = regexp.MustCompile(`vendor/([a-z0-9][a-z0-9_.-]*/[a-z0-9][a-z0-9_.-]*)`)
	className   = regexp.MustCompile(`\\?[A-Z][A-Za-z0-9_]*(?:\\{1,2}[A-Z][A-Za-z0-9_]*)+`)
	moduleName  = regexp.MustCompile(`\b[A-Z][A-Za-z0-9]*_[A-Z][A-Za-z0-9]*\b`)
	quotedName  = regexp.MustCompile("[`'\"]([a-z][a-z0-9_]{3,})[`'\"]")
)

// blame gives the packages that a program's output names, in the order in which
// it does: by path, by name, by class, by module or, in SQL, by table. The first that is
// named is mostly the one at fault; a stack goes on with those that called it.
func (s *shop) blame(output string) []string {
	type finder struct {
		pattern *regexp.Regexp
		owners  func(found string) []string
	}
	finders := []finder{{vendorPath, s.byName}, {packageName, s.byName}, {className, s.byClass}, {moduleName, s.byModule}}
	if strings.Contains(output, "SQLSTATE") {
		finders = slices.Insert(finders, 0, finder{quotedName, s.byTable})
	}
	var blamed []string
	for line := range strings.SplitSeq(output, "\n") {
		for _, f := range finders {
			if f.pattern == packageName && strings.HasPrefix(line, "  - ") {
				continue // so Composer tells how far it has come
			}
			for _, found := range f.pattern.FindAllStringSubmatch(line, -1) {
				for _, name := range f.owners(found[len(found)-1]) {
					if !slices.Contains(blamed, name) && len(blamed) < maxBlamed {
						blamed = append(blamed, name)
					}
				}
			}
		}
	}
	return blamed
}

func (s *shop) byName(name string) []string {
	if slices.ContainsFunc(s.locked, func(p composer.LockPackage) bool { return string(p.Name) == name }) {
		return []string{name}
	}
	return nil
}

// byClass goes by the longest PSR-4 prefix of what is installed.
func (s *shop) byClass(class string) (owner []string) {
	class = strings.TrimPrefix(strings.ReplaceAll(class, `\\`, `\`), `\`) + `\`
	best := 0
	for _, p := range s.locked {
		var autoload struct {
			PSR4 map[string]json.RawMessage `json:"psr-4"`
		}
		_ = json.Unmarshal(orNull(p.Autoload), &autoload) // Composer has read it; a form that we do not know names no package
		for prefix := range autoload.PSR4 {
			if strings.HasPrefix(class, prefix) && len(prefix) > best {
				best, owner = len(prefix), []string{string(p.Name)}
			}
		}
	}
	return owner
}

func (s *shop) byModule(name string) []string {
	return s.modulesThat(func(m module) bool { return m.name == name })
}

// byTable looks for a name in what modules declare as tables.
func (s *shop) byTable(name string) []string {
	return s.modulesThat(func(m module) bool {
		data, err := files.Read(filepath.Join(s.vendor(m.of), "etc", "db_schema.xml"), maxForeign)
		return err == nil && strings.Contains(string(data), `<table name="`+name+`"`)
	})
}

func (s *shop) modulesThat(are func(module) bool) (names []string) {
	for _, m := range s.builtModules() {
		if are(m) {
			names = append(names, string(m.of))
		}
	}
	return names
}
