package install

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases/composer"
)

// A module is a Magento module of an installed package.
type module struct {
	name string // Magento_Catalog
	of   composer.Name
}

var moduleXML = regexp.MustCompile(`<module\b[^>]*\bname="([A-Za-z0-9_]+)"`)

// builtModules are the modules of our packages, by etc/module.xml.
func (s *shop) builtModules() []module {
	if len(s.built) > 0 {
		return s.built
	}
	var modules []module
	for _, p := range s.ourLocked() {
		if p.Type != "magento2-module" {
			continue
		}
		data, err := files.Read(filepath.Join(s.vendor(p.Name), "etc", "module.xml"), maxForeign)
		if err != nil {
			continue // modules tells of it
		}
		if found := moduleXML.FindSubmatch(data); found != nil {
			modules = append(modules, module{name: string(found[1]), of: p.Name})
		}
	}
	s.built = modules
	return modules
}

// modules compares what module:status says with what was built: every module is
// there and enabled, but for those that the search of this cell leaves out.
func (s *shop) modules(ctx context.Context) error {
	lines, err := s.lines(ctx, s.magento("module:status", "module:status", "--enabled"))
	if err != nil {
		return err
	}
	enabled := map[string]bool{}
	for _, line := range lines {
		enabled[strings.TrimSpace(line)] = true
	}
	var errs []error
	count := 0
	for _, m := range s.builtModules() {
		switch {
		case enabled[m.name]:
			count++
		case !slices.Contains(s.search.disabled, m.name):
			errs = append(errs, fmt.Errorf("%s: its module %s is not enabled", m.of, m.name))
		}
	}
	errs = append(errs, s.unnamedModules()...)
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("module:status does not have all that was built:\n%w", err)
	}
	if n := len(s.search.disabled); n > 0 {
		s.skip("modules", "%d modules are disabled, because there is no search: %s", n, strings.Join(s.search.disabled, ", "))
	}
	delete(enabled, "")
	s.prove("modules", "%d of the %d modules that were built are enabled, %d with those of others", count, len(s.builtModules()), len(enabled))
	return nil
}

// unnamedModules are the packages that say that they are a module and have no
// etc/module.xml with a name.
func (s *shop) unnamedModules() (errs []error) {
	for _, p := range s.ourLocked() {
		named := slices.ContainsFunc(s.builtModules(), func(m module) bool { return m.of == p.Name })
		if p.Type == "magento2-module" && !named {
			errs = append(errs, fmt.Errorf("%s: it is a module, but its etc/module.xml names none", p.Name))
		}
	}
	return errs
}
