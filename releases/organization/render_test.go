package organization_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/golden"
	"github.com/mage-os/nightly/releases/organization"
)

const smallList = `name: acme
base-permission: none
two-factor: required
people:
  - {login: jane, role: admin}
  - {login: john}
teams:
  - {slug: core, name: The core, description: "central", maintainers: [jane], members: [john]}
  - {slug: empty, privacy: secret, parent: core}
repositories:
  - {name: 2.x, role: source, visibility: private, teams: {core: write, empty: write}, people: {guest: read, jane: admin}, default-branch: main}
  - {name: 2_x, role: source, archived: true, description: "${gone} \"old\""}
  - name: shop
    role: source
    teams: {core: write, empty: admin}
    branches: ["2.4"]
    files: [.github/CODEOWNERS]
    protections:
      - {pattern: "*", pull-request: true, reviews: 2, dismissals: ["team:core"], restrict-dismissals: true, restrict-pushes: true, push: ["app:nightly.bot", "team:core", "user:jane"]}
      - {pattern: "release/*", status-checks: true, checks: [ci], bypass-force-pushes: ["user:john"]}
    rulesets:
      - name: tags
        id: 7
        target: tag
        include: [~ALL]
        rules: [update, deletion]
        pull-request: {reviews: 1}
        checks: {contexts: [ci, lint], apps: {ci: 15368}}
        bypass: [{actor: "team:core"}, {actor: "role:maintain", mode: pull_request}, {actor: organization-admin}, {actor: "app:77"}, {actor: deploy-key}]
      - {name: new, include: [~DEFAULT_BRANCH], rules: [non_fast_forward]}
      - {name: queue, other: [merge_queue]}
      - {name: custom, bypass: [{actor: "role:triager"}]}
`

func parse(t *testing.T, text string) *organization.List {
	t.Helper()
	list, err := organization.Parse("list.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestTerraformOfEverything(t *testing.T) {
	made := terraform(t, parse(t, smallList))
	golden.Compare(t, "testdata/small.tf", made.HCL)
	golden.Compare(t, "testdata/small.left.txt", []byte(strings.Join(made.Left, "\n")+"\n"))
	validate(t, made.HCL)
}

// TestRender shows each kind of difference in each format.
func TestRender(t *testing.T) {
	list := parse(t, smallList)
	has := parse(t, smallList)
	has.BasePermission = "read"
	has.People = []organization.Person{{Login: "JANE", Role: "member"}, {Login: "mallory", Role: "admin"}}
	has.Teams[0].Name, has.Teams[0].Members, has.Teams[1].Slug = "Core | <b>`x`", []string{"mallory"}, "other"
	shop := &has.Repositories[2]
	has.Repositories[0].Name, has.Repositories[1].Name = "3.x", "unlisted"
	has.Repositories[0].People = map[string]string{"Guest": "admin"}
	shop.Branches, shop.Files, shop.Visibility, shop.Description = nil, nil, "private", "\n"
	shop.Protections[0].Reviews, shop.Protections[0].Push = 1, []string{"team:core"}
	shop.Protections[1].Pattern = "other/*"
	shop.Rulesets[0].Checks.Apps, shop.Rulesets[0].ID, shop.Rulesets[1].PullRequest = nil, 8, &organization.PullRule{Reviews: 1}
	shop.Rulesets = shop.Rulesets[:3]
	reading := &organization.Reading{
		Found: has, Renamed: map[string]string{"2.x": "3.x"}, Moved: map[string]string{"2_x": "elsewhere/2_x"},
		Unknown: []organization.Unknown{{Part: organization.Teams, Reason: "team x: why"}, {Repository: "3.x", Part: organization.Protections, Reason: "because"}, {Repository: "y", Part: organization.All, Reason: "hidden"}},
	}
	reading.Unknown = reading.Unknown[1:]
	plan := organization.Compare(list, reading)
	golden.Compare(t, "testdata/plan.txt", plan.Text())
	golden.Compare(t, "testdata/plan.md", plan.Markdown())
	data, err := plan.JSON()
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "testdata/plan.json", data)
	if same := organization.Compare(list, &organization.Reading{Found: parse(t, smallList)}); string(same.Text()) != "acme: the list and GitHub agree\n" {
		t.Errorf("of the same:\n%s", same.Text())
	}
}

// TestNothingKnown: what could not be read is not compared, and an export keeps it.
func TestNothingKnown(t *testing.T) {
	list := parse(t, smallList)
	reading := &organization.Reading{Found: &organization.List{Name: "acme"}}
	for _, part := range []organization.Part{organization.People, organization.Teams, organization.Settings} {
		reading.Unknown = append(reading.Unknown, organization.Unknown{Part: part, Reason: "x"})
	}
	for i, r := range list.Repositories {
		reading.Found.Repositories = append(reading.Found.Repositories, organization.Repository{
			Name: r.Name, Visibility: r.Visibility, Archived: r.Archived, Description: r.Description, DefaultBranch: r.DefaultBranch, Branches: r.Branches, Files: r.Files,
		})
		parts := []organization.Part{organization.Collaborators, organization.Protections, organization.Rulesets}
		if i == 0 {
			parts = []organization.Part{organization.All}
		}
		for _, part := range parts {
			reading.Unknown = append(reading.Unknown, organization.Unknown{Repository: r.Name, Part: part, Reason: "x"})
		}
	}
	if plan := organization.Compare(list, reading); len(plan.Differences) > 0 || len(plan.Unknown) != len(reading.Unknown) {
		t.Errorf("it is compared all the same:\n%s", plan.Text())
	}
	want, err := list.YAML("")
	if err != nil {
		t.Fatal(err)
	}
	got, err := organization.Merge(list, reading).YAML("")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the export lost something (-listed +exported):\n%s", diff)
	}
}

// TestMerge: an export takes what GitHub has, and keeps what only the list knows.
func TestMerge(t *testing.T) {
	list := parse(t, `name: acme
files: [{path: .github/CODEOWNERS}]
repositories:
  - {name: old, role: tool, lines: [nightly], files: [x.txt]}
  - {name: gone, role: source}
`)
	has := parse(t, `name: acme
people: [{login: jane}]
repositories:
  - {name: new, role: source, files: [.github/CODEOWNERS, x.txt, .github/workflows/ci.yml]}
  - {name: mirror-x, role: source, archived: true, files: [CODEOWNERS]}
`)
	got, err := organization.Merge(list, &organization.Reading{Found: has, Renamed: map[string]string{"old": "new"}}).YAML("")
	if err != nil {
		t.Fatal(err)
	}
	want := `# yaml-language-server: $schema=organization.schema.json
name: acme
people:
  - login: jane
files:
  - path: .github/CODEOWNERS
repositories:
  - name: mirror-x
    role: mirror
    archived: true
  - name: new
    role: tool
    lines:
      - nightly
    files:
      - .github/workflows/ci.yml
      - x.txt
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestListedTwice: a renamed repository that the list has under both names.
func TestListedTwice(t *testing.T) {
	list := parse(t, "name: acme\nrepositories: [{name: old, role: tool}, {name: new, role: tool}]\n")
	has := parse(t, "name: acme\nrepositories: [{name: new, role: tool}]\n")
	plan := organization.Compare(list, &organization.Reading{Found: has, Renamed: map[string]string{"old": "new"}})
	want := []organization.Difference{{"old", organization.RepositoryRule, "repository", "public", "moved to acme/new"}}
	if diff := cmp.Diff(want, plan.Differences); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
