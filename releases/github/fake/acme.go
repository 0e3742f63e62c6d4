package fake

import "fmt"

// Acme is an organization of a hundred repositories, six teams and twelve people:
// with archived and private repositories, an empty one, a team without members,
// protections of both kinds, wildcards and rules that few know.
func Acme() *Organization {
	o := &Organization{Login: "acme", Base: "read", TwoFactor: true}
	for i := range 12 {
		o.People = append(o.People, &Person{Login: fmt.Sprintf("person-%02d", i+1), Admin: i < 2})
	}
	for i, slug := range []string{"core", "distribution", "infrastructure", "content", "ci", "emeritus"} {
		t := &Team{Slug: slug, Name: "Team " + slug, Description: "Who does " + slug, Secret: i == 4, Repositories: map[string]string{}}
		if slug != "emeritus" {
			t.Maintainers = []string{o.People[i].Login}
			t.Members = []string{o.People[i+1].Login, o.People[i+6].Login}
		}
		if slug == "distribution" {
			t.Parent = "core"
		}
		o.Teams = append(o.Teams, t)
	}
	for i := range 100 {
		o.Repositories = append(o.Repositories, acmeRepository(o, i))
	}
	return o
}

func acmeRepository(o *Organization, i int) *Hosted {
	h := &Hosted{
		Name: fmt.Sprintf("module-%02d", i), Description: fmt.Sprintf("Module %d: \"quoted\", ${not} a variable", i), Visibility: "PUBLIC",
		DefaultBranch: "main", Branches: []string{"2.4-develop", "release/1.x"}, Files: []string{".github/CODEOWNERS", ".github/workflows/ci.yml", "composer.json"},
		People: map[string]string{}, Archived: i%25 == 24,
	}
	o.Team("core").Repositories[h.Name] = "MAINTAIN"
	switch i % 5 {
	case 0:
		count := int32(2)
		h.Protections = []*Protection{{
			Pattern: "*", RequiresApprovingReviews: true, RequiredApprovingReviewCount: &count, RequiresCodeOwnerReviews: true, DismissesStaleReviews: true,
			RestrictsReviewDismissals: true, Dismissals: []string{"team:core", "user:person-01"}, RequiresStatusChecks: true, RequiresStrictStatusChecks: true,
			Contexts: []string{"ci", "lint"}, RestrictsPushes: true, Push: []string{"team:core", "app:nightly-bot"}, IsAdminEnforced: true,
		}, {Pattern: "release/*", RequiresLinearHistory: true, RequiresCommitSignatures: true, BypassForce: []string{"user:person-02"}}}
	case 1:
		h.Rulesets = []*Ruleset{{
			ID: int32(1000 + i), Name: "main", Target: "BRANCH", Enforcement: "ACTIVE", Include: []string{"~DEFAULT_BRANCH", "refs/heads/release/**"},
			Rules: []string{"NON_FAST_FORWARD", "DELETION"}, Pull: &PullRequestParameters{RequiredApprovingReviewCount: 1, RequireCodeOwnerReview: true},
			Checks: []string{"ci", "lint"}, App: 15368, Strict: true, Bypass: []Bypass{{"team:infrastructure", "ALWAYS"}, {"role:maintain", "PULL_REQUEST"}, {"organization-admin", "ALWAYS"}, {"app:77", "ALWAYS"}},
		}, {ID: int32(2000 + i), Name: "tags", Target: "TAG", Enforcement: "ACTIVE", Include: []string{"~ALL"}, Rules: []string{"UPDATE", "DELETION"}}}
	case 2:
		o.Team("distribution").Repositories[h.Name] = "WRITE"
		h.People["person-12"] = "ADMIN"
	case 3:
		h.Visibility = "PRIVATE"
		o.Team("ci").Repositories[h.Name] = "ADMIN"
		h.People["a-guest"] = "READ"
	}
	switch i {
	case 98:
		h.DefaultBranch, h.Branches, h.Files = "", nil, nil // nothing was pushed yet
	case 96:
		h.Rulesets = append(h.Rulesets, &Ruleset{ID: 9, Name: "queue", Target: "BRANCH", Enforcement: "EVALUATE", Rules: []string{"MERGE_QUEUE"}})
	}
	return h
}
