package lines

import (
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/organization"
)

// listed gives a value in which repositories of the organization's list, named as in
// organization:mageos-magento2, have their URLs: a repository's host and owner stand
// once, in the list.
func (x *extender) listed(n *config.Node) *config.Node {
	out := *n
	out.Items, out.Fields = slices.Clone(n.Items), slices.Clone(n.Fields)
	for i, item := range n.Items {
		out.Items[i] = x.listed(item)
	}
	for i, f := range n.Fields {
		name, isListed := strings.CutPrefix(f.Value.Text(), "organization:")
		if !isListed || f.Key != "url" && f.Key != "latest-tag" {
			out.Fields[i].Value = x.listed(f.Value)
			continue
		}
		url, err := organization.DeclaredURL(name)
		if err != nil {
			x.problems = append(x.problems, f.Value.Problem(nil, "%s: %v", f.Key, err))
			url = "https://example.org/" // so that nothing more is said of it
		}
		out.Fields[i].Value = &config.Node{Place: f.Value.Place, Value: url}
	}
	return &out
}
