package organization

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// A Configuration is the list as configuration for OpenTofu or Terraform.
type Configuration struct {
	// HCL is formatted as the tools' own formatter does.
	HCL []byte
	// Left are the parts of the list that it does not hold, each with the reason.
	Left []string
}

// Terraform writes the list as configuration for the GitHub provider. Every resource
// is imported before it is changed, and none is destroyed while it stands in the
// configuration. The same list gives the same bytes.
func Terraform(list *List) *Configuration {
	w := &writer{list: list, file: hclwrite.NewEmptyFile(), apps: map[string]bool{}}
	w.head()
	if list.BasePermission != "" || list.TwoFactor != "" {
		w.leave("base-permission and two-factor are not in the configuration: with them the provider would set all other settings of the organization, too")
	}
	for _, p := range list.People {
		w.person(p)
	}
	for _, t := range list.Teams {
		w.team(t)
	}
	for _, r := range list.Repositories {
		w.repository(r)
	}
	for _, slug := range slices.Sorted(maps.Keys(w.apps)) {
		b := w.body().AppendNewBlock("data", []string{"github_app", label(slug)}).Body()
		b.SetAttributeValue("slug", cty.StringVal(slug))
	}
	return &Configuration{HCL: hclwrite.Format(w.file.Bytes()), Left: w.left}
}

type writer struct {
	list  *List
	file  *hclwrite.File
	apps  map[string]bool // slugs of apps that are looked up
	left  []string
	begun bool
}

// body is the file's, with an empty line after what is there.
func (w *writer) body() *hclwrite.Body {
	if w.begun {
		w.file.Body().AppendNewline()
	}
	w.begun = true
	return w.file.Body()
}

func (w *writer) comment(text string) {
	w.body().AppendUnstructuredTokens(hclwrite.Tokens{{Type: hclsyntax.TokenComment, Bytes: []byte("# " + text + "\n")}})
	w.begun = false // what it is about follows at once
}

// head says which provider, and of whom.
func (w *writer) head() {
	w.comment("Written by mageos-nightly org terraform; change the list instead, and write this again.")
	terraform := w.body().AppendNewBlock("terraform", nil).Body()
	terraform.SetAttributeValue("required_version", cty.StringVal(">= 1.6")) // import blocks
	terraform.AppendNewBlock("required_providers", nil).Body().SetAttributeValue("github", cty.ObjectVal(map[string]cty.Value{
		"source": cty.StringVal("integrations/github"), "version": cty.StringVal("~> 6.13"),
	}))
	provider := w.body().AppendNewBlock("provider", []string{"github"}).Body()
	provider.SetAttributeValue("owner", cty.StringVal(w.list.Name))
	if w.list.URL != "https://github.com/" {
		provider.SetAttributeValue("base_url", cty.StringVal(w.list.URL))
	}
}

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
func (w *writer) resource(kind, name, id string) *hclwrite.Body {
	if id != "" {
		b := w.body().AppendNewBlock("import", nil).Body()
		b.SetAttributeTraversal("to", reference(kind, name))
		b.SetAttributeValue("id", cty.StringVal(id))
	}
	return w.body().AppendNewBlock("resource", []string{kind, name}).Body()
}

// keep says that a resource is not to be destroyed, and which of its settings are
// not the list's business.
func keep(b *hclwrite.Body, ignored ...string) {
	b.AppendNewline()
	lifecycle := b.AppendNewBlock("lifecycle", nil).Body()
	lifecycle.SetAttributeValue("prevent_destroy", cty.True)
	if len(ignored) == 0 {
		return
	}
	var names []hclwrite.Tokens
	for _, name := range ignored {
		names = append(names, hclwrite.TokensForIdentifier(name))
	}
	lifecycle.SetAttributeRaw("ignore_changes", hclwrite.TokensForTuple(names))
}

func reference(kind, name string, attributes ...string) hcl.Traversal {
	t := hcl.Traversal{hcl.TraverseRoot{Name: kind}, hcl.TraverseAttr{Name: name}}
	for _, a := range attributes {
		t = append(t, hcl.TraverseAttr{Name: a})
	}
	return t
}

func texts(all []string) cty.Value {
	if len(all) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	var values []cty.Value
	for _, text := range slices.Sorted(slices.Values(all)) {
		values = append(values, cty.StringVal(text))
	}
	return cty.ListVal(values)
}

func (w *writer) person(p Person) {
	b := w.resource("github_membership", label(p.Login), w.list.Name+":"+p.Login)
	b.SetAttributeValue("username", cty.StringVal(p.Login))
	b.SetAttributeValue("role", cty.StringVal(p.Role))
	keep(b)
}

func (w *writer) team(t Team) {
	name := label(t.Slug)
	b := w.resource("github_team", name, t.Slug)
	b.SetAttributeValue("name", cty.StringVal(t.Name))
	ignored := []string{"create_default_maintainer", "notification_setting"}
	if t.Description != "" {
		b.SetAttributeValue("description", cty.StringVal(t.Description))
	} else {
		ignored = append(ignored, "description")
	}
	b.SetAttributeValue("privacy", cty.StringVal(t.Privacy))
	if t.Parent != "" {
		b.SetAttributeTraversal("parent_team_id", reference("github_team", label(t.Parent), "id"))
	}
	keep(b, ignored...)
	if len(t.Maintainers)+len(t.Members) == 0 {
		w.leave("team %s has no members: its members are not in the configuration", t.Slug)
		return
	}
	b = w.resource("github_team_members", name, t.Slug)
	b.SetAttributeTraversal("team_id", reference("github_team", name, "id"))
	for _, m := range memberships(t) {
		member := b.AppendNewBlock("members", nil).Body()
		member.SetAttributeValue("username", cty.StringVal(m.login))
		member.SetAttributeValue("role", cty.StringVal(m.role))
	}
	keep(b)
}

func (w *writer) leave(format string, args ...any) {
	w.left = append(w.left, fmt.Sprintf(format, args...))
}
