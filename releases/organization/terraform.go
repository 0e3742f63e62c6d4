package organization

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/mage-os/nightly/releases/config"
)

// A Configuration is the list as configuration for OpenTofu or Terraform.
type Configuration struct {
	// HCL is formatted as the tools' own formatter does.
	HCL []byte
	// Left are the parts of the list that it does not hold, each with the reason.
	Left []string
}

//go:embed terraform.hcl.tmpl
var terraformText string

// Terraform writes the list as configuration for the GitHub provider. Every resource
// is imported before it is changed, and none is destroyed while it stands in the
// configuration. The same list gives the same bytes.
func Terraform(list *List) (*Configuration, error) {
	if list.AppliedBy != "" {
		return nil, config.Errorf("the list says that %s changes the organization (applied-by): a second state would change back what that one does. "+
			"Make the change there, or take applied-by out of the list once nobody applies it any more", list.AppliedBy)
	}
	w := &writer{list: list, apps: map[string]bool{}}
	if list.BasePermission != "" || list.TwoFactor != "" {
		w.leave("base-permission and two-factor are not in the configuration: with them the provider would set all other settings of the organization, too")
	}
	text, err := template.New("terraform").Funcs(template.FuncMap{
		"quote": quote, "label": label, "texts": texts, "sorted": sorted, "resource": resource, "keep": keep, "undeclared": keepUndeclared,
		"provided": provided, "bypasser": bypasser, "leave": w.leave, "inherits": w.inherits, "actors": w.actors, "writable": w.writable,
		"apps": func() []string { return slices.Sorted(maps.Keys(w.apps)) },
	}).Parse(terraformText)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := text.Execute(&b, list); err != nil {
		return nil, err
	}
	return &Configuration{HCL: hclwrite.Format(b.Bytes()), Left: w.left}, nil
}

// A writer knows what the template asks about the whole list.
type writer struct {
	list *List
	apps map[string]bool // slugs of apps that are looked up
	left []string
}

// leave notes what is not in the configuration; it writes nothing.
func (w *writer) leave(format string, args ...any) string {
	w.left = append(w.left, fmt.Sprintf(format, args...))
	return ""
}

func quote(text string) string { return string(hclwrite.TokensForValue(cty.StringVal(text)).Bytes()) }

var notInLabel = regexp.MustCompile(`[^A-Za-z0-9_-]`)

// label is the name of a resource: what it is called on GitHub, or as near to that
// as a name may be, with a digest. It depends on nothing else of the list, so that
// no resource gets the name of another when the list changes.
func label(name string) string {
	plain := notInLabel.ReplaceAllString(name, "_")
	if plain[0] == '-' || plain[0] >= '0' && plain[0] <= '9' {
		plain = "_" + plain
	}
	if plain == name {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return plain + "_" + hex.EncodeToString(sum[:3])
}

// resource begins a resource, with its import if the id is known.
func resource(kind, name, id string) string {
	text := "\n\n"
	if id != "" {
		text = fmt.Sprintf("\n\nimport {\nto = %s.%s\nid = %s\n}\n\n", kind, label(name), quote(id))
	}
	return text + fmt.Sprintf("resource %q %q {", kind, label(name))
}

// keep ends a resource: it is not to be destroyed, and some of its settings are not the
// list's business.
func keep(ignored ...string) string {
	text := "\n\nlifecycle {\nprevent_destroy = true\n"
	if len(ignored) > 0 {
		text += "ignore_changes = [" + strings.Join(ignored, ", ") + "]\n"
	}
	return text + "}\n}"
}

// undeclared are the settings of a repository that the list does not hold: what the
// provider would switch off, or set to its own defaults, when they are left out.
var undeclared = []string{
	"allow_auto_merge", "allow_merge_commit", "allow_rebase_merge", "allow_squash_merge", "allow_update_branch", "auto_init",
	"delete_branch_on_merge", "gitignore_template", "has_discussions", "has_downloads", "has_issues", "has_projects", "has_wiki", "homepage_url",
	"is_template", "license_template", "merge_commit_message", "merge_commit_title", "pages", "security_and_analysis",
	"squash_merge_commit_message", "squash_merge_commit_title", "template", "topics", "vulnerability_alerts", "web_commit_signoff_required",
}

// keepUndeclared ends a repository with that description.
func keepUndeclared(description string) string {
	if description == "" {
		return keep(append(slices.Clone(undeclared), "description")...)
	}
	return keep(undeclared...)
}

func sorted(all []string) []string { return slices.Sorted(slices.Values(all)) }

// texts is a list of texts in byte order.
func texts(all []string) string {
	all = sorted(all)
	for i, text := range all {
		all[i] = quote(text)
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// provided is what the provider calls a permission.
func provided(permission string) string {
	switch permission {
	case "read":
		permission = "pull"
	case "write":
		permission = "push"
	}
	return quote(permission)
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

// actors is an attribute that says who may do something, as the provider does: /jane for
// a person, acme/core for a team, and the node id of an app, which is looked up. There is
// none for nobody.
func (w *writer) actors(attribute string, actors []string) string {
	if len(actors) == 0 {
		return ""
	}
	var items []string
	for _, actor := range sorted(actors) {
		kind, name, _ := strings.Cut(actor, ":")
		switch kind {
		case "team":
			items = append(items, quote(w.list.Name+"/"+name))
		case "user":
			items = append(items, quote("/"+name))
		case "app":
			w.apps[name] = true
			items = append(items, "data.github_app."+label(name)+".node_id")
		}
	}
	return "\n" + attribute + " = [" + strings.Join(items, ", ") + "]"
}

// roleIDs are GitHub's own roles that may bypass a ruleset (GitHub's REST
// documentation, "Rules").
var roleIDs = map[string]int64{"maintain": 2, "write": 4, "admin": 5}

// writable says whether a ruleset can be written without losing something that is in it,
// and notes those that cannot, or that are not imported.
func (w *writer) writable(repository string, s Ruleset) bool {
	why := unwritable(s)
	switch {
	case why != "":
		w.leave("ruleset %s of %s is not in the configuration, since applying would take its parts away that the list does not describe: %s", s.Name, repository, why)
	case s.ID <= 0:
		w.leave("ruleset %s of %s has no id in the list: it is not imported but made; mageos-nightly org export writes the id", s.Name, repository)
	}
	return why == ""
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

// bypasser are the attributes of who may bypass a ruleset.
func bypasser(actor string) string {
	kind, name, _ := strings.Cut(actor, ":")
	switch kind {
	case "team":
		return "\nactor_id = github_team." + label(name) + ".id\nactor_type = \"Team\""
	case "role":
		return fmt.Sprintf("\nactor_id = %d\nactor_type = \"RepositoryRole\"", roleIDs[name])
	case "app":
		return "\nactor_id = " + name + "\nactor_type = \"Integration\""
	case "organization-admin":
		return "\nactor_type = \"OrganizationAdmin\""
	}
	return "\nactor_type = \"DeployKey\""
}
