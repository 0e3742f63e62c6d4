package drift

import (
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/composer"
)

// pluginAPI is what plugins of Composer require: it gives them Composer itself.
const pluginAPI, composerItself = "composer-plugin-api", "composer/composer"

// A node is a package with what it requires.
type node struct {
	name     string
	kind     string // Composer's type
	version  string
	requires []composer.Link
	stands   []composer.Link // what it replaces
	provides []composer.Link
}

func nodeOf(s *source) node {
	n := node{name: s.Name, kind: s.manifest.Type(), version: s.manifest.Version()}
	if s.text != nil {
		n.requires, n.stands, n.provides = s.manifest.Links(composer.Require), s.manifest.Links(composer.Replace), s.manifest.Links(composer.Provide)
		return n
	}
	for _, r := range s.Requires {
		n.requires = append(n.requires, composer.Link{Name: r.Name, Constraint: r.Constraint})
	}
	return n
}

func nodeOfLocked(p composer.LockPackage) node {
	return node{name: string(p.Name), kind: p.Type, version: p.Version, requires: p.Require, stands: p.Replace, provides: p.Provide}
}

// A graph is what requires what.
type graph struct {
	vendors   []string
	nodes     map[string]*node
	projects  map[string]string   // name without vendor, of the distribution's own: name
	replacers map[string][]string // name: packages that replace it
	providers map[string][]string // name: packages that provide it
}

func newGraph(vendors []string) *graph {
	return &graph{
		vendors: vendors, nodes: map[string]*node{}, projects: map[string]string{},
		replacers: map[string][]string{}, providers: map[string][]string{},
	}
}

func (g *graph) add(n node) {
	g.nodes[n.name] = &n
	if vendor, project, ok := strings.Cut(n.name, "/"); ok && slices.Contains(g.vendors, vendor) {
		g.projects[project] = n.name
	}
	for _, l := range n.stands {
		name := strings.ToLower(l.Name)
		g.replacers[name] = append(g.replacers[name], n.name)
	}
	for _, l := range n.provides {
		name := strings.ToLower(l.Name)
		g.providers[name] = append(g.providers[name], n.name)
	}
}

// own gives a name as the distribution's sources have it: they may have the
// vendor from before or from after the renaming.
func (g *graph) own(name string) string {
	name = strings.ToLower(name)
	if _, ok := g.nodes[name]; ok {
		return name
	}
	if vendor, project, ok := strings.Cut(name, "/"); ok && slices.Contains(g.vendors, vendor) && g.projects[project] != "" {
		return g.projects[project]
	}
	return name
}

// meets gives the packages that meet a require: the one of that name, or those
// that replace it, or the only one that provides it. Platform packages meet
// themselves.
func (g *graph) meets(name string) []string {
	name = g.own(name)
	if name == pluginAPI {
		return []string{name, composerItself}
	}
	if _, ok := g.nodes[name]; ok {
		return []string{name}
	}
	if by := g.replacers[name]; len(by) > 0 {
		return by
	}
	if by := g.providers[name]; len(by) == 1 {
		return by
	}
	return []string{name}
}

// A reach is what a package's requires lead to.
type reach struct {
	from map[string]string // package: the one that requires it
	open []string          // packages on the way whose requires nobody knows
}

// reach follows all requires of a package, the nearest first.
func (g *graph) reach(start string) reach {
	r := reach{from: map[string]string{start: ""}}
	queue := []string{start}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		n, ok := g.nodes[name]
		if !ok {
			if !composer.IsPlatform(name) && !g.isVirtual(name) {
				r.open = append(r.open, name)
			}
			continue
		}
		queue = append(queue, r.follow(g, n)...)
	}
	return r
}

// follow notes what a node requires, and gives what was not known before. What
// a package provides is there with it: a polyfill's extension.
func (r reach) follow(g *graph, n *node) []string {
	var added []string
	note := func(name string) {
		if _, known := r.from[name]; !known {
			r.from[name] = n.name
			added = append(added, name)
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
	return added
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
