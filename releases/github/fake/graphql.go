package fake

import (
	_ "embed"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/graph-gophers/graphql-go"
)

//go:embed schema.graphql
var schemaText string

// graphql executes a query.
func (g *GitHub) graphql(r *http.Request) answer {
	var q struct {
		Query     string         `json:"query"`
		Variables map[string]any `json:"variables"`
	}
	if err := read(r, &q); err != nil {
		return answer{status: http.StatusBadRequest, body: message("Problems parsing JSON")}
	}
	if g.FailAbove > 0 && strings.Count(q.Query, "repository(owner:") > g.FailAbove {
		return answer{status: http.StatusBadGateway, body: message("Something went wrong while executing your query. This may be the result of a timeout.")}
	}
	if g.schema == nil {
		g.schema = graphql.MustParseSchema(schemaText, &query{g}, graphql.UseFieldResolvers())
	}
	response := g.schema.Exec(r.Context(), q.Query, "", q.Variables)
	errors := []map[string]any{}
	for _, e := range response.Errors {
		shown := map[string]any{"message": e.Message}
		if len(e.Path) > 0 {
			shown["path"], shown["type"] = e.Path, e.Extensions["type"]
		}
		errors = append(errors, shown)
	}
	body := map[string]any{"data": response.Data}
	if len(errors) > 0 {
		body["errors"] = errors
	}
	return answer{status: http.StatusOK, body: body}
}

// A refusal is an error of a kind that GitHub names.
type refusal struct{ kind, text string }

func (e refusal) Error() string { return e.text }

// Extensions carries the kind.
func (e refusal) Extensions() map[string]any { return map[string]any{"type": e.kind} }

func forbidden(what string) error {
	return refusal{"FORBIDDEN", "You do not have permission to view " + what + "."}
}

type query struct{ g *GitHub }

func (q *query) Organization(args struct{ Login string }) (*organization, error) {
	o := q.g.Organization
	if o == nil || !strings.EqualFold(o.Login, args.Login) {
		return nil, refusal{"NOT_FOUND", "Could not resolve to an Organization with the login of '" + args.Login + "'."}
	}
	return &organization{o}, nil
}

func (q *query) Repository(args struct{ Owner, Name string }) (*repository, error) {
	o := q.g.Organization
	found := o.Repository(args.Name)
	if to, moved := o.Moved[args.Name]; moved && found == nil {
		if _, name, _ := strings.Cut(to, "/"); o.Repository(name) != nil {
			found = o.Repository(name)
		} else {
			return &repository{o: o, h: &Hosted{Name: name, Visibility: "PUBLIC"}, elsewhere: to}, nil
		}
	}
	if found == nil || found.Secret {
		return nil, refusal{"NOT_FOUND", fmt.Sprintf("Could not resolve to a Repository with the name '%s/%s'.", args.Owner, args.Name)}
	}
	return &repository{o: o, h: found}, nil
}

// A pageInfo says where the next page begins; cursors are numbers here.
type pageInfo struct {
	HasNextPage bool
	EndCursor   *string
}

type pageArgs struct {
	First *int32
	After *string
}

// part cuts one page out of a list.
func part[T any](all []T, args pageArgs) ([]T, pageInfo) {
	from, size := 0, 100
	if args.After != nil {
		from, _ = strconv.Atoi(*args.After)
	}
	if args.First != nil {
		size = min(size, int(*args.First))
	}
	from = min(from, len(all))
	to := min(from+size, len(all))
	cursor := strconv.Itoa(to)
	return all[from:to], pageInfo{to < len(all), &cursor}
}

type organization struct{ o *Organization }

func (o *organization) ViewerIsAMember() bool { return !o.o.Stranger }

type user struct{ Login string }

type memberEdge struct {
	Role *string
	Node *user
}

type memberConnection struct {
	PageInfo pageInfo
	Edges    []*memberEdge
}

func (o *organization) MembersWithRole(args pageArgs) (*memberConnection, error) {
	if o.o.NoMembers {
		return nil, forbidden("the members of this organization")
	}
	people, info := part(o.o.People, args)
	list := &memberConnection{PageInfo: info}
	for _, p := range people {
		role := map[bool]string{true: "ADMIN", false: "MEMBER"}[p.Admin]
		edge := &memberEdge{Role: &role, Node: &user{p.Login}}
		if o.o.Stranger {
			edge.Role = nil
		}
		list.Edges = append(list.Edges, edge)
	}
	return list, nil
}

type teamConnection struct {
	PageInfo pageInfo
	Nodes    []*team
}

func (o *organization) Teams(args pageArgs) (*teamConnection, error) {
	if o.o.NoTeams {
		return nil, forbidden("the teams of this organization")
	}
	teams, info := part(o.o.Teams, args)
	list := &teamConnection{PageInfo: info}
	for _, t := range teams {
		list.Nodes = append(list.Nodes, &team{o.o, t})
	}
	return list, nil
}

func (o *organization) Team(args struct{ Slug string }) *team {
	if t := o.o.Team(args.Slug); t != nil {
		return &team{o.o, t}
	}
	return nil
}

type repositoryConnection struct {
	PageInfo pageInfo
	Nodes    []*repository
}

func (o *organization) Repositories(args struct {
	pageArgs
	OrderBy *struct{ Field, Direction string }
}) *repositoryConnection {
	all := slices.Clone(o.o.Repositories)
	slices.SortFunc(all, func(a, b *Hosted) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	hosted, info := part(all, args.pageArgs)
	list := &repositoryConnection{PageInfo: info}
	for _, h := range hosted {
		list.Nodes = append(list.Nodes, &repository{o: o.o, h: h})
	}
	return list
}

type team struct {
	o *Organization
	t *Team
}

func (t *team) Slug() string         { return t.t.Slug }
func (t *team) Name() string         { return t.t.Name }
func (t *team) Description() *string { return optional(t.t.Description) }
func (t *team) Privacy() string      { return map[bool]string{true: "SECRET", false: "VISIBLE"}[t.t.Secret] }

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func (t *team) ParentTeam() *team {
	if parent := t.o.Team(t.t.Parent); parent != nil {
		return &team{t.o, parent}
	}
	return nil
}

type teamMemberEdge struct {
	Role string
	Node *user
}

type teamMemberConnection struct {
	PageInfo pageInfo
	Edges    []*teamMemberEdge
}

func (t *team) Members(args struct {
	pageArgs
	Membership *string
}) *teamMemberConnection {
	var all []*teamMemberEdge
	for _, login := range t.t.Maintainers {
		all = append(all, &teamMemberEdge{"MAINTAINER", &user{login}})
	}
	for _, login := range t.t.Members {
		all = append(all, &teamMemberEdge{"MEMBER", &user{login}})
	}
	edges, info := part(all, args.pageArgs)
	return &teamMemberConnection{info, edges}
}

type teamRepositoryEdge struct {
	Permission string
	Node       *repository
}

type teamRepositoryConnection struct {
	PageInfo pageInfo
	Edges    []*teamRepositoryEdge
}

func (t *team) Repositories(args pageArgs) *teamRepositoryConnection {
	var all []*teamRepositoryEdge
	for _, h := range t.o.Repositories {
		if permission := t.t.Repositories[h.Name]; permission != "" {
			all = append(all, &teamRepositoryEdge{permission, &repository{o: t.o, h: h}})
		}
	}
	edges, info := part(all, args)
	return &teamRepositoryConnection{info, edges}
}
