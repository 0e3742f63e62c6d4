package releases

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/composer"
)

func (c *checker) repositories() {
	if len(c.line.Repositories) == 0 {
		c.add("repositories", "is missing: a line needs at least one repository")
	}
	names := map[string]string{}
	for i, r := range c.line.Repositories {
		at := fmt.Sprintf("repositories[%d]", i)
		switch other, taken := names[strings.ToLower(r.Name)]; {
		case r.Name == "":
			c.add(at+".name", "is missing")
		case len(r.Name) > maxText || !shortName.MatchString(r.Name):
			c.add(at+".name", "%q: want letters and digits, joined by '-', '_' or '.'", r.Name)
		case taken:
			c.add(at+".name", "an earlier repository is named %s too; names differ in more than their case", other)
		}
		names[strings.ToLower(r.Name)] = r.Name
		c.gitURL(at+".url", r.URL)
		if !c.line.BuildsTags() {
			if err := checkRef(r.Ref); err != nil {
				c.add(at+".ref", "%v", err)
			}
		}
		c.packages(at, r)
	}
}

func (c *checker) packages(at string, r Repository) {
	if len(r.Packages) == 0 && !c.isUsed(r.Name) {
		c.add(at+".packages", "is missing: no package, no edition and no lock is taken from this repository")
	}
	seen := map[string]bool{}
	for i, p := range r.Packages {
		at := fmt.Sprintf("%s.packages[%d]", at, i)
		c.pkg(at, p)
		key, dir := "one ", p.Directory+p.Metapackage
		if p.Each != "" {
			key, dir = "each ", p.Each
		}
		if seen[key+dir] {
			c.add(at, "%s is listed twice in this repository", dir)
		}
		seen[key+dir] = true
	}
	c.overlaps(at, r)
}

// isUsed says whether an edition or the lock needs the repository.
func (c *checker) isUsed(name string) bool {
	return c.line.Lock == name || slices.ContainsFunc(c.line.Editions, func(e Edition) bool { return e.Repository == name })
}

func (c *checker) pkg(at string, p Package) {
	var set []string
	for _, way := range []struct{ key, dir string }{{"each", p.Each}, {"directory", p.Directory}, {"metapackage", p.Metapackage}} {
		if way.dir == "" {
			continue
		}
		set = append(set, way.key)
		if err := checkPath(way.dir); err != nil {
			c.add(joinPath(at, way.key), "%v", err)
		}
	}
	switch {
	case len(set) != 1 && len(set) > 0:
		c.add(at, "has %s; want exactly one of each, directory and metapackage", strings.Join(set, " and "))
	case len(set) == 0:
		c.add(at, "want one of each, directory and metapackage")
	case p.Metapackage != "" && len(p.Exclude) > 0:
		c.add(at+".exclude", "a metapackage is its composer.json alone; there is nothing to exclude")
	case p.Each != "" && p.Optional:
		c.add(at+".optional", "only a directory or a metapackage can be optional; each takes what is there")
	case p.Base != nil && p.Directory == "":
		c.add(at+".base", "a base package needs directory")
	}
	for i, exclude := range p.Exclude {
		err := checkPath(strings.TrimSuffix(exclude, "/"))
		if err == nil && path.Clean(exclude) == "." {
			err = fmt.Errorf("%q would exclude everything", exclude)
		}
		if err != nil {
			c.add(fmt.Sprintf("%s.exclude[%d]", at, i), "%v", err)
		}
	}
	if p.Base != nil {
		c.base(at+".base", p.Base)
	}
}

// overlaps finds packages that would be built twice: once on their own and once
// as one of each.
func (c *checker) overlaps(at string, r Repository) {
	for _, each := range r.Packages {
		if each.Each == "" {
			continue
		}
		for i, p := range r.Packages {
			dir := p.Directory + p.Metapackage
			if p.Each != "" || dir == "" || dir == "." || path.Dir(dir) != each.Each {
				continue
			}
			name := path.Base(dir)
			if strings.HasPrefix(name, ".") || slices.Contains(each.Exclude, name) || slices.Contains(each.Exclude, name+"/") {
				continue
			}
			c.add(fmt.Sprintf("%s.packages[%d]", at, i), "%s is built twice, by itself and as one of each: %s; write exclude: [%s/] there",
				dir, each.Each, name)
		}
	}
}

// base checks what a base package's composer.json is composed of.
func (c *checker) base(at string, b *Base) {
	for i, dir := range b.EmptyDirectories {
		if err := checkPath(dir); err != nil {
			c.add(fmt.Sprintf("%s.empty-directories[%d]", at, i), "%v", err)
		}
	}
	switch b.Require {
	case OfficialRequire:
	case NightlyRequire, ScanRequire:
		if c.line.Lock == "" {
			c.add(at+".require", "%q reads the composer.lock, but lock names no repository; write lock: and the name of one that has it, or require: %s",
				b.Require, OfficialRequire)
		}
	default:
		c.add(at+".require", "%q is unknown; there are %q, %q and %q", b.Require, OfficialRequire, NightlyRequire, ScanRequire)
	}
	at += ".manifest"
	if b.Manifest == nil {
		c.add(at, "is missing: want the fixed part of composer.json, name and type at least")
		return
	}
	c.packageName(at+".name", b.Manifest.Name())
	if _, ok := b.Manifest.Get("type"); !ok {
		c.add(at+".type", "is missing")
	}
	for _, key := range []string{"version", "require"} {
		if _, ok := b.Manifest.Get(key); ok {
			c.add(joinPath(at, key), "is computed by the build; take it out")
		}
	}
	if extra, ok := b.Manifest.Get("extra"); ok {
		var keys map[string]json.RawMessage
		if err := json.Unmarshal(extra, &keys); err != nil {
			c.add(at+".extra", "want a mapping")
		} else if _, ok := keys["map"]; ok {
			c.add(at+".extra.map", "is made by the build from the files; take it out")
		}
	}
}

// bases are the names of the line's base packages, without vendor, and whether
// these are all: not when the manifest of one is missing.
func (c *checker) bases() (names []string, all bool) {
	all = true
	for _, r := range c.line.Repositories {
		for _, p := range r.Packages {
			switch {
			case p.Base == nil:
			case p.Base.Manifest == nil:
				all = false
			default:
				names = append(names, composer.Name(p.Base.Manifest.Name()).Project())
			}
		}
	}
	return names, all
}
