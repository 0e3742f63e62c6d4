package releases

import (
	_ "embed"
	"fmt"
	"io/fs"

	"github.com/mage-os/nightly/releases/config"
)

// organizationFile is the list that the program carries, and no release line.
const organizationFile = "organization.yaml"

//go:embed organization.schema.json
var organizationText []byte

// organizationSchema says which shape a list has, and its defaults.
var organizationSchema = config.NewSchema(organizationText, map[string]config.Format{"permission": config.Text(checkPermission)})

// checkPermission lets roles of the organization's own pass, but no misspelt one
// of GitHub's.
func checkPermission(value string) error {
	if near, ok := config.Nearest(value, Permissions); ok && near != value {
		return fmt.Errorf("%q is unknown, did you mean %s?", value, near)
	}
	return nil
}

// OrganizationSchema is the JSON Schema (draft 2020-12) of organization.yaml, for
// editors. The caller owns it.
func OrganizationSchema() []byte { return organizationSchema.Text() }

// DeclaredOrganization is the list that the program carries.
func DeclaredOrganization() (*Organization, error) {
	data, err := fs.ReadFile(lines, organizationFile)
	if err != nil {
		return nil, configErrorf("read the organization's list: %w", err)
	}
	return ParseOrganization("releases/"+organizationFile, data)
}

// LoadOrganization reads a list from a file; from "" the one that the program
// carries. The error is a *ConfigError with every problem.
func LoadOrganization(file string) (*Organization, error) {
	if file == "" {
		return declared()
	}
	data, err := config.ReadFile(file)
	if err != nil {
		return nil, configErrorf("read the organization's list: %w", err)
	}
	return ParseOrganization(file, data)
}

// ParseOrganization reads a list from YAML, fills in the defaults, and validates
// the whole. The error is a *ConfigError with every problem, each with its line and
// column.
func ParseOrganization(filename string, data []byte) (*Organization, error) {
	root, problems := config.Parse(filename, data)
	if root == nil {
		return nil, &ConfigError{Err: config.Join(problems)}
	}
	checked, err := organizationSchema.Check(root, problems)
	if err != nil {
		return nil, err
	}
	o := &Organization{}
	if err := checked.Decode(o); err != nil {
		return nil, configErrorf("%s: %w", filename, err)
	}
	for i := range o.Teams {
		if o.Teams[i].Name == "" {
			o.Teams[i].Name = o.Teams[i].Slug
		}
	}
	o.check(checked)
	if err := checked.Err(); err != nil {
		return nil, &ConfigError{Err: err}
	}
	return o, nil
}
