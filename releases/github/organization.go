package github

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/organization"
)

// batch is how many repositories one query asks for.
const batch = 10

// ReadOrganization reads an organization with one request for ten repositories, one
// or two for each team, and some four for all. Of the list it takes the organization's
// name and which branches and files to look for; what GitHub does not know, as the
// roles of repositories, it leaves empty. It changes nothing.
func (c *Client) ReadOrganization(ctx context.Context, list *organization.List) (*organization.Reading, error) {
	r := &reader{client: c, list: list, out: &organization.Reading{
		Found:   &organization.List{Name: list.Name, URL: list.URL},
		Renamed: map[string]string{}, Moved: map[string]string{},
	}}
	if err := r.read(ctx); err != nil {
		return nil, explain(err, "read the organization %s", list.Name)
	}
	r.out.Found.Sort()
	return r.out, nil
}

// A reader collects an organization.
type reader struct {
	client *Client
	list   *organization.List
	out    *organization.Reading
}

func (r *reader) read(ctx context.Context) error {
	if u, err := r.client.Repository(r.list.GitURL("x")); err != nil {
		return fmt.Errorf("the list is of %s: %w", r.list.URL, err)
	} else if !strings.EqualFold(u.Owner, r.list.Name) {
		return errors.New("the list's url and name do not belong together")
	}
	if err := r.people(ctx); err != nil {
		return err
	}
	if err := r.settings(ctx); err != nil {
		return err
	}
	if err := r.teams(ctx); err != nil {
		return err
	}
	names, err := r.names(ctx)
	if err != nil {
		return err
	}
	if err := r.lost(ctx, names); err != nil {
		return err
	}
	for part := range slices.Chunk(names, batch) {
		if err := r.repositories(ctx, part); err != nil {
			return err
		}
	}
	return r.permissions(ctx)
}

func (r *reader) ask(ctx context.Context, text string, variables map[string]any, into any) ([]graphError, error) {
	r.out.Calls++
	return r.client.query(ctx, text, variables, into)
}

func (r *reader) unknown(repository string, part organization.Part, format string, args ...any) {
	u := organization.Unknown{Repository: repository, Part: part, Reason: fmt.Sprintf(format, args...)}
	if !slices.Contains(r.out.Unknown, u) {
		r.out.Unknown = append(r.out.Unknown, u)
	}
}

// A pageInfo says where the next page of a list begins.
type pageInfo struct {
	HasNextPage bool
	EndCursor   string
}

func (p pageInfo) variables(login string) map[string]any {
	v := map[string]any{"login": login, "after": nil}
	if p.EndCursor != "" {
		v["after"] = p.EndCursor
	}
	return v
}

const peopleQuery = `query($login: String!, $after: String) { organization(login: $login) {
	viewerIsAMember
	membersWithRole(first: 100, after: $after) { pageInfo { hasNextPage endCursor } edges { role node { login } } }
} }`

func (r *reader) people(ctx context.Context) error {
	for at := (pageInfo{HasNextPage: true}); at.HasNextPage; {
		var answer struct {
			Organization *struct {
				ViewerIsAMember bool
				MembersWithRole *struct {
					PageInfo pageInfo
					Edges    []struct {
						Role *string
						Node struct{ Login string }
					}
				}
			}
		}
		failed, err := r.ask(ctx, peopleQuery, at.variables(r.list.Name), &answer)
		if err != nil {
			return err
		}
		if answer.Organization == nil {
			return fmt.Errorf("%w: there is no such organization, or the token may not see it; correct name in the list", ErrNotFound)
		}
		members := answer.Organization.MembersWithRole
		if members == nil {
			r.unknown("", organization.People, "%s", reason(failed, "the token may not read its members (Members: read)"))
			return nil
		}
		if !answer.Organization.ViewerIsAMember && len(members.Edges) > 0 && members.Edges[0].Role == nil {
			r.unknown("", organization.People, "the token sees public members only (Members: read)")
			return nil
		}
		for _, e := range members.Edges {
			role := organization.MemberRole
			if e.Role != nil && *e.Role == "ADMIN" {
				role = organization.AdminRole
			}
			r.out.Found.People = append(r.out.Found.People, organization.Person{Login: e.Node.Login, Role: role})
		}
		at = members.PageInfo
	}
	return nil
}

// settings reads those of the organization that open repositories. GraphQL has none
// of them.
func (r *reader) settings(ctx context.Context) error {
	r.out.Calls++
	o, _, err := r.client.rest.Organizations.Get(ctx, r.list.Name)
	if err != nil {
		return err
	}
	if o.DefaultRepoPermission == nil || o.TwoFactorRequirementEnabled == nil {
		r.unknown("", organization.Settings, "the token may not read the base permission (Administration of the organization: read, as an owner)")
		return nil
	}
	r.out.Found.BasePermission, r.out.Found.TwoFactor = o.GetDefaultRepoPermission(), "optional"
	if o.GetTwoFactorRequirementEnabled() {
		r.out.Found.TwoFactor = "required"
	}
	return nil
}

// reason is what GitHub said, or a text of ours.
func reason(failed []graphError, otherwise string) string {
	for _, e := range failed {
		return strings.TrimRight(e.Message, ".") + "; " + otherwise
	}
	return otherwise
}

const namesQuery = `query($login: String!, $after: String) { organization(login: $login) {
	repositories(first: 100, after: $after, orderBy: {field: NAME, direction: ASC}) { pageInfo { hasNextPage endCursor } nodes { name } }
} }`

// names are those of all repositories that the token sees.
func (r *reader) names(ctx context.Context) ([]string, error) {
	var names []string
	for at := (pageInfo{HasNextPage: true}); at.HasNextPage; {
		var answer struct {
			Organization struct {
				Repositories struct {
					PageInfo pageInfo
					Nodes    []struct{ Name string }
				}
			}
		}
		if _, err := r.ask(ctx, namesQuery, at.variables(r.list.Name), &answer); err != nil {
			return nil, err
		}
		for _, n := range answer.Organization.Repositories.Nodes {
			names = append(names, n.Name)
		}
		at = answer.Organization.Repositories.PageInfo
	}
	return names, nil
}

// lost looks where listed repositories are that are not among the names: GitHub
// leads from an old name to the new one.
func (r *reader) lost(ctx context.Context, names []string) error {
	there := map[string]bool{}
	for _, n := range names {
		there[strings.ToLower(n)] = true
	}
	var gone []string
	for _, listed := range r.list.Repositories {
		if !there[strings.ToLower(listed.Name)] {
			gone = append(gone, listed.Name)
		}
	}
	for part := range slices.Chunk(gone, 2*batch) {
		query := "query($login: String!) {"
		for i, name := range part {
			query += fmt.Sprintf(" r%d: repository(owner: $login, name: %q) { nameWithOwner }", i, name)
		}
		answer := map[string]*struct {
			NameWithOwner string
		}{}
		if _, err := r.ask(ctx, query+" }", map[string]any{"login": r.list.Name}, &answer); err != nil {
			return err
		}
		for i, name := range part {
			if found := answer[fmt.Sprintf("r%d", i)]; found != nil {
				r.moved(name, found.NameWithOwner)
			}
		}
	}
	return nil
}

func (r *reader) moved(from, to string) {
	owner, name, _ := strings.Cut(to, "/")
	if strings.EqualFold(owner, r.list.Name) {
		r.out.Renamed[from] = name
		return
	}
	r.out.Moved[from] = to
}

// listed is what the list says of a repository, under its old name too.
func (r *reader) listed(name string) organization.Repository {
	if found, ok := r.list.Repository(name); ok {
		return found
	}
	for _, old := range slices.Sorted(maps.Keys(r.out.Renamed)) {
		if strings.EqualFold(r.out.Renamed[old], name) {
			found, _ := r.list.Repository(old)
			return found
		}
	}
	return organization.Repository{}
}
