package github

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/mage-os/nightly/releases/organization"
)

// A repositoryAnswer is what repositoryQuery gives of one repository. The fields of
// answers have GitHub's names, but for their first letters.
type repositoryAnswer struct {
	Name, Description, Visibility   string
	IsArchived, ViewerCanAdminister bool
	DefaultBranchRef                *struct{ Name string }
	Collaborators                   *struct {
		TotalCount int
		Edges      []struct {
			Permission string
			Node       struct{ Login string }
		}
	}
	BranchProtectionRules *listOf[protectionAnswer]
	Rulesets              *listOf[rulesetAnswer]
	Workflows             *struct {
		Entries []struct{ Name, Type string }
	}

	all map[string]json.RawMessage // by alias
}

// UnmarshalJSON keeps the aliases of branches and files.
func (a *repositoryAnswer) UnmarshalJSON(data []byte) error {
	type plain repositoryAnswer
	if err := json.Unmarshal(data, (*plain)(a)); err != nil {
		return err
	}
	return json.Unmarshal(data, &a.all)
}

// has says whether there is something under an alias.
func (a *repositoryAnswer) has(alias string) bool {
	return len(a.all[alias]) > 0 && string(a.all[alias]) != "null"
}

type listOf[T any] struct {
	TotalCount int
	Nodes      []T
}

func (l listOf[T]) cut() bool { return l.TotalCount > len(l.Nodes) }

type actorAnswer struct {
	Actor struct {
		Type        string `json:"__typename"`
		Slug, Login string
	}
}

// actors writes who may do something as the list does.
func actors(l listOf[actorAnswer]) []string {
	list := []string{}
	for _, n := range l.Nodes {
		switch n.Actor.Type {
		case "Team":
			list = append(list, "team:"+n.Actor.Slug)
		case "User":
			list = append(list, "user:"+n.Actor.Login)
		case "App":
			list = append(list, "app:"+n.Actor.Slug)
		}
	}
	return list
}

type protectionAnswer struct {
	Pattern string

	RequiresApprovingReviews, RequiresCodeOwnerReviews, DismissesStaleReviews bool
	RequireLastPushApproval, RestrictsReviewDismissals                        bool
	RequiredApprovingReviewCount                                              *int
	ReviewDismissalAllowances, BypassPullRequestAllowances                    listOf[actorAnswer]

	RequiresStatusChecks, RequiresStrictStatusChecks bool
	RequiredStatusCheckContexts                      []string

	RequiresConversationResolution, RequiresCommitSignatures, RequiresLinearHistory, IsAdminEnforced bool

	RestrictsPushes, BlocksCreations, AllowsForcePushes, AllowsDeletions, LockBranch bool
	PushAllowances, BypassForcePushAllowances                                        listOf[actorAnswer]
}

// cut says that not all actors were read.
func (n protectionAnswer) cut() bool {
	return n.ReviewDismissalAllowances.cut() || n.BypassPullRequestAllowances.cut() || n.PushAllowances.cut() || n.BypassForcePushAllowances.cut()
}

// protection says what a rule demands. GitHub remembers settings of demands that are
// switched off; those are left out.
func (n protectionAnswer) protection() organization.Protection {
	p := organization.Protection{
		Pattern: n.Pattern, PullRequest: n.RequiresApprovingReviews, StatusChecks: n.RequiresStatusChecks,
		Conversations: n.RequiresConversationResolution, Signatures: n.RequiresCommitSignatures, LinearHistory: n.RequiresLinearHistory,
		EnforceAdmins: n.IsAdminEnforced, RestrictPushes: n.RestrictsPushes, ForcePushes: n.AllowsForcePushes,
		BypassForcePushes: actors(n.BypassForcePushAllowances), Deletions: n.AllowsDeletions, Lock: n.LockBranch,
	}
	if n.RequiresApprovingReviews {
		p.CodeOwnerReviews, p.DismissStaleReviews, p.LastPushApproval = n.RequiresCodeOwnerReviews, n.DismissesStaleReviews, n.RequireLastPushApproval
		p.RestrictDismissals, p.Dismissals = n.RestrictsReviewDismissals, actors(n.ReviewDismissalAllowances)
		p.BypassPullRequests = actors(n.BypassPullRequestAllowances)
		if n.RequiredApprovingReviewCount != nil {
			p.Reviews = *n.RequiredApprovingReviewCount
		}
	}
	if n.RequiresStatusChecks {
		p.StrictChecks, p.Checks = n.RequiresStrictStatusChecks, n.RequiredStatusCheckContexts
	}
	if n.RestrictsPushes {
		p.BlockCreations, p.Push = n.BlocksCreations, actors(n.PushAllowances)
	}
	return p
}

type rulesetAnswer struct {
	DatabaseID                int
	Name, Target, Enforcement string
	Conditions                struct {
		RefName *struct{ Include, Exclude []string }
	}
	BypassActors listOf[bypassAnswer]
	Rules        listOf[ruleAnswer]
}

func (n rulesetAnswer) cut() bool { return n.BypassActors.cut() || n.Rules.cut() }

type bypassAnswer struct {
	BypassMode, RepositoryRoleName string
	OrganizationAdmin, DeployKey   bool
	Actor                          *struct {
		Slug       string
		DatabaseID int
	}
}

type ruleAnswer struct {
	Type       string
	Parameters *struct {
		RequiredApprovingReviewCount                            int
		RequireCodeOwnerReview, DismissStaleReviewsOnPush       bool
		RequireLastPushApproval, RequiredReviewThreadResolution bool
		StrictRequiredStatusChecksPolicy                        bool
		RequiredStatusChecks                                    []struct {
			Context       string
			IntegrationID *int
		}
	}
}

func (n rulesetAnswer) ruleset() organization.Ruleset {
	s := organization.Ruleset{Name: n.Name, ID: n.DatabaseID, Target: strings.ToLower(n.Target), Enforcement: strings.ToLower(n.Enforcement)}
	if n.Conditions.RefName != nil {
		s.Include, s.Exclude = n.Conditions.RefName.Include, n.Conditions.RefName.Exclude
	}
	for _, b := range n.BypassActors.Nodes {
		s.Bypass = append(s.Bypass, organization.BypassRule{Actor: b.actor(), Mode: strings.ToLower(b.BypassMode)})
	}
	for _, rule := range n.Rules.Nodes {
		rule.addTo(&s)
	}
	return s
}

func (b bypassAnswer) actor() string {
	switch {
	case b.OrganizationAdmin:
		return "organization-admin"
	case b.DeployKey:
		return "deploy-key"
	case b.RepositoryRoleName != "":
		return "role:" + b.RepositoryRoleName
	case b.Actor != nil && b.Actor.Slug != "":
		return "team:" + b.Actor.Slug
	case b.Actor != nil:
		return "app:" + strconv.Itoa(b.Actor.DatabaseID)
	}
	return "role:unknown"
}

func (rule ruleAnswer) addTo(s *organization.Ruleset) {
	name, p := strings.ToLower(rule.Type), rule.Parameters
	switch {
	case name == "pull_request" && p != nil:
		s.PullRequest = &organization.PullRule{
			Reviews: p.RequiredApprovingReviewCount, CodeOwnerReviews: p.RequireCodeOwnerReview, DismissStaleReviews: p.DismissStaleReviewsOnPush,
			LastPushApproval: p.RequireLastPushApproval, Conversations: p.RequiredReviewThreadResolution,
		}
	case name == "required_status_checks" && p != nil:
		s.Checks = &organization.CheckRule{Strict: p.StrictRequiredStatusChecksPolicy}
		for _, check := range p.RequiredStatusChecks {
			s.Checks.Contexts = append(s.Checks.Contexts, check.Context)
			if check.IntegrationID != nil && *check.IntegrationID > 0 {
				if s.Checks.Apps == nil {
					s.Checks.Apps = map[string]int{}
				}
				s.Checks.Apps[check.Context] = *check.IntegrationID
			}
		}
	case slices.Contains(organization.ParameterlessRules, name):
		s.Rules = append(s.Rules, name)
	default:
		s.Other = append(s.Other, name)
	}
}
