package github

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mage-os/nightly/releases/github/fake"
	"github.com/mage-os/nightly/releases/organization"
)

// small is an organization whose every part has a mark.
func small() *fake.Organization {
	two := int32(2)
	return &fake.Organization{
		Login: "acme", Base: "none", People: []*fake.Person{{Login: "jane", Admin: true}, {Login: "john"}},
		Teams: []*fake.Team{
			{Slug: "core", Name: "Core", Description: "central", Secret: true, Maintainers: []string{"jane"}, Members: []string{"john"}, Repositories: map[string]string{"shop": "TRIAGE"}},
			{Slug: "empty", Name: "Empty", Parent: "core"},
		},
		Repositories: []*fake.Hosted{{
			Name: "shop", Description: "The shop", Visibility: "INTERNAL", DefaultBranch: "main", Branches: []string{"2.4"}, Archived: true,
			Files:  []string{"CODEOWNERS", ".github/workflows/ci.yml", ".github/workflows/shared/x.yml", "README.md"},
			People: map[string]string{"guest": "READ"},
			Protections: []*fake.Protection{
				{Pattern: "*", RequiresApprovingReviews: true, RequiredApprovingReviewCount: &two, RestrictsPushes: true, Push: []string{"team:core", "user:jane", "app:bot"}},
				{Pattern: "off", RequiredApprovingReviewCount: &two, RequiresCodeOwnerReviews: true, Contexts: []string{"old"}, Push: []string{"user:jane"}},
			},
			Rulesets: []*fake.Ruleset{{
				ID: 7, Name: "main", Target: "BRANCH", Enforcement: "ACTIVE", Include: []string{"~ALL"}, Rules: []string{"DELETION", "MERGE_QUEUE"},
				Checks: []string{"ci", "lint"}, App: 9, Bypass: []fake.Bypass{{Actor: "team:core", Mode: "ALWAYS"}, {Actor: "role:admin", Mode: "PULL_REQUEST"}, {Actor: "deploy-key", Mode: "ALWAYS"}},
			}},
		}},
	}
}

func declaredOf(t *testing.T, server *fake.GitHub, repositories string) *organization.List {
	t.Helper()
	list, err := organization.Parse("list.yaml", []byte("name: acme\nurl: http://"+server.Host()+"/\nrepositories: "+repositories+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func readSmall(t *testing.T, repositories string, change func(*fake.Organization)) *organization.Reading {
	t.Helper()
	server, _, client := newFake(t)
	server.Organization = small()
	change(server.Organization)
	reading, err := client.ReadOrganization(context.Background(), declaredOf(t, server, repositories))
	if err != nil {
		t.Fatal(err)
	}
	return reading
}

func TestReadOrganization(t *testing.T) {
	got := readSmall(t, "[{name: shop, role: source, branches: ['2.4', gone], files: [README.md, gone.txt]}]", func(o *fake.Organization) { o.Repositories[0].Archived = false })
	want := &organization.List{
		Name: "acme", BasePermission: "none", TwoFactor: "optional", People: []organization.Person{{Login: "jane", Role: "admin"}, {Login: "john", Role: "member"}},
		Teams: []organization.Team{
			{Slug: "core", Name: "Core", Description: "central", Privacy: "secret", Maintainers: []string{"jane"}, Members: []string{"john"}},
			{Slug: "empty", Name: "Empty", Privacy: "closed", Parent: "core"},
		},
		Repositories: []organization.Repository{{
			Name: "shop", Description: "The shop", Visibility: "internal", DefaultBranch: "main", Branches: []string{"2.4"},
			Teams: map[string]string{"core": "triage"}, People: map[string]string{"guest": "read"},
			Protections: []organization.Protection{
				{Pattern: "*", PullRequest: true, Reviews: 2, RestrictPushes: true, Push: []string{"app:bot", "team:core", "user:jane"}},
				{Pattern: "off"}, // settings of what is switched off do not count
			},
			Rulesets: []organization.Ruleset{{
				Name: "main", ID: 7, Target: "branch", Enforcement: "active", Include: []string{"~ALL"}, Rules: []string{"deletion"}, Other: []string{"merge_queue"},
				Checks: &organization.CheckRule{Contexts: []string{"ci", "lint"}, Apps: map[string]int{"ci": 9}},
				Bypass: []organization.BypassRule{{Actor: "deploy-key", Mode: "always"}, {Actor: "role:admin", Mode: "pull_request"}, {Actor: "team:core", Mode: "always"}},
			}},
			Files: []string{".github/workflows/ci.yml", "CODEOWNERS", "README.md"},
		}},
	}
	if diff := cmp.Diff(want, got.Found, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(organization.List{}, "URL")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(got.Unknown) > 0 {
		t.Errorf("unknown: %v", got.Unknown)
	}
}

// TestReadOrganizationByHalves: what the token may not see is said by name, and all
// else is read.
func TestReadOrganizationByHalves(t *testing.T) {
	many := func(n int) []*fake.Protection {
		var all []*fake.Protection
		for i := range n {
			all = append(all, &fake.Protection{Pattern: fmt.Sprint(i)})
		}
		return all
	}
	for _, c := range []struct {
		name   string
		change func(*fake.Organization)
		want   []organization.Unknown
	}{
		{"all", func(*fake.Organization) {}, nil},
		{"no members", func(o *fake.Organization) { o.NoMembers = true }, []organization.Unknown{{Repository: "", Part: organization.People, Reason: "You do not have permission to view the members of this organization; the token may not read its members (Members: read)"}}},
		{"public members", func(o *fake.Organization) { o.Stranger = true }, []organization.Unknown{
			{Repository: "", Part: organization.People, Reason: "the token sees public members only (Members: read)"},
			{Repository: "", Part: organization.Settings, Reason: "the token may not read the base permission (Administration of the organization: read, as an owner)"},
		}},
		{"no settings", func(o *fake.Organization) { o.NoSettings = true }, []organization.Unknown{
			{Repository: "", Part: organization.Settings, Reason: "the token may not read the base permission (Administration of the organization: read, as an owner)"},
		}},
		{"no teams", func(o *fake.Organization) { o.NoTeams = true }, []organization.Unknown{{Repository: "", Part: organization.Teams, Reason: "You do not have permission to view the teams of this organization; the token may not read its teams (Members: read)"}}},
		{"no administration", func(o *fake.Organization) { o.Repositories[0].Hidden = true }, []organization.Unknown{
			{Repository: "shop", Part: organization.Collaborators, Reason: "You do not have permission to view repository collaborators; the token may not read who has access (Metadata: read, as someone who may push)"},
			{Repository: "shop", Part: organization.Protections, Reason: "the token may not read its branch protection (Administration: read)"},
		}},
		{"listed and not read", func(o *fake.Organization) { o.Repositories[0].Secret = true }, []organization.Unknown{
			{Repository: "shop", Part: organization.All, Reason: "Could not resolve to a Repository with the name 'acme/shop'; the token may not read it (Metadata: read)"},
		}},
		{"very many protections", func(o *fake.Organization) { o.Repositories[0].Protections = many(51) }, []organization.Unknown{
			{Repository: "shop", Part: organization.Protections, Reason: "it has more of them, or more actors in one of them, than the 50 that are read"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := readSmall(t, "[]", c.change)
			if diff := cmp.Diff(c.want, got.Unknown); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if n := len(got.Found.Repositories); n != 1 {
				t.Errorf("%d repositories", n)
			}
		})
	}
}

func TestReadOrganizationMoved(t *testing.T) {
	got := readSmall(t, "[{name: old, role: source}, {name: left, role: source}, {name: gone, role: source}]", func(o *fake.Organization) {
		o.Moved = map[string]string{"old": "acme/shop", "left": "elsewhere/left"}
	})
	if diff := cmp.Diff(map[string]string{"old": "shop"}, got.Renamed); diff != "" {
		t.Errorf("renamed:\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"left": "elsewhere/left"}, got.Moved); diff != "" {
		t.Errorf("moved:\n%s", diff)
	}
}

func TestReadOrganizationPages(t *testing.T) {
	got := readSmall(t, "[]", func(o *fake.Organization) {
		for i := range 250 {
			name := fmt.Sprintf("r-%03d", i)
			o.Repositories = append(o.Repositories, &fake.Hosted{Name: name, Visibility: "PUBLIC"})
			o.People = append(o.People, &fake.Person{Login: "p-" + name})
			o.Teams = append(o.Teams, &fake.Team{Slug: "t-" + name, Name: name})
			o.Teams[0].Members = append(o.Teams[0].Members, "p-"+name)
			o.Teams[0].Repositories[name] = "READ"
		}
	})
	o := got.Found
	if len(o.Repositories) != 251 || len(o.People) != 252 || len(o.Teams) != 252 || len(o.Teams[0].Members) != 251 || o.Repositories[200].Teams["core"] != "read" {
		t.Errorf("%d repositories, %d people, %d teams, %d members", len(o.Repositories), len(o.People), len(o.Teams), len(o.Teams[0].Members))
	}
}

func TestReadOrganizationFails(t *testing.T) {
	server, _, client := newFake(t)
	server.Organization = small()
	read := func(c *Client, list *organization.List) error {
		_, err := c.ReadOrganization(context.Background(), list)
		return err
	}
	list := declaredOf(t, server, "[]")
	server.Break(fake.Fault{Path: "/graphql", Status: 502, Times: 2}) // queries may be repeated
	if err := read(client, list); err != nil {
		t.Errorf("after failures: %v", err)
	}
	server.Break(fake.Fault{Path: "/graphql", Status: 200, Body: `{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]}`})
	server.Waits()
	if err := read(client, list); err != nil || len(server.Waits()) != 1 {
		t.Errorf("after a limit: %v", err)
	}
	for i := range 20 {
		server.Organization.Repositories = append(server.Organization.Repositories, &fake.Hosted{Name: fmt.Sprint("r-", i), Visibility: "PUBLIC"})
	}
	server.FailAbove = 3 // repositories in one query
	reading, err := client.ReadOrganization(context.Background(), list)
	if err != nil || len(reading.Found.Repositories) != 21 {
		t.Errorf("of a server that fails over large queries: %v", err)
	}
	server.FailAbove = 0
	if err := read(clientOf(t, server, without), list); err == nil || !strings.Contains(err.Error(), "none was given") {
		t.Errorf("without a token: %v", err)
	}
	server.Break(fake.Fault{Path: "/graphql", Status: 200, Body: `{"errors":[{"message":"Something went wrong"}]}`})
	if err := read(client, list); err == nil || !strings.Contains(err.Error(), "GraphQL API: Something went wrong") {
		t.Errorf("a query that fails: %v", err)
	}
	other := *list
	other.Name = "nobody"
	if err := read(client, &other); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such organization: %v", err)
	}
	other.URL = "https://github.com/"
	if err := read(client, &other); !errors.Is(err, errElsewhere) {
		t.Errorf("another GitHub: %v", err)
	}
}
