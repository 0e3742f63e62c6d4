package organization

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// head begins every written list.
const head = "# yaml-language-server: $schema=organization.schema.json\n"

// YAML writes the list as a file, in a stable order. What is a default is left out.
func (o *List) YAML(comment string) ([]byte, error) {
	data, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	var plain List
	if err := json.Unmarshal(data, &plain); err != nil {
		return nil, err
	}
	plain.Sort()
	for i := range plain.Teams {
		if plain.Teams[i].Name == plain.Teams[i].Slug {
			plain.Teams[i].Name = ""
		}
	}
	root, err := schema.Written(plain, false)
	if err != nil {
		return nil, err
	}
	text, err := root.YAML()
	head := head
	for line := range strings.Lines(comment) {
		head += "# " + strings.TrimRight(line, "\n") + "\n"
	}
	return append([]byte(head), text...), err
}

// Sort puts all that has no order of its own into byte order.
func (o *List) Sort() {
	byLogin := func(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) }
	slices.SortFunc(o.People, func(a, b Person) int { return byLogin(a.Login, b.Login) })
	slices.SortFunc(o.Teams, func(a, b Team) int { return cmp.Compare(a.Slug, b.Slug) })
	slices.SortFunc(o.Repositories, func(a, b Repository) int { return byLogin(a.Name, b.Name) })
	for i := range o.Teams {
		slices.SortFunc(o.Teams[i].Maintainers, byLogin)
		slices.SortFunc(o.Teams[i].Members, byLogin)
	}
	for i := range o.Repositories {
		r := &o.Repositories[i]
		for _, list := range [][]string{r.Lines, r.Branches, r.Files} {
			slices.Sort(list)
		}
		slices.SortFunc(r.Protections, func(a, b Protection) int { return cmp.Compare(a.Pattern, b.Pattern) })
		slices.SortFunc(r.Rulesets, func(a, b Ruleset) int { return cmp.Compare(a.Name, b.Name) })
		for _, p := range r.Protections {
			for _, list := range [][]string{p.Dismissals, p.BypassPullRequests, p.Checks, p.Push, p.BypassForcePushes} {
				slices.Sort(list)
			}
		}
		for _, s := range r.Rulesets {
			for _, list := range [][]string{s.Include, s.Exclude, s.Rules, s.Other} {
				slices.Sort(list)
			}
			if s.Checks != nil {
				slices.Sort(s.Checks.Contexts)
			}
			slices.SortFunc(s.Bypass, func(a, b BypassRule) int { return cmp.Or(cmp.Compare(a.Actor, b.Actor), cmp.Compare(a.Mode, b.Mode)) })
		}
	}
}
