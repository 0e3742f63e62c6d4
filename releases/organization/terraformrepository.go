package organization

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// undeclared are the settings of a repository that the list does not hold: what the
// provider would switch off, or set to its own defaults, when they are left out.
var undeclared = []string{
	"allow_auto_merge", "allow_merge_commit", "allow_rebase_merge", "allow_squash_merge", "allow_update_branch", "auto_init",
	"delete_branch_on_merge", "gitignore_template", "has_discussions", "has_downloads", "has_issues", "has_projects", "has_wiki", "homepage_url",
	"is_template", "license_template", "merge_commit_message", "merge_commit_title", "pages", "security_and_analysis",
	"squash_merge_commit_message", "squash_merge_commit_title", "template", "topics", "vulnerability_alerts", "web_commit_signoff_required",
}

// providerWord is what the provider calls a permission.
func providerWord(permission string) string {
	switch permission {
	case "read":
		return "pull"
	case "write":
		return "push"
	}
	return permission
}

func (w *writer) repository(r Repository) {
	b := w.resource("github_repository", label(r.Name), r.Name)
	b.SetAttributeValue("name", cty.StringVal(r.Name))
	ignored := slices.Clone(undeclared)
	if r.Description != "" {
		b.SetAttributeValue("description", cty.StringVal(r.Description))
	} else {
		ignored = append(ignored, "description")
	}
	b.SetAttributeValue("visibility", cty.StringVal(r.Visibility))
	if r.Archived {
		b.SetAttributeValue("archived", cty.True)
	}
	// A repository that is taken out of the list is archived, not deleted.
	b.SetAttributeValue("archive_on_destroy", cty.True)
	keep(b, ignored...)
	if r.Archived {
		w.leave("repository %s is archived: nothing in it can be changed, and the configuration holds nothing else of it", r.Name)
		return
	}
	if r.DefaultBranch != "" {
		b := w.resource("github_branch_default", label(r.Name), r.Name)
		b.SetAttributeTraversal("repository", reference("github_repository", label(r.Name), "name"))
		b.SetAttributeValue("branch", cty.StringVal(r.DefaultBranch))
		keep(b)
	}
	w.access(r)
	for _, p := range r.Protections {
		w.protection(r.Name, p)
	}
	for _, s := range r.Rulesets {
		w.ruleset(r.Name, s)
	}
}

// access is the whole of who has a permission of their own.
func (w *writer) access(r Repository) {
	if len(r.Teams)+len(r.People) == 0 {
		return
	}
	b := w.resource("github_repository_collaborators", label(r.Name), r.Name)
	b.SetAttributeTraversal("repository", reference("github_repository", label(r.Name), "name"))
	for _, slug := range slices.Sorted(maps.Keys(r.Teams)) {
		if w.inherits(slug, r.Teams) {
			continue
		}
		team := b.AppendNewBlock("team", nil).Body()
		team.SetAttributeTraversal("team_id", reference("github_team", label(slug), "slug"))
		team.SetAttributeValue("permission", cty.StringVal(providerWord(r.Teams[slug])))
	}
	for _, login := range slices.Sorted(maps.Keys(r.People)) {
		user := b.AppendNewBlock("user", nil).Body()
		user.SetAttributeValue("username", cty.StringVal(login))
		user.SetAttributeValue("permission", cty.StringVal(providerWord(r.People[login])))
	}
	keep(b)
}

// inherits says that a team has its permission already from a team above it, which
// is how GitHub lists it, too: written once more, it would be given a second time.
func (w *writer) inherits(slug string, permissions map[string]string) bool {
	parents := map[string]string{}
	for _, t := range w.list.Teams {
		parents[t.Slug] = t.Parent
	}
	for above := parents[slug]; above != ""; above = parents[above] {
		if permissions[above] == permissions[slug] {
			return true
		}
	}
	return false
}

func (w *writer) protection(repository string, p Protection) {
	id := repository + ":" + p.Pattern
	b := w.resource("github_branch_protection", label(id), id)
	b.SetAttributeTraversal("repository_id", reference("github_repository", label(repository), "node_id"))
	b.SetAttributeValue("pattern", cty.StringVal(p.Pattern))
	for _, setting := range []struct {
		name string
		on   bool
	}{
		{"enforce_admins", p.EnforceAdmins}, {"allows_deletions", p.Deletions}, {"allows_force_pushes", p.ForcePushes},
		{"require_signed_commits", p.Signatures}, {"required_linear_history", p.LinearHistory},
		{"require_conversation_resolution", p.Conversations}, {"lock_branch", p.Lock},
	} {
		b.SetAttributeValue(setting.name, cty.BoolVal(setting.on))
	}
	w.actors(b, "force_push_bypassers", p.BypassForcePushes)
	if p.PullRequest {
		w.reviews(b.AppendNewBlock("required_pull_request_reviews", nil).Body(), p)
	}
	if p.StatusChecks {
		checks := b.AppendNewBlock("required_status_checks", nil).Body()
		checks.SetAttributeValue("strict", cty.BoolVal(p.StrictChecks))
		checks.SetAttributeValue("contexts", texts(p.Checks))
	}
	if p.RestrictPushes {
		pushes := b.AppendNewBlock("restrict_pushes", nil).Body()
		pushes.SetAttributeValue("blocks_creations", cty.BoolVal(p.BlockCreations))
		w.actors(pushes, "push_allowances", p.Push)
	}
	keep(b)
}

func (w *writer) reviews(b *hclwrite.Body, p Protection) {
	b.SetAttributeValue("required_approving_review_count", cty.NumberIntVal(int64(p.Reviews)))
	b.SetAttributeValue("require_code_owner_reviews", cty.BoolVal(p.CodeOwnerReviews))
	b.SetAttributeValue("dismiss_stale_reviews", cty.BoolVal(p.DismissStaleReviews))
	b.SetAttributeValue("require_last_push_approval", cty.BoolVal(p.LastPushApproval))
	b.SetAttributeValue("restrict_dismissals", cty.BoolVal(p.RestrictDismissals))
	w.actors(b, "dismissal_restrictions", p.Dismissals)
	w.actors(b, "pull_request_bypassers", p.BypassPullRequests)
}

// actors writes who may do something as the provider does: /jane for a person,
// acme/core for a team, and the node id of an app, which is looked up.
func (w *writer) actors(b *hclwrite.Body, attribute string, actors []string) {
	if len(actors) == 0 {
		return
	}
	var items []hclwrite.Tokens
	for _, actor := range slices.Sorted(slices.Values(actors)) {
		kind, name, _ := strings.Cut(actor, ":")
		switch kind {
		case "team":
			items = append(items, hclwrite.TokensForValue(cty.StringVal(w.list.Name+"/"+name)))
		case "user":
			items = append(items, hclwrite.TokensForValue(cty.StringVal("/"+name)))
		case "app":
			w.apps[name] = true
			items = append(items, hclwrite.TokensForTraversal(reference("data", "github_app", label(name), "node_id")))
		}
	}
	b.SetAttributeRaw(attribute, hclwrite.TokensForTuple(items))
}

// roleIDs are GitHub's own roles that may bypass a ruleset (GitHub's REST
// documentation, "Rules").
var roleIDs = map[string]int64{"maintain": 2, "write": 4, "admin": 5}

// ruleset writes a ruleset, unless there is something in it that would be lost.
func (w *writer) ruleset(repository string, s Ruleset) {
	if why := unwritable(s); why != "" {
		w.leave("ruleset %s of %s is not in the configuration, since applying would take its parts away that the list does not describe: %s", s.Name, repository, why)
		return
	}
	id := ""
	if s.ID > 0 {
		id = repository + ":" + strconv.Itoa(s.ID)
	} else {
		w.leave("ruleset %s of %s has no id in the list: it is not imported but made; mageos-nightly org export writes the id", s.Name, repository)
	}
	b := w.resource("github_repository_ruleset", label(repository+":"+s.Name), id)
	b.SetAttributeTraversal("repository", reference("github_repository", label(repository), "name"))
	b.SetAttributeValue("name", cty.StringVal(s.Name))
	b.SetAttributeValue("target", cty.StringVal(s.Target))
	b.SetAttributeValue("enforcement", cty.StringVal(s.Enforcement))
	if s.Target != "push" {
		refs := b.AppendNewBlock("conditions", nil).Body().AppendNewBlock("ref_name", nil).Body()
		refs.SetAttributeValue("include", texts(s.Include))
		refs.SetAttributeValue("exclude", texts(s.Exclude))
	}
	for _, bypass := range s.Bypass {
		w.bypass(b.AppendNewBlock("bypass_actors", nil).Body(), bypass)
	}
	rules(b.AppendNewBlock("rules", nil).Body(), s)
	keep(b)
}

func unwritable(s Ruleset) string {
	if len(s.Other) > 0 {
		return "rules " + strings.Join(s.Other, ", ")
	}
	for _, b := range s.Bypass {
		role, isRole := strings.CutPrefix(b.Actor, "role:")
		app, isApp := strings.CutPrefix(b.Actor, "app:")
		_, err := strconv.Atoi(app)
		if isRole && roleIDs[role] == 0 || isApp && err != nil || strings.HasPrefix(b.Actor, "user:") {
			return fmt.Sprintf("%s may bypass it, whose number is not known", b.Actor)
		}
	}
	return ""
}

func (w *writer) bypass(b *hclwrite.Body, bypass BypassRule) {
	kind, name, _ := strings.Cut(bypass.Actor, ":")
	switch kind {
	case "team":
		b.SetAttributeTraversal("actor_id", reference("github_team", label(name), "id"))
		b.SetAttributeValue("actor_type", cty.StringVal("Team"))
	case "role":
		b.SetAttributeValue("actor_id", cty.NumberIntVal(roleIDs[name]))
		b.SetAttributeValue("actor_type", cty.StringVal("RepositoryRole"))
	case "app":
		number, _ := strconv.ParseInt(name, 10, 64) // unwritable has looked
		b.SetAttributeValue("actor_id", cty.NumberIntVal(number))
		b.SetAttributeValue("actor_type", cty.StringVal("Integration"))
	case "organization-admin":
		b.SetAttributeValue("actor_type", cty.StringVal("OrganizationAdmin"))
	case "deploy-key":
		b.SetAttributeValue("actor_type", cty.StringVal("DeployKey"))
	}
	b.SetAttributeValue("bypass_mode", cty.StringVal(bypass.Mode))
}

func rules(b *hclwrite.Body, s Ruleset) {
	for _, rule := range slices.Sorted(slices.Values(s.Rules)) {
		b.SetAttributeValue(rule, cty.True)
	}
	if p := s.PullRequest; p != nil {
		pull := b.AppendNewBlock("pull_request", nil).Body()
		pull.SetAttributeValue("required_approving_review_count", cty.NumberIntVal(int64(p.Reviews)))
		pull.SetAttributeValue("require_code_owner_review", cty.BoolVal(p.CodeOwnerReviews))
		pull.SetAttributeValue("dismiss_stale_reviews_on_push", cty.BoolVal(p.DismissStaleReviews))
		pull.SetAttributeValue("require_last_push_approval", cty.BoolVal(p.LastPushApproval))
		pull.SetAttributeValue("required_review_thread_resolution", cty.BoolVal(p.Conversations))
	}
	if c := s.Checks; c != nil && len(c.Contexts) > 0 {
		checks := b.AppendNewBlock("required_status_checks", nil).Body()
		checks.SetAttributeValue("strict_required_status_checks_policy", cty.BoolVal(c.Strict))
		for _, context := range slices.Sorted(slices.Values(c.Contexts)) {
			check := checks.AppendNewBlock("required_check", nil).Body()
			check.SetAttributeValue("context", cty.StringVal(context))
			if app := c.Apps[context]; app > 0 {
				check.SetAttributeValue("integration_id", cty.NumberIntVal(int64(app)))
			}
		}
	}
}
