package organization

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// VariablesFile is the file of an organization's own configuration that says what there is.
const VariablesFile = "variables.tf"

// leads is the team that main.tf of mage-os/terraform gives every repository but mirrors.
const leads = "tech-lead"

// A variables file is that of https://github.com/mage-os/terraform, as far as a list holds it.
type variables struct {
	Administrators []string
	Teams          map[string]struct {
		Description string
		Members     []string
	}
	Mirrors      map[string]struct{} `json:"mirror_repositories"`
	Repositories map[string]struct {
		Teams         []string
		Archived      bool
		DefaultBranch string `json:"default_branch"`
	}
}

// Declared reads the variables of the configuration that changes the organization (List.AppliedBy),
// as a Reading: the list with what they say in it. What they do not say is as the list has it.
func Declared(list *List, text []byte) (*Reading, error) {
	v, err := readVariables(text)
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", VariablesFile, list.AppliedBy, err)
	}
	found := *list
	found.People, found.Teams = v.people(), v.teams()
	found.Repositories = slices.Clone(list.Repositories)
	for name := range v.Mirrors {
		found.repository(name)
	}
	for name, r := range v.Repositories {
		to := found.repository(name)
		to.Archived = r.Archived
		if r.DefaultBranch != "" {
			to.DefaultBranch = r.DefaultBranch
		}
		to.Teams = map[string]string{}
		for _, team := range r.Teams {
			to.Teams[team] = "write"
		}
		if _, ok := v.Teams[leads]; ok {
			to.Teams[leads] = "maintain"
		}
	}
	return &Reading{Found: &found}, nil
}

// repository gives the repository of a name to be changed; one that is not there is added.
func (l *List) repository(name string) *Repository {
	if _, ok := l.Repository(name); !ok {
		l.Repositories = append(l.Repositories, Repository{Name: name, Role: guessRole(name), Visibility: "public"})
	}
	return &l.Repositories[slices.IndexFunc(l.Repositories, func(r Repository) bool { return isCalled(r, name) })]
}

func readVariables(text []byte) (*variables, error) {
	file, problems := hclsyntax.ParseConfig(text, VariablesFile, hcl.InitialPos)
	if problems.HasErrors() {
		return nil, problems
	}
	defaults := map[string]json.RawMessage{}
	for _, block := range file.Body.(*hclsyntax.Body).Blocks {
		attribute, ok := block.Body.Attributes["default"]
		if block.Type != "variable" || !ok {
			continue
		}
		value, problems := attribute.Expr.Value(nil)
		if problems.HasErrors() {
			return nil, problems
		}
		data, err := ctyjson.Marshal(value, value.Type())
		if err != nil {
			return nil, err
		}
		defaults[block.Labels[0]] = data
	}
	for _, name := range []string{"administrators", "mirror_repositories", "repositories", "teams"} {
		if defaults[name] == nil {
			return nil, fmt.Errorf("there is no variable %q with a default; the file has to be as that of https://github.com/mage-os/terraform", name)
		}
	}
	data, err := json.Marshal(defaults)
	if err != nil {
		return nil, err
	}
	v := &variables{}
	return v, json.Unmarshal(data, v)
}

// people are all who are in a team, and the administrators.
func (v *variables) people() []Person {
	roles := map[string]string{}
	for _, t := range v.Teams {
		for _, login := range t.Members {
			roles[login] = MemberRole
		}
	}
	for _, login := range v.Administrators {
		roles[login] = AdminRole
	}
	var people []Person
	for _, login := range slices.Sorted(maps.Keys(roles)) {
		people = append(people, Person{Login: login, Role: roles[login]})
	}
	return people
}

// teams are the teams; GitHub makes administrators maintainers.
func (v *variables) teams() []Team {
	var teams []Team
	for _, slug := range slices.Sorted(maps.Keys(v.Teams)) {
		t := Team{Slug: slug, Name: slug, Description: v.Teams[slug].Description, Privacy: ClosedTeam}
		for _, login := range v.Teams[slug].Members {
			if slices.Contains(v.Administrators, login) {
				t.Maintainers = append(t.Maintainers, login)
			} else {
				t.Members = append(t.Members, login)
			}
		}
		teams = append(teams, t)
	}
	return teams
}
