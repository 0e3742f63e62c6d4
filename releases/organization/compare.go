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

// A Rule is a kind of differences.
type Rule struct {
	ID    string `json:"id"`
	Level string `json:"level"`
	Text  string `json:"text"`
}

// Rules are the kinds of differences, each with its meaning and its level: what
// opens something is an error.
var Rules = []Rule{
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

// A side is one thing in the list and on GitHub; nil where it does not exist.
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
	roles := func(people []Person) (all []grant) {
		for _, p := range people {
			all = append(all, grant{p.Login, p.Role})
		}
		return all
	}
	c.grants(PersonRule, "person ", roles(c.list.People), roles(c.has.Found.People), nobody)
}

// A grant is the role or the permission that somebody has.
type grant struct{ to, role string }

func (g *grant) text() string {
	if g == nil {
		return ""
	}
	return g.role
}

// grants compares who has what, but for what GitHub has not of those who are gone: that
// is said elsewhere.
func (c *comparer) grants(rule, prefix string, listed, found []grant, gone func(string) bool) {
	for _, s := range pair(listed, found, func(g grant) string { return g.to }) {
		if s.found != nil || !gone(s.key) {
			c.differ(rule, prefix+s.key, s.listed.text(), s.found.text())
		}
	}
}

func nobody(string) bool { return false }

// named compares things that are known by their names: one that only one side has by a
// text, others by what both says.
func named[T any](c *comparer, rule, kind string, listed, found []T, key, text func(T) string, both func(subject string, listed, found T)) {
	for _, s := range pair(listed, found, key) {
		switch subject := kind + s.key; {
		case s.listed == nil:
			c.differ(rule, subject, "", text(*s.found))
		case s.found == nil:
			c.differ(rule, subject, text(*s.listed), "")
		default:
			both(subject, *s.listed, *s.found)
		}
	}
}

func (c *comparer) teams() {
	named(c, TeamRule, "team ", c.list.Teams, c.has.Found.Teams, func(t Team) string { return t.Slug }, teamText, func(subject string, listed, found Team) {
		c.differ(TeamRule, subject+": name", listed.Name, found.Name)
		if listed.Description != "" {
			c.differ(TeamRule, subject+": description", listed.Description, found.Description)
		}
		c.differ(TeamRule, subject+": privacy", listed.Privacy, found.Privacy)
		c.differ(TeamRule, subject+": parent", listed.Parent, found.Parent)
		// Who left the organization left its teams, too: that is not said again.
		c.grants(MemberRule, subject+": ", members(listed), members(found), c.left)
	})
}

func teamText(t Team) string {
	switch n := len(t.Maintainers) + len(t.Members); n {
	case 0:
		return "without members"
	case 1:
		return "with one member"
	default:
		return fmt.Sprintf("with %d members", n)
	}
}

// members are who is in a team, with their roles.
func members(t Team) []grant {
	var all []grant
	for _, login := range t.Maintainers {
		all = append(all, grant{login, "maintainer"})
	}
	for _, login := range t.Members {
		all = append(all, grant{login, "member"})
	}
	return all
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
