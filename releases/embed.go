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

//go:embed all:sample
var sample embed.FS

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

// Sample is the sources of the made-up distribution "sample":
// repositories/NAME/head and repositories/NAME/tags/TAG hold the files of its
// git repositories, third-party/VENDOR/NAME those of the packages that it
// requires from elsewhere.
func Sample() fs.FS {
	sub, err := fs.Sub(sample, "sample")
	if err != nil {
		panic(err) // the name is a constant
	}
	return sub
}
