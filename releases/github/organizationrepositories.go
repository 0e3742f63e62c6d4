package github

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/organization"
)

// shown bounds the nested lists that are read with a repository. What has more is
// said to be unknown.
const shown = 50

// repositoryQuery asks what the list says of every repository.
const repositoryQuery = `fragment R on Repository {
	name description visibility isArchived viewerCanAdminister
	defaultBranchRef { name }
	collaborators(affiliation: DIRECT, first: 100) { totalCount edges { permission node { login } } }
	branchProtectionRules(first: 50) { totalCount nodes {
		pattern pullRequest: requiresApprovingReviews reviews: requiredApprovingReviewCount codeOwnerReviews: requiresCodeOwnerReviews
		dismissStaleReviews: dismissesStaleReviews lastPushApproval: requireLastPushApproval
		restrictDismissals: restrictsReviewDismissals mayDismiss: reviewDismissalAllowances(first: 50) { totalCount nodes { actor { ACTOR } } }
		mayBypass: bypassPullRequestAllowances(first: 50) { totalCount nodes { actor { ACTOR } } }
		statusChecks: requiresStatusChecks strictChecks: requiresStrictStatusChecks checks: requiredStatusCheckContexts
		conversations: requiresConversationResolution signatures: requiresCommitSignatures linearHistory: requiresLinearHistory enforceAdmins: isAdminEnforced
		restrictPushes: restrictsPushes blockCreations: blocksCreations mayPush: pushAllowances(first: 50) { totalCount nodes { actor { ACTOR } } }
		forcePushes: allowsForcePushes mayForce: bypassForcePushAllowances(first: 50) { totalCount nodes { actor { ACTOR } } }
		deletions: allowsDeletions lock: lockBranch
	} }
	rulesets(first: 50, includeParents: false) { totalCount nodes {
		id: databaseId name target enforcement conditions { refName { include exclude } }
		bypassActors(first: 50) { totalCount nodes { bypassMode organizationAdmin deployKey repositoryRoleName
			actor { __typename ... on Team { slug } ... on App { databaseId } }
		} }
		allRules: rules(first: 50) { totalCount nodes { type parameters {
			... on PullRequestParameters {
				reviews: requiredApprovingReviewCount codeOwnerReviews: requireCodeOwnerReview dismissStaleReviews: dismissStaleReviewsOnPush
				lastPushApproval: requireLastPushApproval conversations: requiredReviewThreadResolution
			}
			... on RequiredStatusChecksParameters { strict: strictRequiredStatusChecksPolicy requiredStatusChecks { context integrationId } }
		} } }
	} }
	workflows: object(expression: "HEAD:.github/workflows") { ... on Tree { entries { name type } } }
}
`

// actorFields are those of the three kinds of actors of a branch protection, which
// GitHub's schema gives different types.
const actorFields = "__typename ... on Team { slug } ... on User { login } ... on App { slug }"

// codeOwners are the places where GitHub looks for the owners of code.
var codeOwners = []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"}

const workflowsFolder = ".github/workflows/"

// repositories reads so many repositories with one request, or with two if GitHub
// fails over one that asks for so much.
func (r *reader) repositories(ctx context.Context, names []string) error {
	err := r.batch(ctx, names)
	if half := len(names) / 2; status(err) >= http.StatusInternalServerError && half > 0 {
		if err = r.repositories(ctx, names[:half]); err == nil {
			err = r.repositories(ctx, names[half:])
		}
	}
	return err
}

func (r *reader) batch(ctx context.Context, names []string) error {
	query := strings.ReplaceAll(repositoryQuery, "ACTOR", actorFields) + "query($login: String!) {"
	for i, name := range names {
		query += fmt.Sprintf("\n\tr%d: repository(owner: $login, name: %q) { ...R", i, name)
		for j, branch := range r.branchesOf(name) {
			query += fmt.Sprintf(" b%d: ref(qualifiedName: %q) { name }", j, "refs/heads/"+branch)
		}
		for j, file := range r.filesOf(name) {
			query += fmt.Sprintf(" f%d: object(expression: %q) { __typename }", j, "HEAD:"+file)
		}
		query += " }"
	}
	answer := map[string]*repositoryAnswer{}
	failed, err := r.ask(ctx, query+"\n}", map[string]any{"login": r.list.Name}, &answer)
	if err != nil {
		return err
	}
	for i, name := range names {
		alias := fmt.Sprintf("r%d", i)
		found := answer[alias]
		if found == nil {
			r.unknown(name, organization.All, "%s", reason(under(failed, 0, alias), "the token may not read it (Metadata: read)"))
			r.out.Found.Repositories = append(r.out.Found.Repositories, organization.Repository{Name: name})
			continue
		}
		r.add(found, under(failed, 0, alias))
	}
	return nil
}

// branchesOf are the branches to look for.
func (r *reader) branchesOf(name string) []string {
	branches := slices.Clone(r.listed(name).Branches)
	if branch := r.listed(name).DefaultBranch; branch != "" {
		branches = append(branches, branch)
	}
	slices.Sort(branches)
	return slices.Compact(branches)
}

// filesOf are the files to look for.
func (r *reader) filesOf(name string) []string {
	files := slices.Clone(codeOwners)
	for _, f := range r.list.RequiredFiles(r.listed(name)) {
		if !slices.Contains(files, f) {
			files = append(files, f)
		}
	}
	return files
}

// under are the errors whose path has that name at a depth: 0 is the alias of a
// repository, 1 one of its fields.
func under(all []graphError, depth int, name string) []graphError {
	return slices.DeleteFunc(slices.Clone(all), func(e graphError) bool { return len(e.Path) <= depth || e.Path[depth] != name })
}

// add takes one repository from an answer.
func (r *reader) add(a *repositoryAnswer, failed []graphError) {
	made := organization.Repository{
		Name: a.Name, Description: a.Description, Visibility: strings.ToLower(a.Visibility), Archived: a.IsArchived,
	}
	if a.DefaultBranchRef != nil {
		made.DefaultBranch = a.DefaultBranchRef.Name
	}
	for i, branch := range r.branchesOf(a.Name) {
		if a.has(fmt.Sprintf("b%d", i)) && branch != made.DefaultBranch {
			made.Branches = append(made.Branches, branch)
		}
	}
	for i, file := range r.filesOf(a.Name) {
		if a.has(fmt.Sprintf("f%d", i)) {
			made.Files = append(made.Files, file)
		}
	}
	if a.Workflows != nil {
		for _, entry := range a.Workflows.Entries {
			if file := workflowsFolder + entry.Name; entry.Type == "blob" && !slices.Contains(made.Files, file) {
				made.Files = append(made.Files, file)
			}
		}
	}
	r.collaborators(a, &made, under(failed, 1, "collaborators"))
	r.protections(a, &made, under(failed, 1, "branchProtectionRules"))
	r.rulesets(a, &made, under(failed, 1, "rulesets"))
	r.out.Found.Repositories = append(r.out.Found.Repositories, made)
}

func (r *reader) collaborators(a *repositoryAnswer, made *organization.Repository, failed []graphError) {
	switch {
	case a.Collaborators == nil:
		r.unknown(a.Name, organization.Collaborators, "%s", reason(failed, "the token may not read who has access (Metadata: read, as someone who may push)"))
		return
	case a.Collaborators.TotalCount > len(a.Collaborators.Edges):
		r.unknown(a.Name, organization.Collaborators, "it has %d people with access of their own, more than the %d that are read", a.Collaborators.TotalCount, len(a.Collaborators.Edges))
		return
	}
	made.People = map[string]string{}
	for _, e := range a.Collaborators.Edges {
		made.People[e.Node.Login] = strings.ToLower(e.Permission)
	}
}

func (r *reader) protections(a *repositoryAnswer, made *organization.Repository, failed []graphError) {
	rules := a.BranchProtectionRules
	switch {
	case rules == nil || len(rules.Nodes) == 0 && !a.ViewerCanAdminister:
		r.unknown(a.Name, organization.Protections, "%s", reason(failed, "the token may not read its branch protection (Administration: read)"))
		return
	case rules.TotalCount > len(rules.Nodes) || slices.ContainsFunc(rules.Nodes, protectionAnswer.cut):
		r.unknown(a.Name, organization.Protections, "it has more of them, or more actors in one of them, than the %d that are read", shown)
		return
	}
	for _, n := range rules.Nodes {
		made.Protections = append(made.Protections, n.protection())
	}
}

func (r *reader) rulesets(a *repositoryAnswer, made *organization.Repository, failed []graphError) {
	switch {
	case a.Rulesets == nil:
		r.unknown(a.Name, organization.Rulesets, "%s", reason(failed, "the token may not read its rulesets (Administration: read)"))
		return
	case a.Rulesets.TotalCount > len(a.Rulesets.Nodes) || slices.ContainsFunc(a.Rulesets.Nodes, rulesetAnswer.cut):
		r.unknown(a.Name, organization.Rulesets, "it has more of them, or more rules or actors in one of them, than the %d that are read", shown)
		return
	}
	for _, n := range a.Rulesets.Nodes {
		made.Rulesets = append(made.Rulesets, n.ruleset())
	}
}
