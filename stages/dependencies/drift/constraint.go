package drift

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/mage-os/nightly/releases/composer"
)

// constraints say which constraint to write for a package, and why that one.
type constraints struct {
	w     *world
	root  map[string]string
	users map[string]map[string]int // package: constraint: how many packages have it
}

// constraints collects what the distribution's own packages write.
func (w *world) constraints() constraints {
	c := constraints{w: w, root: map[string]string{}, users: map[string]map[string]int{}}
	if w.root != nil {
		for _, l := range w.root.Links(composer.Require) {
			c.root[w.graph.own(l.Name)] = l.Constraint
		}
	}
	for _, s := range w.own {
		for _, l := range s.manifest.Links(composer.Require) {
			name := w.graph.own(l.Name)
			if c.users[name] == nil {
				c.users[name] = map[string]int{}
			}
			c.users[name][l.Constraint]++
		}
	}
	return c
}

var twoNumbers = regexp.MustCompile(`^v?(\d+)\.(\d+)\b`)

// of gives the constraint for a package: the root's, that of most packages
// which require it, or one by the version that is there.
func (c constraints) of(name string) (constraint, from string) {
	if constraint, ok := c.root[name]; ok {
		return constraint, "the root composer.json"
	}
	if users := c.users[name]; len(users) > 0 {
		all := slices.SortedFunc(maps.Keys(users), func(a, b string) int {
			return cmp.Or(cmp.Compare(users[b], users[a]), cmp.Compare(a, b))
		})
		if users[all[0]] == 1 {
			return all[0], "another package"
		}
		return all[0], fmt.Sprintf("%d other packages", users[all[0]])
	}
	if composer.IsPlatform(name) {
		return "*", "no package names a version of it"
	}
	n, ok := c.w.graph.nodes[name]
	if !ok || n.version == "" {
		return "*", "no version of it is known"
	}
	if m := twoNumbers.FindStringSubmatch(n.version); m != nil {
		if c.w.isOwn(name) {
			return m[1] + "." + m[2] + ".*", "its own version " + n.version
		}
		return "^" + m[1] + "." + m[2], "composer.lock, which has " + n.version
	}
	return n.version, "composer.lock"
}
