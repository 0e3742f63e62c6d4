package fake

import (
	"encoding/json"
	"slices"
	"strings"
)

// An Organization is what GraphQL tells: people, teams, repositories, and what the
// token may see of them.
type Organization struct {
	Login        string
	Base         string // its base permission: none, read, write or admin
	TwoFactor    bool   // it is required
	People       []*Person
	Teams        []*Team
	Repositories []*Hosted
	// Moved leads from old names of repositories to "owner/name".
	Moved map[string]string

	// What the token may not do.
	NoMembers, NoTeams bool
	NoSettings         bool
	Stranger           bool // it sees what is public only
}

// A Person is a member of the organization.
type Person struct {
	Login string
	Admin bool
}

// A Team is a team with its members and its permissions.
type Team struct {
	Slug, Name, Description string
	Secret                  bool
	Parent                  string
	Maintainers, Members    []string
	Repositories            map[string]string // READ, TRIAGE, WRITE, MAINTAIN or ADMIN by repository
}

// A Hosted is a repository as the organization has it.
type Hosted struct {
	Name, Description string
	Visibility        string // PUBLIC, PRIVATE or INTERNAL
	Archived          bool
	DefaultBranch     string // empty: it has no commits
	Branches          []string
	Files             []string
	People            map[string]string // READ, …, ADMIN by login
	Protections       []*Protection
	Rulesets          []*Ruleset
	// Hidden says that the token may not administer it; Secret that it is listed and
	// cannot be read.
	Hidden, Secret bool
}

// A Protection is a branch protection rule.
type Protection struct {
	Pattern                        string
	RequiresApprovingReviews       bool
	RequiredApprovingReviewCount   *int32
	RequiresCodeOwnerReviews       bool
	DismissesStaleReviews          bool
	RequireLastPushApproval        bool
	RestrictsReviewDismissals      bool
	RequiresStatusChecks           bool
	RequiresStrictStatusChecks     bool
	Contexts                       []string
	RequiresConversationResolution bool
	RequiresCommitSignatures       bool
	RequiresLinearHistory          bool
	IsAdminEnforced                bool
	RestrictsPushes                bool
	BlocksCreations                bool
	AllowsForcePushes              bool
	AllowsDeletions                bool
	LockBranch                     bool
	// Actors as "team:core", "user:jane" or "app:bot".
	Dismissals, BypassPull, Push, BypassForce []string
}

// A Ruleset is a ruleset of a repository.
type Ruleset struct {
	ID               int32
	Name             string
	Target           string
	Enforcement      string
	Include, Exclude []string
	Rules            []string // without parameters: DELETION, …
	Pull             *PullRequestParameters
	Checks           []string
	App              int32 // that the first check has to come from; 0: any
	Strict           bool
	Bypass           []Bypass
}

// PullRequestParameters are those of the rule PULL_REQUEST.
type PullRequestParameters struct {
	RequiredApprovingReviewCount   int32
	RequireCodeOwnerReview         bool
	DismissStaleReviewsOnPush      bool
	RequireLastPushApproval        bool
	RequiredReviewThreadResolution bool
}

// A Bypass says who may bypass a ruleset: as "team:core", "app:7", "role:maintain",
// "organization-admin" or "deploy-key".
type Bypass struct{ Actor, Mode string }

// settings are what REST tells of an organization: to owners more than to others.
func (o *Organization) settings() map[string]any {
	shown := map[string]any{"login": o.Login}
	if !o.NoSettings && !o.Stranger {
		shown["default_repository_permission"], shown["two_factor_requirement_enabled"] = o.Base, o.TwoFactor
	}
	return shown
}

// Team gives the team of that slug.
func (o *Organization) Team(slug string) *Team {
	for _, t := range o.Teams {
		if t.Slug == slug {
			return t
		}
	}
	return nil
}

// Repository gives the repository of that name.
func (o *Organization) Repository(name string) *Hosted {
	for _, r := range o.Repositories {
		if strings.EqualFold(r.Name, name) {
			return r
		}
	}
	return nil
}

// Rename gives a repository another name, to which the old one leads.
func (o *Organization) Rename(from, to string) {
	o.Repository(from).Name = to
	if o.Moved == nil {
		o.Moved = map[string]string{}
	}
	o.Moved[from] = o.Login + "/" + to
	for _, t := range o.Teams {
		if permission, ok := t.Repositories[from]; ok {
			delete(t.Repositories, from)
			t.Repositories[to] = permission
		}
	}
}

// Delete takes a repository away.
func (o *Organization) Delete(name string) {
	o.Repositories = slices.DeleteFunc(o.Repositories, func(r *Hosted) bool { return r.Name == name })
	for _, t := range o.Teams {
		delete(t.Repositories, name)
	}
}

// Dismiss takes a person out of the organization and its teams.
func (o *Organization) Dismiss(login string) {
	is := func(other string) bool { return other == login }
	o.People = slices.DeleteFunc(o.People, func(p *Person) bool { return p.Login == login })
	for _, t := range o.Teams {
		t.Members, t.Maintainers = slices.DeleteFunc(t.Members, is), slices.DeleteFunc(t.Maintainers, is)
	}
}

// Clone copies an organization deeply.
func (o *Organization) Clone() *Organization {
	data, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	var made Organization
	if err := json.Unmarshal(data, &made); err != nil {
		panic(err)
	}
	return &made
}
