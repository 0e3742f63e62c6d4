package organization

import (
	"maps"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/config"
)

// A checker finds what no schema can say: where the values of a list
// do not go together.
type checker struct {
	o      *List
	add    func(at config.Path, format string, args ...any)
	logins map[string]bool // lower case
	teams  map[string]bool
}

func (o *List) check(found *config.Checked) {
	c := &checker{o: o, add: found.Add, logins: map[string]bool{}, teams: map[string]bool{}}
	for i, p := range o.People {
		c.once(config.At("people", i, "login"), strings.ToLower(p.Login), c.logins)
	}
	for i, t := range o.Teams {
		c.once(config.At("teams", i, "slug"), t.Slug, c.teams)
	}
	for i, t := range o.Teams {
		c.team(config.At("teams", i), t)
	}
	seen := map[string]bool{}
	for i, r := range o.Repositories {
		c.once(config.At("repositories", i, "name"), strings.ToLower(r.Name), seen)
		c.repository(config.At("repositories", i), r)
	}
}

func (c *checker) once(at config.Path, key string, seen map[string]bool) {
	if seen[key] && key != "" {
		c.add(at, "stands in the list twice")
	}
	seen[key] = true
}

func (c *checker) team(at config.Path, t Team) {
	if t.Parent != "" {
		c.hasTeam(at.To("parent"), t.Parent)
	}
	if c.ownAncestor(t) {
		c.add(at.To("parent"), "the team is its own ancestor")
	}
	seen := map[string]bool{}
	for _, list := range []struct {
		at     config.Path
		logins []string
	}{{at.To("maintainers"), t.Maintainers}, {at.To("members"), t.Members}} {
		for i, login := range list.logins {
			if !c.logins[strings.ToLower(login)] {
				c.add(list.at.To(i), "%s is not among the people of the list; add it there", login)
			}
			c.once(list.at.To(i), strings.ToLower(login), seen)
		}
	}
}

func (c *checker) ownAncestor(t Team) bool {
	parents := map[string]string{}
	for _, other := range c.o.Teams {
		parents[other.Slug] = other.Parent
	}
	at := t.Parent
	for range c.o.Teams {
		if at == t.Slug && at != "" {
			return true
		}
		at = parents[at]
	}
	return false
}

func (c *checker) hasTeam(at config.Path, slug string) {
	if !c.teams[slug] {
		c.add(at, "there is no team %q%s", slug, config.Suggest(slug, slices.Sorted(maps.Keys(c.teams))))
	}
}

func (c *checker) repository(at config.Path, r Repository) {
	for slug := range r.Teams {
		c.hasTeam(at.To("teams", slug), slug)
	}
	patterns, names := map[string]bool{}, map[string]bool{}
	for i, p := range r.Protections {
		at := at.To("protections", i)
		c.once(at.To("pattern"), p.Pattern, patterns)
		c.actors(at.To("dismissals"), p.Dismissals)
		c.actors(at.To("push"), p.Push)
		c.actors(at.To("bypass-pull-requests"), p.BypassPullRequests)
		c.actors(at.To("bypass-force-pushes"), p.BypassForcePushes)
		if len(p.Push) > 0 && !p.RestrictPushes {
			c.add(at.To("push"), "says who may push, but restrict-pushes is not true")
		}
		if len(p.Checks) > 0 && !p.StatusChecks {
			c.add(at.To("checks"), "names checks, but status-checks is not true")
		}
	}
	for i, s := range r.Rulesets {
		at := at.To("rulesets", i)
		c.once(at.To("name"), s.Name, names)
		for j, b := range s.Bypass {
			c.actors(at.To("bypass", j, "actor"), []string{b.Actor})
		}
	}
}

// actors checks the teams among those who may do something.
func (c *checker) actors(at config.Path, actors []string) {
	for i, actor := range actors {
		if slug, ok := strings.CutPrefix(actor, "team:"); ok {
			c.hasTeam(at.To(i), slug)
		}
	}
}
