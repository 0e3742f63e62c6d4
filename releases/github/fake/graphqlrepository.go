package fake

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

type repository struct {
	o         *Organization
	h         *Hosted
	elsewhere string // "owner/name" of a repository that moved away
}

func (r *repository) Name() string              { return r.h.Name }
func (r *repository) Description() *string      { return optional(r.h.Description) }
func (r *repository) Visibility() string        { return r.h.Visibility }
func (r *repository) IsArchived() bool          { return r.h.Archived }
func (r *repository) ViewerCanAdminister() bool { return !r.h.Hidden }

func (r *repository) NameWithOwner() string {
	if r.elsewhere != "" {
		return r.elsewhere
	}
	return r.o.Login + "/" + r.h.Name
}

type ref struct{ Name string }

func (r *repository) DefaultBranchRef() *ref {
	if r.h.DefaultBranch == "" {
		return nil
	}
	return &ref{r.h.DefaultBranch}
}

func (r *repository) Ref(args struct{ QualifiedName string }) *ref {
	name := strings.TrimPrefix(args.QualifiedName, "refs/heads/")
	if name == r.h.DefaultBranch || slices.Contains(r.h.Branches, name) {
		return &ref{name}
	}
	return nil
}

type collaboratorEdge struct {
	Permission string
	Node       *user
}

type collaboratorConnection struct {
	TotalCount int32
	Edges      []*collaboratorEdge
}

func (r *repository) Collaborators(args struct {
	Affiliation *string
	First       *int32
}) (*collaboratorConnection, error) {
	if r.h.Hidden {
		return nil, forbidden("repository collaborators")
	}
	list := &collaboratorConnection{TotalCount: int32(len(r.h.People))}
	logins, _ := part(slices.Sorted(maps.Keys(r.h.People)), pageArgs{First: args.First})
	for _, login := range logins {
		list.Edges = append(list.Edges, &collaboratorEdge{r.h.People[login], &user{login}})
	}
	return list, nil
}

type firstArgs struct{ First *int32 }

type protectionConnection struct {
	TotalCount int32
	Nodes      []*protection
}

func (r *repository) BranchProtectionRules(args firstArgs) *protectionConnection {
	if r.h.Hidden {
		return &protectionConnection{}
	}
	list := &protectionConnection{TotalCount: int32(len(r.h.Protections))}
	rules, _ := part(r.h.Protections, pageArgs{First: args.First})
	for _, p := range rules {
		list.Nodes = append(list.Nodes, &protection{*p, r.o})
	}
	return list
}

type protection struct {
	Protection
	o *Organization
}

func (p *protection) RequiredStatusCheckContexts() *[]string { return &p.Contexts }

type allowance struct{ Actor *actor }

type allowanceConnection struct {
	TotalCount int32
	Nodes      []*allowance
}

func (p *protection) allowances(actors []string, args firstArgs) *allowanceConnection {
	list := &allowanceConnection{TotalCount: int32(len(actors))}
	shown, _ := part(actors, pageArgs{First: args.First})
	for _, a := range shown {
		list.Nodes = append(list.Nodes, &allowance{&actor{p.o, a}})
	}
	return list
}

func (p *protection) ReviewDismissalAllowances(args firstArgs) *allowanceConnection {
	return p.allowances(p.Dismissals, args)
}

func (p *protection) BypassPullRequestAllowances(args firstArgs) *allowanceConnection {
	return p.allowances(p.BypassPull, args)
}

func (p *protection) PushAllowances(args firstArgs) *allowanceConnection {
	return p.allowances(p.Push, args)
}

func (p *protection) BypassForcePushAllowances(args firstArgs) *allowanceConnection {
	return p.allowances(p.BypassForce, args)
}

// An actor is a team, a user or an app.
type actor struct {
	o    *Organization
	name string
}

func (a *actor) ToTeam() (*team, bool) {
	slug, ok := strings.CutPrefix(a.name, "team:")
	if !ok {
		return nil, false
	}
	return &team{a.o, a.o.Team(slug)}, true
}

func (a *actor) ToUser() (*user, bool) {
	login, ok := strings.CutPrefix(a.name, "user:")
	return &user{login}, ok
}

type app struct {
	Slug       string
	DatabaseID *int32
}

func (a *actor) ToApp() (*app, bool) {
	name, ok := strings.CutPrefix(a.name, "app:")
	made := &app{Slug: name}
	if id, err := strconv.Atoi(name); err == nil {
		number := int32(id)
		made.Slug, made.DatabaseID = "", &number
	}
	return made, ok
}

// An object is a file or a folder.
type object struct {
	entries []*treeEntry // nil: a file
}

type treeEntry struct{ Name, Type string }

type tree struct{ Entries *[]*treeEntry }

type blob struct{ Text *string }

func (o *object) ToTree() (*tree, bool) { return &tree{&o.entries}, o.entries != nil }
func (o *object) ToBlob() (*blob, bool) { return &blob{}, o.entries == nil }

func (r *repository) Object(args struct{ Expression *string }) *object {
	path, ok := strings.CutPrefix(*args.Expression, "HEAD:")
	if !ok || r.h.DefaultBranch == "" {
		return nil
	}
	if slices.Contains(r.h.Files, path) {
		return &object{}
	}
	folder := &object{}
	for _, f := range r.h.Files {
		rest, inside := strings.CutPrefix(f, path+"/")
		if name, _, deeper := strings.Cut(rest, "/"); inside {
			kind := map[bool]string{true: "tree", false: "blob"}[deeper]
			folder.entries = append(folder.entries, &treeEntry{name, kind})
		}
	}
	if folder.entries == nil {
		return nil
	}
	return folder
}

type rulesetConnection struct {
	TotalCount int32
	Nodes      []*ruleset
}

func (r *repository) Rulesets(args struct {
	firstArgs
	IncludeParents bool
}) *rulesetConnection {
	list := &rulesetConnection{TotalCount: int32(len(r.h.Rulesets))}
	rules, _ := part(r.h.Rulesets, pageArgs{First: args.First})
	for _, s := range rules {
		list.Nodes = append(list.Nodes, &ruleset{s, r})
	}
	return list
}

type ruleset struct {
	s *Ruleset
	r *repository
}

func (s *ruleset) DatabaseID() *int32  { return &s.s.ID }
func (s *ruleset) Name() string        { return s.s.Name }
func (s *ruleset) Target() *string     { return &s.s.Target }
func (s *ruleset) Enforcement() string { return s.s.Enforcement }

type refNames struct{ Include, Exclude []string }

type conditions struct{ RefName *refNames }

func (s *ruleset) Conditions() conditions { return conditions{&refNames{s.s.Include, s.s.Exclude}} }

type bypass struct {
	BypassMode         string
	OrganizationAdmin  bool
	DeployKey          bool
	RepositoryRoleName *string
	Actor              *actor
}

type bypassConnection struct {
	TotalCount int32
	Nodes      []*bypass
}

func (s *ruleset) BypassActors(firstArgs) *bypassConnection {
	list := &bypassConnection{TotalCount: int32(len(s.s.Bypass))}
	for _, b := range s.s.Bypass {
		made := &bypass{BypassMode: b.Mode, OrganizationAdmin: b.Actor == "organization-admin", DeployKey: b.Actor == "deploy-key"}
		if role, ok := strings.CutPrefix(b.Actor, "role:"); ok {
			made.RepositoryRoleName = &role
		} else if strings.Contains(b.Actor, ":") {
			made.Actor = &actor{s.r.o, b.Actor}
		}
		list.Nodes = append(list.Nodes, made)
	}
	return list
}

type rule struct {
	Type       string
	Parameters *parameters
}

type ruleConnection struct {
	TotalCount int32
	Nodes      []*rule
}

func (s *ruleset) Rules(firstArgs) *ruleConnection {
	list := &ruleConnection{}
	for _, kind := range s.s.Rules {
		list.Nodes = append(list.Nodes, &rule{Type: kind})
	}
	if s.s.Pull != nil {
		list.Nodes = append(list.Nodes, &rule{"PULL_REQUEST", &parameters{s.s}})
	}
	if s.s.Checks != nil {
		list.Nodes = append(list.Nodes, &rule{"REQUIRED_STATUS_CHECKS", &parameters{&Ruleset{Checks: s.s.Checks, Strict: s.s.Strict, App: s.s.App}}})
	}
	list.TotalCount = int32(len(list.Nodes))
	return list
}

type parameters struct{ s *Ruleset }

func (p *parameters) ToPullRequestParameters() (*PullRequestParameters, bool) {
	return p.s.Pull, p.s.Pull != nil
}

type check struct {
	Context       string
	IntegrationID *int32
}

type checksParameters struct {
	StrictRequiredStatusChecksPolicy bool
	RequiredStatusChecks             []*check
}

func (p *parameters) ToRequiredStatusChecksParameters() (*checksParameters, bool) {
	made := &checksParameters{StrictRequiredStatusChecksPolicy: p.s.Strict}
	for i, c := range p.s.Checks {
		required := &check{Context: c}
		if i == 0 && p.s.App > 0 {
			required.IntegrationID = &p.s.App
		}
		made.RequiredStatusChecks = append(made.RequiredStatusChecks, required)
	}
	return made, p.s.Pull == nil
}
