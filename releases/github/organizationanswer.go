package github

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/mage-os/nightly/releases/organization"
)

// A repositoryAnswer is what repositoryQuery gives of one repository. The fields of
// answers have the names that the query gives them: the list's, where it has some, or
// GitHub's.
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

	Aliased map[string]json.RawMessage `json:",embed"` // the branches and files
}

// has says whether there is something under an alias.
func (a *repositoryAnswer) has(alias string) bool {
	return len(a.Aliased[alias]) > 0 && string(a.Aliased[alias]) != "null"
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
	organization.Protection

	MayDismiss, MayBypass, MayPush, MayForce listOf[actorAnswer]
}

// cut says that not all actors were read.
func (n protectionAnswer) cut() bool {
	return n.MayDismiss.cut() || n.MayBypass.cut() || n.MayPush.cut() || n.MayForce.cut()
}

// protection says what a rule demands. GitHub remembers settings of demands that are
// switched off; those are left out.
func (n protectionAnswer) protection() organization.Protection {
	p := n.Protection
	p.BypassForcePushes = actors(n.MayForce)
	if p.PullRequest {
		p.Dismissals, p.BypassPullRequests = actors(n.MayDismiss), actors(n.MayBypass)
	} else {
		p.Reviews, p.CodeOwnerReviews, p.DismissStaleReviews, p.LastPushApproval, p.RestrictDismissals = 0, false, false, false, false
	}
	if !p.StatusChecks {
		p.StrictChecks, p.Checks = false, nil
	}
	if p.RestrictPushes {
		p.Push = actors(n.MayPush)
	} else {
		p.BlockCreations = false
	}
	return p
}

type rulesetAnswer struct {
	organization.Ruleset

	Conditions struct {
		RefName *struct{ Include, Exclude []string }
	}
	BypassActors listOf[bypassAnswer]
	AllRules     listOf[ruleAnswer]
}

func (n rulesetAnswer) cut() bool { return n.BypassActors.cut() || n.AllRules.cut() }

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
		organization.PullRule

		Strict               bool
		RequiredStatusChecks []struct {
			Context       string
			IntegrationID *int
		}
	}
}

func (n rulesetAnswer) ruleset() organization.Ruleset {
	s := n.Ruleset
	s.Target, s.Enforcement = strings.ToLower(s.Target), strings.ToLower(s.Enforcement)
	if n.Conditions.RefName != nil {
		s.Include, s.Exclude = n.Conditions.RefName.Include, n.Conditions.RefName.Exclude
	}
	for _, b := range n.BypassActors.Nodes {
		s.Bypass = append(s.Bypass, organization.BypassRule{Actor: b.actor(), Mode: strings.ToLower(b.BypassMode)})
	}
	for _, rule := range n.AllRules.Nodes {
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
		s.PullRequest = &p.PullRule
	case name == "required_status_checks" && p != nil:
		s.Checks = &organization.CheckRule{Strict: p.Strict}
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
