package github

import (
	"context"
	"strings"

	"github.com/mage-os/nightly/releases/organization"
)

const teamsQuery = `query($login: String!, $after: String) { organization(login: $login) {
	teams(first: 100, after: $after) { pageInfo { hasNextPage endCursor }
		nodes { slug name description privacy parentTeam { slug } }
	}
} }`

// teams reads the teams without their members.
func (r *reader) teams(ctx context.Context) error {
	for at := (pageInfo{HasNextPage: true}); at.HasNextPage; {
		var answer struct {
			Organization struct {
				Teams *struct {
					PageInfo pageInfo
					Nodes    []struct {
						Slug, Name, Description, Privacy string
						ParentTeam                       *struct{ Slug string }
					}
				}
			}
		}
		failed, err := r.ask(ctx, teamsQuery, at.variables(r.list.Name), &answer)
		if err != nil {
			return err
		}
		if answer.Organization.Teams == nil {
			r.unknown("", organization.Teams, "%s", reason(failed, "the token may not read its teams (Members: read)"))
			return nil
		}
		for _, n := range answer.Organization.Teams.Nodes {
			team := organization.Team{Slug: n.Slug, Name: n.Name, Description: n.Description, Privacy: organization.ClosedTeam}
			if n.Privacy == "SECRET" {
				team.Privacy = organization.SecretTeam
			}
			if n.ParentTeam != nil {
				team.Parent = n.ParentTeam.Slug
			}
			r.out.Found.Teams = append(r.out.Found.Teams, team)
		}
		at = answer.Organization.Teams.PageInfo
	}
	return nil
}

const teamQuery = `query($login: String!, $slug: String!, $members: String, $repositories: String) { organization(login: $login) {
	team(slug: $slug) {
		members(first: 100, membership: IMMEDIATE, after: $members) { pageInfo { hasNextPage endCursor } edges { role node { login } } }
		repositories(first: 100, after: $repositories) { pageInfo { hasNextPage endCursor } edges { permission node { name } } }
	}
} }`

// A teamPage is one page of a team's members and repositories.
type teamPage struct {
	Members struct {
		PageInfo pageInfo
		Edges    []struct {
			Role string
			Node struct{ Login string }
		}
	}
	Repositories struct {
		PageInfo pageInfo
		Edges    []struct {
			Permission string
			Node       struct{ Name string }
		}
	}
}

// permissions reads the members of each team, and puts its permissions to the
// repositories.
func (r *reader) permissions(ctx context.Context) error {
	byName := map[string]*organization.Repository{}
	for i := range r.out.Found.Repositories {
		byName[strings.ToLower(r.out.Found.Repositories[i].Name)] = &r.out.Found.Repositories[i]
	}
	for i := range r.out.Found.Teams {
		team := &r.out.Found.Teams[i]
		members, repositories := pageInfo{HasNextPage: true}, pageInfo{HasNextPage: true}
		for members.HasNextPage || repositories.HasNextPage {
			page, err := r.team(ctx, team.Slug, members, repositories)
			if err != nil || page == nil {
				return err
			}
			if members.HasNextPage {
				page.addMembers(team)
				members = page.Members.PageInfo
			}
			if repositories.HasNextPage {
				page.addPermissions(team.Slug, byName)
				repositories = page.Repositories.PageInfo
			}
		}
	}
	return nil
}

func (r *reader) team(ctx context.Context, slug string, members, repositories pageInfo) (*teamPage, error) {
	variables := members.variables(r.list.Name)
	variables["members"], variables["repositories"], variables["slug"] = variables["after"], repositories.variables("")["after"], slug
	delete(variables, "after")
	var answer struct {
		Organization struct{ Team *teamPage }
	}
	failed, err := r.ask(ctx, teamQuery, variables, &answer)
	if err == nil && answer.Organization.Team == nil {
		r.unknown("", organization.Teams, "team %s: %s", slug, reason(failed, "the token may not read it (Members: read)"))
	}
	return answer.Organization.Team, err
}

func (p *teamPage) addMembers(team *organization.Team) {
	for _, e := range p.Members.Edges {
		if e.Role == "MAINTAINER" {
			team.Maintainers = append(team.Maintainers, e.Node.Login)
		} else {
			team.Members = append(team.Members, e.Node.Login)
		}
	}
}

func (p *teamPage) addPermissions(slug string, byName map[string]*organization.Repository) {
	for _, e := range p.Repositories.Edges {
		if repository := byName[strings.ToLower(e.Node.Name)]; repository != nil {
			if repository.Teams == nil {
				repository.Teams = map[string]string{}
			}
			repository.Teams[slug] = strings.ToLower(e.Permission)
		}
	}
}
