package autoload

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

//go:embed packages.yaml
var packagesYAML []byte

// A row says what no prefix of an autoload section says of a package. Package may begin with "*/" for any vendor,
// since Mage-OS publishes Magento's packages under its own. A row without classes, functions and prefixes says that
// the package has nothing that another one could refer to by name.
type row struct {
	Package   string   `yaml:"package"`
	Classes   []string `yaml:"classes"`
	Functions []string `yaml:"functions"`
	Prefixes  []string `yaml:"prefixes"`
	Reason    string   `yaml:"reason"`
}

type table map[string]row

// rows are the rows of packages.yaml. The file is part of the program and its test reads it, so that a mistake in it
// is one in the program.
var rows = sync.OnceValue(func() table {
	t, err := parseTable(packagesYAML)
	if err != nil {
		panic(err)
	}
	return t
})

func parseTable(data []byte) (table, error) {
	var list []row
	if err := yaml.UnmarshalWithOptions(data, &list, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("read packages.yaml: %w", err)
	}
	t := make(table, len(list))
	for _, r := range list {
		switch {
		case r.Package == "" || r.Reason == "":
			return nil, fmt.Errorf("read packages.yaml: row %+v lacks its package or reason", r)
		case t[r.Package].Package != "":
			return nil, fmt.Errorf("read packages.yaml: two rows for %s; make them one", r.Package)
		}
		for _, prefix := range r.Prefixes {
			if prefix == "" || !isSeparator(prefix[len(prefix)-1]) {
				return nil, fmt.Errorf(`read packages.yaml: prefix %q of %s has to end in "\" or "_"`, prefix, r.Package)
			}
		}
		t[r.Package] = r
	}
	return t, nil
}

func (t table) row(pkg string) (row, bool) {
	if r, ok := t[pkg]; ok {
		return r, true
	}
	_, project, _ := strings.Cut(pkg, "/")
	r, ok := t["*/"+project]
	return r, ok
}
