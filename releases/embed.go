package releases

import (
	"embed"
	"slices"
)

// Files are the release lines that the program carries, and what they have in
// common. The package lines reads them.
//
//go:embed *.yaml
var Files embed.FS

//go:embed line.schema.json
var schema []byte

// Schema is the JSON Schema (draft 2020-12) of release lines. The caller owns it.
func Schema() []byte { return slices.Clone(schema) }
