package releases

import (
	_ "embed"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
)

// organizationFile is the list that the program carries, and no release line.
const organizationFile = "organization.yaml"

//go:embed organization.schema.json
var organizationSchema []byte

// The defaults of an organization's list. organization.schema.json names them too.
const (
	defaultURL         = "https://github.com/"
	defaultVisibility  = "public"
	defaultTarget      = "branch"
	defaultEnforcement = "active"
	defaultBypass      = "always"
)

// OrganizationSchema is the JSON Schema (draft 2020-12) of organization.yaml, for
// editors. The caller owns it.
func OrganizationSchema() []byte { return slices.Clone(organizationSchema) }

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
	data, err := readFile(file)
	if err != nil {
		return nil, configErrorf("read the organization's list: %w", err)
	}
	return ParseOrganization(file, data)
}

// ParseOrganization reads a list from YAML, fills in the defaults, and validates
// the whole. The error is a *ConfigError with every problem, each with its line and
// column.
func ParseOrganization(filename string, data []byte) (*Organization, error) {
	root, broken := parseYAML(data)
	if broken != nil {
		return nil, joinProblems(filename, []problem{*broken})
	}
	o, d := &Organization{}, newDecoder()
	d.value("", root, reflect.ValueOf(o).Elem())
	if d.values > maxValues { // the list is not whole, so that nothing else can be said of it
		return nil, joinProblems(filename, d.problems)
	}
	o.fillDefaults()
	found := d.problems
	for _, p := range o.check() {
		if !d.isBroken(p.path) {
			p.at = d.place(p.path)
			found = append(found, p)
		}
	}
	if err := joinProblems(filename, found); err != nil {
		return nil, err
	}
	return o, nil
}

func (o *Organization) fillDefaults() {
	set := func(into *string, value string) {
		if *into == "" {
			*into = value
		}
	}
	set(&o.URL, defaultURL)
	for i := range o.People {
		set(&o.People[i].Role, MemberRole)
	}
	for i := range o.Teams {
		set(&o.Teams[i].Name, o.Teams[i].Slug)
		set(&o.Teams[i].Privacy, ClosedTeam)
	}
	for i := range o.Repositories {
		r := &o.Repositories[i]
		set(&r.Visibility, defaultVisibility)
		for j := range r.Rulesets {
			set(&r.Rulesets[j].Target, defaultTarget)
			set(&r.Rulesets[j].Enforcement, defaultEnforcement)
			for k := range r.Rulesets[j].Bypass {
				set(&r.Rulesets[j].Bypass[k].Mode, defaultBypass)
			}
		}
	}
	fill(reflect.ValueOf(o).Elem())
}

// indexed is the path of an element.
func indexed(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }
