package organization_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases/github"
	"github.com/mage-os/nightly/releases/github/fake"
	"github.com/mage-os/nightly/releases/organization"
)

// hosted serves an organization, and gives a reader of it.
func hosted(t *testing.T, o *fake.Organization) (list *organization.List, read func(*organization.List) *organization.Reading) {
	t.Helper()
	server := fake.New()
	t.Cleanup(server.Close)
	server.Organization = o
	client, err := github.New(github.Options{BaseURL: server.URL(), Token: remote.NewToken("secret"), Policy: remote.Policy{Wait: server.Wait}})
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("name: acme\nurl: http://%s/\nrepositories: []\n", server.Host())
	list, err = organization.Parse("list.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return list, func(list *organization.List) *organization.Reading {
		t.Helper()
		reading, err := client.ReadOrganization(context.Background(), list)
		if err != nil {
			t.Fatal(err)
		}
		if requests := len(server.Requests()); requests != reading.Calls {
			t.Errorf("%d requests, and %d counted", requests, reading.Calls)
		}
		return reading
	}
}

// exported is the list after an export, read from its file.
func exported(t *testing.T, list *organization.List, reading *organization.Reading) *organization.List {
	t.Helper()
	text, err := organization.Merge(list, reading).YAML("")
	if err != nil {
		t.Fatal(err)
	}
	made, err := organization.Parse("exported.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	again, err := made.YAML("")
	if err != nil || !bytes.Equal(text, again) {
		t.Fatalf("written again it is another file: %v\n%s", err, cmp.Diff(string(text), string(again)))
	}
	return made
}

func TestPlanAfterExportIsEmpty(t *testing.T) {
	empty, read := hosted(t, fake.Acme())
	reading := read(empty)
	list := exported(t, empty, reading)
	if n := len(list.Repositories); n != 100 || len(list.Teams) != 6 || len(list.People) != 12 {
		t.Fatalf("exported %d repositories, %d teams, %d people", n, len(list.Teams), len(list.People))
	}
	for range 2 { // an export of what was exported is the same
		reading = read(list)
		if plan := organization.Compare(list, reading); len(plan.Differences)+len(plan.Unknown) > 0 {
			t.Errorf("the plan is not empty:\n%s", plan.Text())
		}
		list = exported(t, list, reading)
	}
	perRepository := float64(reading.Calls) / float64(len(list.Repositories))
	t.Logf("%d requests for %d repositories: %.2f each", reading.Calls, len(list.Repositories), perRepository)
	if perRepository > 4 {
		t.Errorf("%.2f requests for each repository, more than 4", perRepository)
	}
}

// A change is something that somebody does on GitHub, and the difference that it
// makes. It is nil where it cannot be done.
type change func(o *fake.Organization, r *rand.Rand) *organization.Difference

func pick[T any](r *rand.Rand, all []T) T { return all[r.IntN(len(all))] }

// withoutSpecial are the repositories with at least a branch and no marks.
func usual(o *fake.Organization) []*fake.Hosted {
	return slices.DeleteFunc(slices.Clone(o.Repositories), func(h *fake.Hosted) bool { return h.Archived || h.DefaultBranch == "" })
}

var changes = []change{
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // everybody may write
		if o.Base == "write" {
			return nil
		}
		o.Base = "write"
		return &organization.Difference{"", organization.OrganizationRule, "base permission", "read", "write"}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // an owner
		p := pick(r, o.People)
		was := map[bool]string{true: "admin", false: "member"}
		p.Admin = !p.Admin
		return &organization.Difference{"", organization.PersonRule, "person " + p.Login, was[!p.Admin], was[p.Admin]}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // who left
		p := pick(r, o.People)
		role := map[bool]string{true: "admin", false: "member"}[p.Admin]
		o.Dismiss(p.Login)
		return &organization.Difference{"", organization.PersonRule, "person " + p.Login, role, ""}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // who joined
		login := fmt.Sprintf("new-%04d", r.IntN(10000))
		o.People = append(o.People, &fake.Person{Login: login})
		return &organization.Difference{"", organization.PersonRule, "person " + login, "", "member"}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // a member made maintainer
		team := pick(r, o.Teams)
		if len(team.Members) == 0 {
			return nil
		}
		login := team.Members[0]
		team.Members, team.Maintainers = team.Members[1:], append(team.Maintainers, login)
		return &organization.Difference{"", organization.MemberRule, "team " + team.Slug + ": " + login, "member", "maintainer"}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // a team that is gone
		if o.Team("content") == nil {
			return nil
		}
		o.Teams = slices.DeleteFunc(o.Teams, func(t *fake.Team) bool { return t.Slug == "content" })
		return &organization.Difference{"", organization.TeamRule, "team content", "with 3 members", ""}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // a team that opened
		team := o.Team("ci")
		if !team.Secret {
			return nil
		}
		team.Secret = false
		return &organization.Difference{"", organization.TeamRule, "team ci: privacy", "secret", "closed"}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // a team's permission
		h := pick(r, usual(o))
		o.Team("core").Repositories[h.Name] = "ADMIN"
		return &organization.Difference{h.Name, organization.AccessRule, "team core", "maintain", "admin"}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // a team's permission that is gone
		h := pick(r, usual(o))
		delete(o.Team("core").Repositories, h.Name)
		return &organization.Difference{h.Name, organization.AccessRule, "team core", "maintain", ""}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // a guest
		h := pick(r, usual(o))
		h.People["stranger"] = "WRITE"
		return &organization.Difference{h.Name, organization.AccessRule, "person stranger", "", "write"}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // a repository opened
		h := pick(r, usual(o))
		if h.Visibility != "PRIVATE" {
			return nil
		}
		h.Visibility = "PUBLIC"
		return &organization.Difference{h.Name, organization.SettingRule, "visibility", "private", "public"}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // archived
		h := pick(r, usual(o))
		h.Archived = true
		return &organization.Difference{h.Name, organization.SettingRule, "archived", "false", "true"}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // another default branch
		h := pick(r, usual(o))
		h.DefaultBranch = "trunk"
		return &organization.Difference{h.Name, organization.SettingRule, "default branch", "main", "trunk"}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // a description
		h := pick(r, usual(o))
		was := h.Description
		h.Description = "changed"
		return &organization.Difference{h.Name, organization.SettingRule, "description", was, "changed"}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // a file that is gone
		h := pick(r, usual(o))
		h.Files = slices.DeleteFunc(h.Files, func(f string) bool { return f == ".github/CODEOWNERS" })
		return &organization.Difference{h.Name, organization.FileRule, "file .github/CODEOWNERS", "there", ""}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // a repository that is gone
		h := pick(r, usual(o))
		o.Delete(h.Name)
		return &organization.Difference{h.Name, organization.RepositoryRule, "repository", strings.ToLower(h.Visibility), ""}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // a new repository
		name := fmt.Sprintf("new-%04d", r.IntN(10000))
		o.Repositories = append(o.Repositories, &fake.Hosted{Name: name, Visibility: "PRIVATE"})
		return &organization.Difference{name, organization.RepositoryRule, "repository", "", "private"}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // renamed
		h := pick(r, usual(o))
		was := h.Name
		o.Rename(was, "renamed-"+was)
		return &organization.Difference{h.Name, organization.RepositoryRule, "name", was, h.Name}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // fewer reviews
		h := pick(r, usual(o))
		if len(h.Protections) == 0 {
			return nil
		}
		one := int32(1)
		h.Protections[0].RequiredApprovingReviewCount = &one
		return &organization.Difference{h.Name, organization.ProtectionRule, "protection *: reviews", "2", "1"}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // somebody more may push
		h := pick(r, usual(o))
		if len(h.Protections) == 0 {
			return nil
		}
		h.Protections[0].Push = append(h.Protections[0].Push, "user:person-03")
		return &organization.Difference{h.Name, organization.ProtectionRule, "protection *: push", "app:nightly-bot, team:core", "app:nightly-bot, team:core, user:person-03"}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // a rule that is off
		h := pick(r, usual(o))
		if len(h.Rulesets) == 0 || h.Rulesets[0].Name != "main" {
			return nil
		}
		h.Rulesets[0].Enforcement = "DISABLED"
		return &organization.Difference{h.Name, organization.ProtectionRule, "ruleset main: enforcement", "active", "disabled"}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // no code owners asked
		h := pick(r, usual(o))
		if len(h.Rulesets) == 0 || h.Rulesets[0].Name != "main" {
			return nil
		}
		h.Rulesets[0].Pull.RequireCodeOwnerReview = false
		return &organization.Difference{h.Name, organization.ProtectionRule, "ruleset main: pull-request: code-owner-reviews", "true", "false"}
	},
	func(o *fake.Organization, r *rand.Rand) *organization.Difference { // a check that anybody can give
		h := pick(r, usual(o))
		if len(h.Rulesets) == 0 || h.Rulesets[0].Name != "main" {
			return nil
		}
		h.Rulesets[0].App = 0
		return &organization.Difference{h.Name, organization.ProtectionRule, "ruleset main: checks: apps", "ci: 15368", ""}
	},
}

// sameThing says that two changes would touch the same: a repository of the one is
// not touched by another.
func sameThing(made []organization.Difference, d organization.Difference) bool {
	return slices.ContainsFunc(made, func(other organization.Difference) bool {
		return d.Repository != "" && (other.Repository == d.Repository || other.Listed == d.Repository || other.Repository == d.Listed) ||
			d.Repository == "" && (other.Subject == d.Subject || touches(other.Subject, d.Subject))
	})
}

// touches says that one subject is about the person or the team of another.
func touches(a, b string) bool {
	for _, word := range strings.Fields(strings.NewReplacer(":", " ", "team", "", "person ", "").Replace(a)) {
		if strings.Contains(b, word) {
			return true
		}
	}
	return false
}

func TestPlanNamesTwentyChanges(t *testing.T) {
	o := fake.Acme()
	empty, read := hosted(t, o)
	list := exported(t, empty, read(empty))
	for seed := range 8 {
		*o = *fake.Acme()
		r := rand.New(rand.NewPCG(uint64(seed), 20))
		var want []organization.Difference
		for len(want) < 20 {
			before := o.Clone()
			d := pick(r, changes)(o, r)
			if d == nil || d.Listed == d.Found || sameThing(want, *d) {
				*o = *before
				continue
			}
			want = append(want, *d)
		}
		got := organization.Compare(list, read(list))
		order := func(a, b organization.Difference) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }
		slices.SortFunc(want, order)
		found := slices.SortedFunc(slices.Values(got.Differences), order)
		if diff := cmp.Diff(want, found); diff != "" || len(got.Unknown) > 0 {
			t.Fatalf("seed %d (-changed +named):\n%s%v", seed, diff, got.Unknown)
		}
	}
}

func terraform(t *testing.T, list *organization.List) *organization.Configuration {
	t.Helper()
	made, err := organization.Terraform(list)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestTerraform(t *testing.T) {
	o := fake.Acme()
	empty, read := hosted(t, o)
	list := exported(t, empty, read(empty))
	list.URL = "https://github.example.org/" // the port of the fake is another each time
	made := terraform(t, list)
	if _, problems := hclparse.NewParser().ParseHCL(made.HCL, "organization.tf"); problems.HasErrors() {
		t.Fatalf("it is no HCL: %v", problems)
	}
	if formatted := hclwrite.Format(made.HCL); !bytes.Equal(formatted, made.HCL) {
		t.Errorf("the formatter changes it:\n%s", cmp.Diff(string(made.HCL), string(formatted)))
	}
	for range 5 {
		if again := terraform(t, list); !bytes.Equal(again.HCL, made.HCL) {
			t.Fatal("the same list gives other bytes")
		}
	}
	resources := strings.Count(string(made.HCL), "\nresource ")
	t.Logf("%d bytes, %d resources, %d imports", len(made.HCL), resources, strings.Count(string(made.HCL), "\nimport "))
	if kept := strings.Count(string(made.HCL), "prevent_destroy = true"); kept != resources || resources < 300 {
		t.Errorf("%d of %d resources are kept from being destroyed", kept, resources)
	}
	validate(t, made.HCL)
}
