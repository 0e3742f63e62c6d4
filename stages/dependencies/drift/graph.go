package drift

import (
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// pluginAPI is what plugins of Composer require: it gives them Composer itself.
const pluginAPI, composerItself = "composer-plugin-api", "composer/composer"

// A node is a package with what it requires.
type node struct {
	name                         string
	kind                         string // Composer's type
	version                      string
	requires, replaces, provides []composer.Link
	member                       *member // nil: a third-party package
}

func nodeOf(m *member) node {
	n := node{name: m.Name, kind: m.manifest.Type(), version: m.manifest.Version(), member: m}
	if m.text != nil {
		n.requires, n.replaces, n.provides = m.manifest.Links(composer.Require), m.manifest.Links(composer.Replace), m.manifest.Links(composer.Provide)
		return n
	}
	for _, r := range m.Requires {
		n.requires = append(n.requires, composer.Link{Name: r.Name, Constraint: r.Constraint})
	}
	return n
}

// A graph is what requires what.
type graph struct {
	vendors   []string
	nodes     map[string]*node
	projects  map[string]string   // name without vendor, of the distribution's own: name
	replacers map[string][]string // name: packages that replace it
	providers map[string][]string // name: packages that provide it
}

func (g *graph) add(n node) {
	g.nodes[n.name] = &n
	if project := stages.WithoutVendor(n.name, g.vendors); project != n.name {
		g.projects[project] = n.name
	}
	note := func(by map[string][]string, links []composer.Link) {
		for _, l := range links {
			name := strings.ToLower(l.Name)
			by[name] = append(by[name], n.name)
		}
	}
	note(g.replacers, n.replaces)
	note(g.providers, n.provides)
}

// isOwn reports whether a package is one of the distribution's.
func (g *graph) isOwn(name string) bool { return g.nodes[name] != nil && g.nodes[name].member != nil }

// own gives a name as the distribution's sources have it: they may have the
// vendor from before or from after the renaming.
func (g *graph) own(name string) string {
	name = strings.ToLower(name)
	if _, ok := g.nodes[name]; ok {
		return name
	}
	if project := stages.WithoutVendor(name, g.vendors); project != name && g.projects[project] != "" {
		return g.projects[project]
	}
	return name
}

// meets gives the packages that meet a require: the one of that name, or those
// that replace it, or the only one that provides it. Platform packages meet
// themselves.
func (g *graph) meets(name string) []string {
	name = g.own(name)
	_, known := g.nodes[name]
	switch by := g.providers[name]; {
	case name == pluginAPI:
		return []string{name, composerItself}
	case known:
	case len(g.replacers[name]) > 0:
		return g.replacers[name]
	case len(by) == 1:
		return by
	}
	return []string{name}
}

// met is the set of packages that meet links, each with the link that it meets.
func (g *graph) met(links []composer.Link) map[string]string {
	names := map[string]string{}
	for _, l := range links {
		for _, name := range g.meets(l.Name) {
			names[name] = l.Name
		}
	}
	return names
}

// A reach is the set of packages that a package's requires lead to.
type reach struct {
	from map[string]string // package: the one that requires it
	open []string          // packages on the way whose requires nobody knows
}

// reach follows all requires of a package, the nearest first. What a package
// provides is there with it: a polyfill's extension.
func (g *graph) reach(start string) reach {
	r := reach{from: map[string]string{start: ""}}
	for queue := []string{start}; len(queue) > 0; queue = queue[1:] {
		n, ok := g.nodes[queue[0]]
		if !ok {
			if !composer.IsPlatform(queue[0]) && !g.isVirtual(queue[0]) {
				r.open = append(r.open, queue[0])
			}
			continue
		}
		note := func(name string) {
			if _, known := r.from[name]; !known {
				r.from[name] = n.name
				queue = append(queue, name)
			}
		}
		for _, l := range n.requires {
			for _, name := range g.meets(l.Name) {
				note(name)
			}
		}
		for _, l := range n.provides {
			if composer.IsPlatform(l.Name) {
				note(strings.ToLower(l.Name))
			}
		}
	}
	return r
}

// isVirtual reports whether a name is only ever provided: psr/log-implementation.
func (g *graph) isVirtual(name string) bool {
	return len(g.providers[name]) > 0 || strings.HasSuffix(name, "-implementation")
}

// has says whether requires lead to a package, and through which.
func (r reach) has(name string) (via []string, ok bool) {
	by, ok := r.from[name]
	if !ok {
		return nil, false
	}
	for by != "" {
		via = append(via, by)
		by = r.from[by]
	}
	slices.Reverse(via)
	return via[min(1, len(via)):], true // without the start
}
