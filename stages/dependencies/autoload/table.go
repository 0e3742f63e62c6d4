package autoload

import (
	_ "embed"
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
	Package                      string
	Classes, Functions, Prefixes []string
	Reason                       string
}

// rows are those of packages.yaml by their packages. The file is part of the program and a test reads it: an error in it
// cannot be.
var rows = sync.OnceValue(func() map[string]row {
	all := map[string]row{}
	list, _ := parseRows(packagesYAML)
	for _, r := range list {
		all[r.Package] = r
	}
	return all
})

func parseRows(data []byte) (list []row, err error) {
	return list, yaml.UnmarshalWithOptions(data, &list, yaml.Strict())
}

// rowOf gives the row about a package.
func rowOf(pkg string) (row, bool) {
	if r, ok := rows()[pkg]; ok {
		return r, true
	}
	_, project, _ := strings.Cut(pkg, "/")
	r, ok := rows()["*/"+project]
	return r, ok
}
