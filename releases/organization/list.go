package organization

import (
	"slices"
	"strings"
)

// A List declares what a GitHub organization has: its people, teams and repositories,
// and who may do what in them.
type List struct {
	// Name is the organization's login.
	Name string `json:"name"`
	// URL is the GitHub where it is, with a slash at its end.
	URL string `json:"url"`
	// BasePermission is what every member may do in every repository: none, read,
	// write or admin. Empty: not declared.
	BasePermission string `json:"base-permission"`
	// TwoFactor is whether members need two-factor authentication: required or
	// optional. Empty: not declared.
	TwoFactor string `json:"two-factor"`
	// AppliedBy is the folder or URL of the configuration for OpenTofu or Terraform that changes
	// the organization, with its VariablesFile. Empty: what Terraform writes of this list.
	AppliedBy string `json:"applied-by"`
	// People are its members.
	People []Person `json:"people"`
	Teams  []Team   `json:"teams"`
	// Files are those that repositories must have by their role.
	Files []RequiredFile `json:"files"`
	// Repositories are in byte order of their names in what is exported.
	Repositories []Repository `json:"repositories"`
}

// A Person is a member of the organization.
type Person struct {
	Login string `json:"login"`
	Role  string `json:"role"` // MemberRole or AdminRole
}

// The roles of people in an organization.
const (
	MemberRole = "member"
	AdminRole  = "admin" // GitHub's pages call it owner
)

// A Team is a team of the organization.
type Team struct {
	Slug        string   `json:"slug"` // how GitHub's addresses write it
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Privacy     string   `json:"privacy"` // ClosedTeam or SecretTeam
	Parent      string   `json:"parent"`  // slug; empty: none
	Maintainers []string `json:"maintainers"`
	Members     []string `json:"members"` // beside the maintainers
}

// How visible a team is.
const (
	ClosedTeam = "closed" // to all members of the organization
	SecretTeam = "secret" // to its own
)

// A RequiredFile is a file that every repository of some roles must have. Archived
// repositories need none.
type RequiredFile struct {
	Path  string   `json:"path"`
	Roles []string `json:"roles"` // empty: of every role
}

// A Repository is one repository of the organization.
type Repository struct {
	Name        string `json:"name"`
	Role        string `json:"role"` // one of Roles
	Description string `json:"description"`
	// Lines are the release lines that build it.
	Lines         []string `json:"lines"`
	Visibility    string   `json:"visibility"` // public, private or internal
	Archived      bool     `json:"archived"`
	DefaultBranch string   `json:"default-branch"` // empty: not declared, or the repository is empty
	// Branches are those that must be there beside the default branch.
	Branches []string `json:"branches"`
	// Teams are the permissions of teams by slug, People those of single people,
	// members or not, by login: one of Permissions, or a role of the organization's
	// own.
	Teams       map[string]string `json:"teams"`
	People      map[string]string `json:"people"`
	Protections []Protection      `json:"protections"`
	Rulesets    []Ruleset         `json:"rulesets"`
	// Files are those that it must have beside those of its role.
	Files []string `json:"files"`
}

// Roles are the roles of repositories: what packages are built from,
// what follows another repository, what the project works with, all else.
var Roles = []string{"source", "mirror", "tool", "other"}

// Permissions are GitHub's own, from the least to the most.
var Permissions = []string{"read", "triage", "write", "maintain", "admin"}

// ParameterlessRules are the rules of a ruleset that have no parameters.
var ParameterlessRules = []string{"creation", "deletion", "non_fast_forward", "required_linear_history", "required_signatures", "update"}

// A Protection is a branch protection rule.
type Protection struct {
	Pattern string `json:"pattern"`
	// PullRequest says that branches change by pull requests only.
	PullRequest         bool     `json:"pull-request"`
	Reviews             int      `json:"reviews"` // approvals that a pull request needs
	CodeOwnerReviews    bool     `json:"code-owner-reviews"`
	DismissStaleReviews bool     `json:"dismiss-stale-reviews"`
	LastPushApproval    bool     `json:"last-push-approval"`
	RestrictDismissals  bool     `json:"restrict-dismissals"`
	Dismissals          []string `json:"dismissals"` // actors who may dismiss reviews
	BypassPullRequests  []string `json:"bypass-pull-requests"`
	StatusChecks        bool     `json:"status-checks"`
	StrictChecks        bool     `json:"strict-checks"`
	Checks              []string `json:"checks"` // their contexts
	Conversations       bool     `json:"conversations"`
	Signatures          bool     `json:"signatures"`
	LinearHistory       bool     `json:"linear-history"`
	EnforceAdmins       bool     `json:"enforce-admins"`
	RestrictPushes      bool     `json:"restrict-pushes"`
	BlockCreations      bool     `json:"block-creations"`
	Push                []string `json:"push"` // actors who may push
	ForcePushes         bool     `json:"force-pushes"`
	BypassForcePushes   []string `json:"bypass-force-pushes"`
	Deletions           bool     `json:"deletions"`
	Lock                bool     `json:"lock"`
}

// A Ruleset is a ruleset of one repository. Those of the organization are not
// declared here.
type Ruleset struct {
	Name        string   `json:"name"`
	ID          int      `json:"id"`     // GitHub's; 0: not known
	Target      string   `json:"target"` // branch, tag or push
	Enforcement string   `json:"enforcement"`
	Include     []string `json:"include"`
	Exclude     []string `json:"exclude"`
	// Rules are those without parameters, by GitHub's names: deletion,
	// non_fast_forward, …
	Rules       []string     `json:"rules"`
	PullRequest *PullRule    `json:"pull-request"`
	Checks      *CheckRule   `json:"checks"`
	Bypass      []BypassRule `json:"bypass"`
	// Other are rules that this list does not describe further, by GitHub's names.
	Other []string `json:"other"`
}

// A PullRule is the rule that branches change by pull requests only.
type PullRule struct {
	Reviews             int  `json:"reviews"`
	CodeOwnerReviews    bool `json:"code-owner-reviews"`
	DismissStaleReviews bool `json:"dismiss-stale-reviews"`
	LastPushApproval    bool `json:"last-push-approval"`
	Conversations       bool `json:"conversations"`
}

// A CheckRule is the rule that checks have to pass.
type CheckRule struct {
	Strict   bool     `json:"strict"`
	Contexts []string `json:"contexts"`
	// Apps are the numbers of the apps that a check has to come from, by context; the
	// others may come from anybody who can write statuses.
	Apps map[string]int `json:"apps"`
}

// A BypassRule says who may bypass a ruleset.
type BypassRule struct {
	Actor string `json:"actor"` // team:SLUG, role:NAME, app:NUMBER, organization-admin or deploy-key
	Mode  string `json:"mode"`  // always or pull_request
}

// Repository gives the repository of that name, in whatever case: GitHub makes no
// difference.
func (l *List) Repository(name string) (Repository, bool) {
	i := slices.IndexFunc(l.Repositories, func(r Repository) bool { return isCalled(r, name) })
	if i < 0 {
		return Repository{}, false
	}
	return l.Repositories[i], true
}

func isCalled(r Repository, name string) bool { return strings.EqualFold(r.Name, name) }

// GitURL is the https:// URL of a repository of the organization.
func (l *List) GitURL(repository string) string {
	return l.URL + l.Name + "/" + repository + ".git"
}

// RequiredFiles are the files that a repository must have, by its role and by its own
// list. An archived one needs none.
func (l *List) RequiredFiles(r Repository) []string {
	if r.Archived {
		return nil
	}
	var files []string
	add := func(file string) {
		if !slices.Contains(files, file) {
			files = append(files, file)
		}
	}
	for _, f := range l.Files {
		if len(f.Roles) == 0 || slices.Contains(f.Roles, r.Role) {
			add(f.Path)
		}
	}
	for _, file := range r.Files {
		add(file)
	}
	return files
}
