package releases

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

//go:embed *.yaml
var lines embed.FS

//go:embed line.schema.json
var schema []byte

// sharedPrefix begins the names of what lines have in common: they extend it, and
// it is no line.
const sharedPrefix = "shared-"

// Names are the names of the release lines that the program carries in itself,
// in byte order.
func Names() []string {
	files, err := fs.Glob(lines, "*.yaml")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	names := make([]string, 0, len(files))
	for _, file := range files {
		if !strings.HasPrefix(file, sharedPrefix) {
			names = append(names, strings.TrimSuffix(file, ".yaml"))
		}
	}
	slices.Sort(names)
	return names
}

// Schema is the JSON Schema (draft 2020-12) of release lines, for editors. The
// caller owns it.
func Schema() []byte { return slices.Clone(schema) }
