package organization

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wholeList has every key.
const wholeList = `name: acme
url: https://github.example.org/
base-permission: read
two-factor: required
people:
  - {login: jane, role: admin}
  - {login: john}
teams:
  - slug: core
    name: The core
    description: All that is central
    privacy: secret
    maintainers: [jane]
    members: [john]
  - {slug: docs, parent: core}
files:
  - {path: .github/CODEOWNERS, roles: [source, tool]}
repositories:
  - name: shop
    role: source
    description: The shop
    lines: [nightly]
    visibility: private
    default-branch: main
    branches: ["2.4"]
    teams: {core: maintain, docs: triage}
    people: {guest: read}
    protections:
      - pattern: "*"
        pull-request: true
        reviews: 2
        code-owner-reviews: true
        dismiss-stale-reviews: true
        last-push-approval: true
        restrict-dismissals: true
        dismissals: ["team:core"]
        bypass-pull-requests: ["user:jane"]
        status-checks: true
        strict-checks: true
        checks: [ci]
        conversations: true
        signatures: true
        linear-history: true
        enforce-admins: true
        restrict-pushes: true
        block-creations: true
        push: ["team:core", "app:bot"]
        force-pushes: false
        bypass-force-pushes: ["user:jane"]
        deletions: true
        lock: true
    rulesets:
      - name: main
        id: 7
        target: branch
        enforcement: evaluate
        include: [~DEFAULT_BRANCH]
        exclude: [refs/heads/tmp]
        rules: [deletion]
        pull-request: {reviews: 1, code-owner-reviews: true, dismiss-stale-reviews: true, last-push-approval: true, conversations: true}
        checks: {strict: true, contexts: [ci], apps: {ci: 15368}}
        bypass: [{actor: "team:core", mode: pull_request}]
        other: [merge_queue]
    files: [.github/workflows/ci.yml]
  - {name: old, role: other, archived: true}
`

func TestRoundTrip(t *testing.T) {
	o, err := Parse("list.yaml", []byte(wholeList))
	if err != nil {
		t.Fatal(err)
	}
	text, err := o.YAML("One\ntwo")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(text, []byte(head+"# One\n# two\nname: acme\n")) {
		t.Errorf("begins with %.200s", text)
	}
	again, err := Parse("again.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	o.Sort()
	if diff := cmp.Diff(o, again); diff != "" {
		t.Errorf("(-first +again):\n%s", diff)
	}
}

func TestRequiredFiles(t *testing.T) {
	o, err := Parse("list.yaml", []byte(wholeList))
	if err != nil {
		t.Fatal(err)
	}
	shop, _ := o.Repository("SHOP")
	old, _ := o.Repository("old")
	if diff := cmp.Diff([]string{".github/CODEOWNERS", ".github/workflows/ci.yml"}, o.RequiredFiles(shop)); diff != "" {
		t.Errorf("shop:\n%s", diff)
	}
	if files := o.RequiredFiles(old); files != nil {
		t.Errorf("an archived one needs %v", files)
	}
}

var badLists = []struct{ name, old, new, want string }{
	{"no name", "name: acme\n", "", "list.yaml:1:1: name: is missing"},
	{"no URL", "url: https://github.example.org/", "url: ssh://x/", `list.yaml:2:6: url: "ssh://x/": want https, as in`},
	{"base permission", "base-permission: read", "base-permission: pull", `base-permission: "pull" is unknown`},
	{"two-factor", "two-factor: required", "two-factor: require", `two-factor: "require" is unknown, did you mean required?`},
	{"unknown key", "reviews: 2", "review: 2", "list.yaml:31:9: repositories[shop].protections[0].review: unknown key, did you mean reviews?"},
	{"person twice", "login: john", "login: JANE", "people[JANE].login: stands in the list twice"},
	{"person's role", "role: admin", "role: owner", `people[jane].role: "owner" is unknown`},
	{"no such parent", "parent: core", "parent: cor", `teams[docs].parent: there is no team "cor", did you mean core?`},
	{"own parent", "privacy: secret", "privacy: secret\n    parent: docs", "teams[core].parent: the team is its own ancestor"},
	{"member who is nobody", "members: [john]", "members: [jack]", "jack is not among the people of the list"},
	{"in a team twice", "members: [john]", "members: [jane]", "teams[core].members[0]: stands in the list twice"},
	{"repository's role", "role: source", "role: sourc", `repositories[shop].role: "sourc" is unknown, did you mean source?`},
	{"repository twice", "name: old", "name: Shop", "repositories[Shop].name: stands in the list twice"},
	{"repository's name", "name: old", "name: a/b", `"a/b": want the name of a repository`},
	{"branch", `branches: ["2.4"]`, `branches: ["a b"]`, `"a b" holds ' '`},
	{"permission of the API", "core: maintain", "core: push", `"push": want GitHub's word, read or write`},
	{"permission misspelt", "core: maintain", "core: maintian", `"maintian" is unknown, did you mean maintain?`},
	{"permission of no team", "docs: triage", "dogs: triage", `there is no team "dogs", did you mean docs?`},
	{"reviews", "reviews: 2", "reviews: 11", "want a number from 0 to 10"},
	{"actor", `"app:bot"`, `"bot"`, `"bot": want an actor`},
	{"actor of no team", `dismissals: ["team:core"]`, `dismissals: ["team:nobody"]`, `there is no team "nobody"`},
	{"push without restriction", "restrict-pushes: true", "restrict-pushes: false", "restrict-pushes is not true"},
	{"checks that are not asked", "status-checks: true", "status-checks: false", "status-checks is not true"},
	{"rule", "rules: [deletion]", "rules: [deletions]", `"deletions" is unknown, did you mean deletion?`},
	{"target", "target: branch", "target: branches", `"branches" is unknown, did you mean branch?`},
	{"file outside", "files: [.github/workflows/ci.yml]", "files: [../x]", `"../x" holds '..'`},
}

func TestBadLists(t *testing.T) {
	for _, c := range badLists {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(wholeList, c.old, c.new, 1)
			if text == wholeList {
				t.Fatal("nothing is changed")
			}
			_, err := Parse("list.yaml", []byte(text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// TestSchemaHasAllFields: the schema and the types name the same keys.
func TestSchemaHasAllFields(t *testing.T) {
	type object struct {
		Properties map[string]any `json:"properties"`
		Additional *bool          `json:"additionalProperties"`
	}
	var doc struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(Schema(), &doc); err != nil {
		t.Fatal(err)
	}
	doc.Defs["organization"] = doc.object
	for def, value := range map[string]any{
		"organization": List{}, "person": Person{}, "team": Team{}, "required-file": RequiredFile{}, "repository": Repository{},
		"protection": Protection{}, "ruleset": Ruleset{}, "pull-rule": PullRule{}, "check-rule": CheckRule{}, "bypass-rule": BypassRule{},
	} {
		var want []string
		for field := range reflect.TypeOf(value).Fields() {
			want = append(want, field.Tag.Get("json"))
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(doc.Defs[def].Properties))); diff != "" {
			t.Errorf("%s (-type +schema):\n%s", def, diff)
		}
		if doc.Defs[def].Additional == nil || *doc.Defs[def].Additional {
			t.Errorf("%s: the schema allows unknown keys", def)
		}
	}
}

// TestDocumentedList: the list that docs show is one that can be copied.
func TestDocumentedList(t *testing.T) {
	text, err := os.ReadFile("../../docs/organization.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	example, _, closed := strings.Cut(rest, "```")
	o, err := Parse("docs/organization.md", []byte(example))
	if err != nil || !closed || len(o.Repositories) != 1 {
		t.Errorf("docs/organization.md: %v", err)
	}
}

// TestLabels: different things have different labels, whatever else is listed.
func TestLabels(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"shop", "a.b", "a_b", "a-b", "2x", "_2x", "-x", "_-x", "a:b_c", "a_b:c", "a:*", "a:?", "ä"} {
		made := label(name)
		if other, twice := seen[made]; twice {
			t.Errorf("%s and %s are both %s", name, other, made)
		}
		seen[made] = name
		if !notInLabel.MatchString(made) && (made[0] == '_' || made[0] >= 'A') {
			continue
		}
		t.Errorf("%s: %s is no identifier", name, made)
	}
}
