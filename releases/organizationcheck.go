package releases

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

var (
	// loginPattern is GitHub's for people and organizations; "[bot]" is an app's.
	loginPattern = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,99})(?:\[bot\])?$`)
	slugPattern  = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9_.-]{0,99})$`)
	// hostedPattern is GitHub's for repositories.
	hostedPattern = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)
	rulePattern   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,99}$`)
	actorPattern  = regexp.MustCompile(`^(?:team:[a-z0-9_.-]+|user:[A-Za-z0-9_-]+|app:[A-Za-z0-9_.-]+|role:[A-Za-z0-9_ -]+|organization-admin|deploy-key)$`)
)

// ParameterlessRules are the rules of a ruleset that have no parameters.
var ParameterlessRules = []string{"creation", "deletion", "non_fast_forward", "required_linear_history", "required_signatures", "update"}

// An organizationChecker collects what is wrong with a list.
type organizationChecker struct {
	o        *Organization
	problems []problem
	logins   map[string]bool // lower case
	teams    map[string]bool
}

func (o *Organization) check() []problem {
	c := &organizationChecker{o: o, logins: map[string]bool{}, teams: map[string]bool{}}
	c.matches("name", o.Name, loginPattern, "the login of an organization")
	if err := checkURL(o.URL, publicRule); err != nil {
		c.add("url", "%v", err)
	} else if !strings.HasSuffix(o.URL, "/") {
		c.add("url", "%q has no slash at its end", o.URL)
	}
	if o.BasePermission != "" {
		c.oneOf("base-permission", o.BasePermission, []string{"none", "read", "write", "admin"})
	}
	if o.TwoFactor != "" {
		c.oneOf("two-factor", o.TwoFactor, []string{"required", "optional"})
	}
	c.people()
	c.team()
	for i, f := range o.Files {
		c.path(indexed("files", i)+".path", f.Path)
		for j, role := range f.Roles {
			c.oneOf(indexed(indexed("files", i)+".roles", j), role, RepositoryRoles)
		}
	}
	seen := map[string]bool{}
	for i, r := range o.Repositories {
		c.repository(indexed("repositories", i), r)
		c.once(indexed("repositories", i)+".name", strings.ToLower(r.Name), seen)
	}
	return c.problems
}

func (c *organizationChecker) add(at, format string, args ...any) {
	c.problems = append(c.problems, problem{path: at, text: c.label(at) + fmt.Sprintf(format, args...)})
}

var listedPath = regexp.MustCompile(`^(repositories|teams|people)\[([0-9]+)\](?:\.(.*))?$`)

// label names the thing at a path as a person would: "team core: parent: ".
func (c *organizationChecker) label(at string) string {
	parts := listedPath.FindStringSubmatch(at)
	if parts == nil {
		return at + ": "
	}
	var i int
	if _, err := fmt.Sscan(parts[2], &i); err != nil {
		return at + ": "
	}
	label := map[string]func() string{
		"repositories": func() string { return "repository " + c.o.Repositories[i].Name },
		"teams":        func() string { return "team " + c.o.Teams[i].Slug },
		"people":       func() string { return "person " + c.o.People[i].Login },
	}[parts[1]]()
	if parts[3] != "" {
		label += ": " + parts[3]
	}
	return label + ": "
}

func (c *organizationChecker) matches(at, value string, pattern *regexp.Regexp, what string) bool {
	switch {
	case value == "":
		c.add(at, "is missing")
	case !pattern.MatchString(value):
		c.add(at, "%q is not %s", value, what)
	default:
		return true
	}
	return false
}

func (c *organizationChecker) oneOf(at, value string, allowed []string) {
	switch {
	case value == "":
		c.add(at, "is missing; there are %s", strings.Join(allowed, ", "))
	case !slices.Contains(allowed, value):
		c.add(at, "%q is unknown%s", value, suggest(value, allowed))
	}
}

func (c *organizationChecker) once(at, key string, seen map[string]bool) {
	if seen[key] && key != "" {
		c.add(at, "stands in the list twice")
	}
	seen[key] = true
}

func (c *organizationChecker) path(at, path string) {
	if err := checkPath(path); err != nil {
		c.add(at, "%v", err)
	}
}

func (c *organizationChecker) people() {
	for i, p := range c.o.People {
		at := indexed("people", i)
		c.matches(at+".login", p.Login, loginPattern, "a login")
		c.once(at+".login", strings.ToLower(p.Login), c.logins)
		c.oneOf(at+".role", p.Role, []string{MemberRole, AdminRole})
	}
}

func (c *organizationChecker) team() {
	for i, t := range c.o.Teams {
		c.matches(indexed("teams", i)+".slug", t.Slug, slugPattern, "the slug of a team: lower-case letters, digits and '-'")
		c.once(indexed("teams", i)+".slug", t.Slug, c.teams)
	}
	for i, t := range c.o.Teams {
		at := indexed("teams", i)
		c.oneOf(at+".privacy", t.Privacy, []string{ClosedTeam, SecretTeam})
		if t.Parent != "" {
			c.hasTeam(at+".parent", t.Parent)
		}
		if c.ownAncestor(t) {
			c.add(at+".parent", "the team is its own ancestor")
		}
		seen := map[string]bool{}
		for _, list := range []struct {
			key    string
			logins []string
		}{{"maintainers", t.Maintainers}, {"members", t.Members}} {
			for j, login := range list.logins {
				where := indexed(at+"."+list.key, j)
				if c.matches(where, login, loginPattern, "a login") && !c.logins[strings.ToLower(login)] {
					c.add(where, "%s is not among the people of the list; add it there", login)
				}
				c.once(where, strings.ToLower(login), seen)
			}
		}
	}
}

func (c *organizationChecker) ownAncestor(t Team) bool {
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

func (c *organizationChecker) hasTeam(at, slug string) {
	if !c.teams[slug] {
		c.add(at, "there is no team %q%s", slug, suggest(slug, slices.Sorted(maps.Keys(c.teams))))
	}
}

func (c *organizationChecker) repository(at string, r ListedRepository) {
	if c.matches(at+".name", r.Name, hostedPattern, "the name of a repository") && (r.Name == "." || r.Name == ".." || strings.HasSuffix(r.Name, ".git")) {
		c.add(at+".name", "%q is not the name of a repository", r.Name)
	}
	c.oneOf(at+".role", r.Role, RepositoryRoles)
	c.oneOf(at+".visibility", r.Visibility, []string{"public", "private", "internal"})
	if r.DefaultBranch != "" {
		c.branch(at+".default-branch", r.DefaultBranch)
	}
	for i, b := range r.Branches {
		c.branch(indexed(at+".branches", i), b)
	}
	for _, slug := range slices.Sorted(maps.Keys(r.Teams)) {
		c.hasTeam(joinPath(at+".teams", slug), slug)
		c.permission(joinPath(at+".teams", slug), r.Teams[slug])
	}
	for _, login := range slices.Sorted(maps.Keys(r.People)) {
		c.matches(joinPath(at+".people", login), login, loginPattern, "a login")
		c.permission(joinPath(at+".people", login), r.People[login])
	}
	for i, f := range r.Files {
		c.path(indexed(at+".files", i), f)
	}
	c.protections(at, r)
	c.rulesets(at, r)
}

func (c *organizationChecker) branch(at, name string) {
	if err := checkRef(name); err != nil {
		c.add(at, "%v", err)
	}
}

// permission lets roles of the organization's own pass, but no misspelt one of
// GitHub's.
func (c *organizationChecker) permission(at, value string) {
	known := append(slices.Clone(Permissions), "pull", "push")
	near, close := nearest(value, known)
	switch {
	case value == "":
		c.add(at, "is missing; there are %s", strings.Join(Permissions, ", "))
	case value == "pull" || value == "push":
		c.add(at, "%q is the API's word; write %s", value, map[string]string{"pull": "read", "push": "write"}[value])
	case close && near != value:
		c.add(at, "%q is unknown, did you mean %s?", value, near)
	}
}

func (c *organizationChecker) protections(at string, r ListedRepository) {
	seen := map[string]bool{}
	for i, p := range r.Protections {
		where := indexed(at+".protections", i)
		if p.Pattern == "" {
			c.add(where+".pattern", "is missing")
		}
		c.once(where+".pattern", p.Pattern, seen)
		c.reviews(where, p.Reviews)
		for _, list := range []struct {
			key    string
			actors []string
		}{{"dismissals", p.Dismissals}, {"push", p.Push}, {"bypass-pull-requests", p.BypassPullRequests}, {"bypass-force-pushes", p.BypassForcePushes}} {
			for j, actor := range list.actors {
				c.actor(indexed(where+"."+list.key, j), actor)
			}
		}
		if len(p.Push) > 0 && !p.RestrictPushes {
			c.add(where+".push", "says who may push, but restrict-pushes is not true")
		}
		if len(p.Checks) > 0 && !p.StatusChecks {
			c.add(where+".checks", "names checks, but status-checks is not true")
		}
	}
}

func (c *organizationChecker) reviews(at string, n int) {
	if n < 0 || n > 10 {
		c.add(at+".reviews", "%d: want a number from 0 to 10", n)
	}
}

func (c *organizationChecker) actor(at, actor string) {
	if !c.matches(at, actor, actorPattern, "an actor: team:SLUG, user:LOGIN, app:NAME, role:NAME, organization-admin or deploy-key") {
		return
	}
	if slug, ok := strings.CutPrefix(actor, "team:"); ok {
		c.hasTeam(at, slug)
	}
}

func (c *organizationChecker) rulesets(at string, r ListedRepository) {
	seen := map[string]bool{}
	for i, s := range r.Rulesets {
		where := indexed(at+".rulesets", i)
		if s.Name == "" {
			c.add(where+".name", "is missing")
		}
		c.once(where+".name", s.Name, seen)
		c.oneOf(where+".target", s.Target, []string{"branch", "tag", "push"})
		c.oneOf(where+".enforcement", s.Enforcement, []string{"active", "evaluate", "disabled"})
		for j, rule := range s.Rules {
			c.oneOf(indexed(where+".rules", j), rule, ParameterlessRules)
		}
		for j, rule := range s.Other {
			c.matches(indexed(where+".other", j), rule, rulePattern, "the name of a rule")
		}
		for j, b := range s.Bypass {
			c.actor(indexed(where+".bypass", j)+".actor", b.Actor)
			c.oneOf(indexed(where+".bypass", j)+".mode", b.Mode, []string{"always", "pull_request", "exempt"})
		}
		if s.PullRequest != nil {
			c.reviews(where+".pull-request", s.PullRequest.Reviews)
		}
	}
}
