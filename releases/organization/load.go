package organization

import (
	_ "embed"
	"fmt"
	"sync"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases/config"
)

//go:embed organization.yaml
var declaredText []byte

//go:embed organization.schema.json
var schemaText []byte

// schema says which shape a list has, and its defaults.
var schema = config.NewSchema(schemaText, map[string]config.Format{"permission": config.Text(checkPermission)})

// checkPermission lets roles of the organization's own pass, but no misspelt one
// of GitHub's.
func checkPermission(value string) error {
	if near, ok := config.Nearest(value, Permissions); ok && near != value {
		return fmt.Errorf("%q is unknown, did you mean %s?", value, near)
	}
	return nil
}

// Schema is the JSON Schema (draft 2020-12) of organization.yaml, for
// editors. The caller owns it.
func Schema() []byte { return schema.Text() }

// declared is the list that the program carries.
var declared = sync.OnceValues(func() (*List, error) { return Parse("releases/organization/organization.yaml", declaredText) })

// DeclaredURL is the URL of a repository of the list that the program carries.
func DeclaredURL(repository string) (string, error) {
	list, err := declared()
	if err != nil {
		return "", err
	}
	names := make([]string, len(list.Repositories))
	for i, r := range list.Repositories {
		names[i] = r.Name
	}
	r, ok := list.Repository(repository)
	if near, _ := config.Nearest(repository, names); !ok && near != "" {
		repository += " (did you mean " + near + "?)"
	}
	if !ok {
		return "", fmt.Errorf("there is no repository %s in releases/organization/organization.yaml; add it there, or give its https:// URL here", repository)
	}
	return list.GitURL(r.Name), nil
}

// Load reads a list from a file; from "" the one that the program
// carries. The error is a *config.Error with every problem.
func Load(file string) (*List, error) {
	if file == "" {
		return declared()
	}
	data, err := files.Read(file, config.MaxFile)
	if err != nil {
		return nil, config.Errorf("read the organization's list: %w; mageos-nightly org export --output %s writes one", err, file)
	}
	return Parse(file, data)
}

// Parse reads a list from YAML, fills in the defaults, and validates
// the whole. The error is a *config.Error with every problem, each with its line and
// column.
func Parse(filename string, data []byte) (*List, error) {
	root, problems := config.Parse(filename, data)
	if root == nil {
		return nil, config.Join(problems)
	}
	checked, err := schema.Check(root, problems)
	if err != nil {
		return nil, err
	}
	o := &List{}
	if err := checked.Decode(o); err != nil {
		return nil, config.Errorf("%s: %w", filename, err)
	}
	for i := range o.Teams {
		if o.Teams[i].Name == "" {
			o.Teams[i].Name = o.Teams[i].Slug
		}
	}
	o.check(checked)
	if err := checked.Err(); err != nil {
		return nil, err
	}
	return o, nil
}
