package releases

import (
	"strings"
	"sync"

	"github.com/mage-os/nightly/releases/config"
)

// An Organization is the declared list of what a GitHub organization has: its
// people, teams and repositories, and who may do what in them. releases/github
// reads the same from GitHub; releases/organization compares the two.
type Organization struct {
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
	// People are its members.
	People []Person `json:"people"`
	Teams  []Team   `json:"teams"`
	// Files are those that repositories must have by their role.
	Files []RequiredFile `json:"files"`
	// Repositories are in byte order of their names in what is exported.
	Repositories []ListedRepository `json:"repositories"`
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

// A ListedRepository is one repository of the organization.
type ListedRepository struct {
	Name        string `json:"name"`
	Role        string `json:"role"` // one of RepositoryRoles
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

// RepositoryRoles are the roles of repositories: what packages are built from,
// what follows another repository, what the project works with, all else.
var RepositoryRoles = []string{"source", "mirror", "tool", "other"}

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

// Repository gives the repository of that name, whatever the case of its letters:
// GitHub makes no difference.
func (o *Organization) Repository(name string) (ListedRepository, bool) {
	for _, r := range o.Repositories {
		if strings.EqualFold(r.Name, name) {
			return r, true
		}
	}
	return ListedRepository{}, false
}

// GitURL is the https:// URL of a repository of the organization.
func (o *Organization) GitURL(repository string) string {
	return o.URL + o.Name + "/" + repository + ".git"
}

// RequiredFiles are the files that a repository must have, by its own list and by
// its role.
func (o *Organization) RequiredFiles(r ListedRepository) []string {
	var files []string
	add := func(path string) {
		for _, f := range files {
			if f == path {
				return
			}
		}
		files = append(files, path)
	}
	if r.Archived {
		return nil
	}
	for _, f := range o.Files {
		if f.forRole(r.Role) {
			add(f.Path)
		}
	}
	for _, f := range r.Files {
		add(f)
	}
	return files
}

func (f RequiredFile) forRole(role string) bool {
	for _, r := range f.Roles {
		if r == role {
			return true
		}
	}
	return len(f.Roles) == 0
}

// listedPrefix begins the URL of a repository that organization.yaml lists.
const listedPrefix = "organization:"

// declared is the list that the program carries.
var declared = sync.OnceValues(DeclaredOrganization)

// nameListed puts the URLs of listed repositories where a line names those:
// organization:mageos-magento2. A repository's host and owner are said once, in
// organization.yaml.
func nameListed(l *Line, add func(at config.Path, format string, args ...any)) {
	for _, at := range l.gitURLs() {
		listed, ok := strings.CutPrefix(*at.url, listedPrefix)
		if !ok {
			continue
		}
		list, err := declared()
		if err != nil {
			add(at.path, "%v", err)
			continue
		}
		r, ok := list.Repository(listed)
		if !ok {
			add(at.path, "there is no repository %s in releases/organization.yaml%s; add it there, or give its https:// URL here", listed, list.near(listed))
			continue
		}
		*at.url = list.GitURL(r.Name)
	}
}

// A lineURL is the URL of a git repository in a line.
type lineURL struct {
	path config.Path
	url  *string
}

func (l *Line) gitURLs() []lineURL {
	var urls []lineURL
	for i := range l.Repositories {
		urls = append(urls, lineURL{config.At("repositories", i, "url"), &l.Repositories[i].URL})
	}
	for i := range l.Editions {
		for j := range l.Editions[i].Require {
			urls = append(urls, lineURL{config.At("editions", i, "require", j, "latest-tag"), &l.Editions[i].Require[j].LatestTag})
		}
	}
	if l.Data != nil {
		urls = append(urls, lineURL{config.At("data", "url"), &l.Data.URL})
	}
	return urls
}

func (o *Organization) near(wrong string) string {
	names := make([]string, len(o.Repositories))
	for i, r := range o.Repositories {
		names[i] = r.Name
	}
	if near, ok := config.Nearest(wrong, names); ok {
		return ", did you mean " + near + "?"
	}
	return ""
}
