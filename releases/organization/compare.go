// Package organization compares the declared list of a GitHub organization with
// what GitHub has, brings the list up to date, and writes it as configuration for
// Terraform. It changes nothing on GitHub: applying stays with the tool made for it.
package organization

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Comparison is what differs between a list and GitHub.
type Comparison struct {
	Organization string
	// Differences are in the order of repositories, those of the organization itself
	// first.
	Differences []Difference
	// Unknown are the parts that could not be compared.
	Unknown []Unknown
}

// A Difference is one thing that differs.
type Difference struct {
	Repository string // empty: of the organization itself
	Rule       string // one of Rules
	Subject    string // "team core", "protection main: reviews"
	Listed     string // what the list says; empty: nothing
	Found      string // what GitHub has; empty: nothing
}

// The kinds of differences.
const (
	OrganizationRule = "organization"
	PersonRule       = "person"
	TeamRule         = "team"
	MemberRule       = "team-member"
	RepositoryRule   = "repository"
	SettingRule      = "setting"
	AccessRule       = "access"
	BranchRule       = "branch"
	ProtectionRule   = "protection"
	FileRule         = "file"
)

// Rules are the kinds of differences, each with its meaning and its level: what
// opens something is an error.
var Rules = []struct{ ID, Level, Text string }{
	{OrganizationRule, "error", "The organization gives every member another permission, or does not demand the same of them."},
	{PersonRule, "error", "A member of the organization is only on one side, or has another role."},
	{TeamRule, "error", "A team is only on one side, or has other settings."},
	{MemberRule, "error", "A person is in a team on one side only, or as another role."},
	{RepositoryRule, "error", "A repository is only on one side, has another name, or moved away."},
	{AccessRule, "error", "A team or a person has another permission on a repository."},
	{ProtectionRule, "error", "A branch protection rule or a ruleset is only on one side, or demands something else."},
	{SettingRule, "warning", "A repository has another visibility, default branch or description, or is archived on one side only."},
	{BranchRule, "warning", "A branch that must be there is not."},
	{FileRule, "warning", "A file that must be there is not."},
}

// Compare says what differs. What could not be read is not compared.
func Compare(list *List, has *Reading) *Comparison {
	c := &comparer{list: list, has: has, plan: &Comparison{Organization: list.Name, Unknown: slices.Clone(has.Unknown)}}
	if has.Knows("", Settings) {
		c.settings()
	}
	if has.Knows("", People) {
		c.people()
	}
	if has.Knows("", Teams) {
		c.teams()
	}
	c.repositories()
	slices.SortStableFunc(c.plan.Differences, func(a, b Difference) int {
		return cmp.Compare(strings.ToLower(a.Repository), strings.ToLower(b.Repository))
	})
	return c.plan
}

type comparer struct {
	list *List
	has  *Reading
	plan *Comparison
	at   string // the repository that is compared
}

// differ adds a difference, if there is one.
func (c *comparer) differ(rule, subject, listed, found string) {
	if listed != found {
		c.plan.Differences = append(c.plan.Differences, Difference{c.at, rule, subject, listed, found})
	}
}

// A side is one thing as the list and as GitHub has it; nil: it has not.
type side[T any] struct {
	key           string
	listed, found *T
}

// pair puts together what has the same key, whatever the case of its letters, in
// the order of keys.
func pair[T any](listed, found []T, key func(T) string) []side[T] {
	byKey := map[string]*side[T]{}
	var keys []string
	get := func(name string) *side[T] {
		lower := strings.ToLower(name)
		if byKey[lower] == nil {
			byKey[lower] = &side[T]{key: name}
			keys = append(keys, lower)
		}
		return byKey[lower]
	}
	for i := range listed {
		get(key(listed[i])).listed = &listed[i]
	}
	for i := range found {
		get(key(found[i])).found = &found[i]
	}
	slices.Sort(keys)
	sides := make([]side[T], len(keys))
	for i, k := range keys {
		sides[i] = *byKey[k]
	}
	return sides
}

func (c *comparer) settings() {
	if list := c.list; list.BasePermission != "" {
		c.differ(OrganizationRule, "base permission", list.BasePermission, c.has.Found.BasePermission)
	}
	if list := c.list; list.TwoFactor != "" {
		c.differ(OrganizationRule, "two-factor authentication", list.TwoFactor, c.has.Found.TwoFactor)
	}
}

func (c *comparer) people() {
	role := func(p *Person) string {
		if p == nil {
			return ""
		}
		return p.Role
	}
	for _, s := range pair(c.list.People, c.has.Found.People, func(p Person) string { return p.Login }) {
		c.differ(PersonRule, "person "+s.key, role(s.listed), role(s.found))
	}
}

func (c *comparer) teams() {
	for _, s := range pair(c.list.Teams, c.has.Found.Teams, func(t Team) string { return t.Slug }) {
		subject := "team " + s.key
		switch {
		case s.listed == nil:
			c.differ(TeamRule, subject, "", teamText(s.found))
		case s.found == nil:
			c.differ(TeamRule, subject, teamText(s.listed), "")
		default:
			c.differ(TeamRule, subject+": name", s.listed.Name, s.found.Name)
			if s.listed.Description != "" {
				c.differ(TeamRule, subject+": description", s.listed.Description, s.found.Description)
			}
			c.differ(TeamRule, subject+": privacy", s.listed.Privacy, s.found.Privacy)
			c.differ(TeamRule, subject+": parent", s.listed.Parent, s.found.Parent)
			c.members(subject, *s.listed, *s.found)
		}
	}
}

func teamText(t *Team) string {
	switch n := len(t.Maintainers) + len(t.Members); n {
	case 0:
		return "without members"
	case 1:
		return "with one member"
	default:
		return fmt.Sprintf("with %d members", n)
	}
}

type membership struct{ login, role string }

func memberships(t Team) []membership {
	var all []membership
	for _, login := range t.Maintainers {
		all = append(all, membership{login, "maintainer"})
	}
	for _, login := range t.Members {
		all = append(all, membership{login, "member"})
	}
	return all
}

// members compares who is in a team. Who left the organization left its teams, too:
// that is not said again.
func (c *comparer) members(subject string, listed, found Team) {
	role := func(m *membership) string {
		if m == nil {
			return ""
		}
		return m.role
	}
	for _, s := range pair(memberships(listed), memberships(found), func(m membership) string { return m.login }) {
		if s.found == nil && c.left(s.key) {
			continue
		}
		c.differ(MemberRule, subject+": "+s.key, role(s.listed), role(s.found))
	}
}

// left says that a person is not in the organization any more.
func (c *comparer) left(login string) bool {
	return c.has.Knows("", People) &&
		!slices.ContainsFunc(c.has.Found.People, func(p Person) bool { return strings.EqualFold(p.Login, login) })
}

func (c *comparer) teamIsGone(slug string) bool {
	return c.has.Knows("", Teams) &&
		!slices.ContainsFunc(c.has.Found.Teams, func(t Team) bool { return t.Slug == slug })
}
