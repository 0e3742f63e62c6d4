package lines

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/rules"
)

// schema says which shape a line has, and its defaults.
var schema = config.NewSchema(releases.Schema(), map[string]config.Format{
	"package-name": parsed(composer.ParseName),
	"constraint":   parsed(composer.ParseConstraint),
	"version":      parsed(composer.ParseVersion),
	"require-name": config.Text(func(text string) error {
		_, err := composer.ParseName(text)
		if composer.IsPlatform(text) {
			return nil
		}
		return err
	}),
	"link-constraint": config.Text(func(text string) error {
		_, err := composer.ParseConstraint(text)
		if text == "self.version" {
			return nil
		}
		return err
	}),
	"fallback-version": parsed(func(text string) (string, error) { return rules.NightlyVersion(text, "2026-01-01", 0, false) }),
	"glob": config.Text(func(text string) error {
		if _, err := path.Match(text, ""); err != nil || text == "" {
			return fmt.Errorf("%q is no glob pattern, such as v*", text)
		}
		return nil
	}),
	"excluded-path": config.Text(func(text string) error {
		if path.Clean(text) == "." && text != "" {
			return fmt.Errorf("%q would exclude everything", text)
		}
		return config.CheckPath(strings.TrimSuffix(text, "/"))
	}),
	"image": config.Text(func(text string) error {
		if !releases.IsImageReference(text) {
			return fmt.Errorf("%q: want an image: NAME@sha256:…, file:///IMAGE.tar or file:///ROOTFS", text)
		}
		return nil
	}),
	"composer.json": func(value any) error {
		data, err := json.Marshal(value)
		if err == nil {
			_, err = composer.ParseManifest(data)
		}
		return err
	},
})

// parsed is the format of what can be parsed.
func parsed[T any](parse func(string) (T, error)) config.Format {
	return config.Text(func(text string) error {
		_, err := parse(text)
		return err
	})
}

// A checker finds what no schema can say: where the values of a line do not go
// together.
type checker struct {
	line *releases.Line
	add  func(at config.Path, format string, args ...any)
}

// check gives what was found of a line, and what it finds itself.
func check(l *releases.Line, found *config.Checked) error {
	c := &checker{line: l, add: found.Add}
	c.rename()
	c.repositories()
	c.editions()
	c.install()
	c.edits()
	c.tags()
	if l.Lock != "" {
		c.repository(config.At("lock"), l.Lock)
	}
	if l.Trust != "" {
		if err := l.CheckTrust(); err != nil {
			c.add(config.At("trust"), "%v", err)
		}
	}
	for i, name := range l.Independent {
		if vendor := composer.Name(name).Vendor(); vendor != l.Vendor {
			c.add(config.At("independent", i), "%s is not of the vendor %s: what others release is independent anyway", name, l.Vendor)
		}
	}
	return found.Err()
}

// rename checks that no renamed vendor is renamed once more: a package is renamed
// once, so that a chain would not do what it seems to say.
func (c *checker) rename() {
	for from, to := range c.line.Rename {
		at := config.At("rename", from)
		if to == from {
			c.add(at, "%s is renamed to itself; take the entry out", from)
		} else if next, again := c.line.Rename[to]; again {
			c.add(at, "%s becomes %s, which itself becomes %s; packages are renamed once: write the vendor that they get in the end", from, to, next)
		}
	}
}

// built checks the name of a package that is wanted as it is built.
func (c *checker) built(at config.Path, name string) {
	if vendor, renamed := c.line.Rename[composer.Name(name).Vendor()]; renamed && !composer.IsPlatform(name) {
		c.add(at, "%s is built as %s; write that name", name, composer.Name(name).WithVendor(vendor))
	}
}

// repository checks the name of one of the line's repositories.
func (c *checker) repository(at config.Path, name string) {
	if _, ok := c.line.Repository(name); !ok {
		var names []string
		for _, r := range c.line.Repositories {
			names = append(names, r.Name)
		}
		c.add(at, "there is no repository %q%s", name, config.Suggest(name, names))
	}
}

// once gives a function that finds what comes a second time.
func (c *checker) once(format string) func(at config.Path, key string) {
	seen := map[string]bool{}
	return func(at config.Path, key string) {
		if seen[key] && key != "" {
			c.add(at, format, key)
		}
		seen[key] = true
	}
}

const twice = "%s stands in the list twice"

func (c *checker) repositories() {
	once := c.once("an earlier repository is named %s too; names differ in more than their case")
	for i, r := range c.line.Repositories {
		at := config.At("repositories", i)
		once(at.To("name"), strings.ToLower(r.Name))
		isUsed := c.line.Lock == r.Name || slices.ContainsFunc(c.line.Editions, func(e releases.Edition) bool { return e.Repository == r.Name })
		if len(r.Packages) == 0 && !isUsed {
			c.add(at.To("packages"), "is missing: no package, no edition and no lock is taken from this repository")
		}
		c.packages(at.To("packages"), r.Packages)
		tags, fixes := c.once(twice), c.once(twice)
		for j, extra := range r.ExtraTags {
			tags(at.To("extra-tags", j, "tag"), extra.Tag)
		}
		for j, fix := range r.FixVersions {
			fixes(at.To("fix-versions", j, "tag"), fix.Tag)
		}
	}
}

func (c *checker) packages(list config.Path, packages []releases.Package) {
	once := c.once("%s is listed twice in this repository")
	for i, p := range packages {
		at := list.To(i)
		dir := p.Directory + p.Metapackage
		if p.Each != "" {
			once(at, p.Each+"/*")
		} else {
			once(at, dir)
		}
		for _, each := range packages {
			name := path.Base(dir)
			if each.Each != "" && dir != "" && dir != "." && path.Dir(dir) == each.Each && !strings.HasPrefix(name, ".") &&
				!slices.Contains(each.Exclude, name) && !slices.Contains(each.Exclude, name+"/") {
				c.add(at, "%s is built twice, by itself and as one of each: %s; write exclude: [%s/] there", dir, each.Each, name)
			}
		}
		for j, k := range p.Keep {
			if !slices.Contains(p.Exclude, k.Path) {
				c.add(at.To("keep", j, "path"), "%q is not excluded, so that there is nothing to keep%s", k.Path, config.Suggest(k.Path, p.Exclude))
			}
		}
		if b := p.Base; b != nil {
			c.fromData(at.To("base", "released"), b.Released)
			if b.Require != releases.OfficialRequire && c.line.Lock == "" {
				c.add(at.To("base", "require"), "%q reads the composer.lock, but lock names no repository; write lock: and the name of one that has it, or require: %s",
					b.Require, releases.OfficialRequire)
			}
		}
	}
}

func (c *checker) editions() {
	once := c.once("another edition or the base package is named %s too")
	bases, all := c.bases()
	for _, base := range bases {
		once(nil, base)
	}
	products := c.names(releases.ProductEdition)
	for i, e := range c.line.Editions {
		at := config.At("editions", i)
		once(at.To("name"), e.Name)
		c.repository(at.To("repository"), e.Repository)
		if e.Base != "" && all && !slices.Contains(bases, e.Base) {
			c.add(at.To("base"), "no repository has a base package %q%s", e.Base, config.Suggest(e.Base, bases))
		}
		if e.Type == releases.ProjectEdition && !slices.Contains(products, e.Product) {
			c.add(at.To("product"), "there is no product edition %q%s", e.Product, config.Suggest(e.Product, products))
		}
		c.fromData(at.To("released"), e.Released)
		required := c.once("%s is required twice")
		for j, r := range e.Require {
			required(at.To("require", j, "package"), r.Package)
		}
		for j, name := range e.Allow {
			c.built(at.To("allow", j), name)
		}
	}
}

// names are the names of the editions of a type. One whose type is wrong could be
// of any.
func (c *checker) names(editionType string) []string {
	var names []string
	for _, e := range c.line.Editions {
		if e.Type == editionType || e.Type != releases.ProductEdition && e.Type != releases.ProjectEdition {
			names = append(names, e.Name)
		}
	}
	return names
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

func (c *checker) install() {
	in := c.line.Install
	projects := c.names(releases.ProjectEdition)
	switch {
	case in.Project != "" && !slices.Contains(projects, in.Project):
		c.add(config.At("install", "project"), "there is no project edition %q%s", in.Project, config.Suggest(in.Project, projects))
	case in.Project == "" && len(in.Run) > 0:
		c.add(config.At("install", "run"), "there is no project edition that could be installed")
	}
	if in.SampleData && !in.Level.Includes(releases.Setup) {
		c.add(config.At("install", "sample-data"), "is installed from level %s on, but install.level is %s", releases.Setup, in.Level)
	}
	if len(in.Tests.Suites) > 0 && !in.Level.Includes(releases.Installed) {
		c.add(config.At("install", "tests"), "are run from level %s on, but install.level is %s", releases.Installed, in.Level)
	}
}

func (c *checker) edits() {
	for i, e := range c.line.Edits {
		at := config.At("edits", i)
		c.built(at.To("package"), e.Package)
		once := c.once("%s is changed twice")
		for j, link := range e.Remove {
			once(at.To("remove", j), link.Name+" of "+string(link.Section))
		}
		for j, link := range e.Set {
			once(at.To("set", j), link.Name+" of "+string(link.Section))
		}
	}
}

// tags checks what lies in data.
func (c *checker) tags() {
	for i, f := range c.line.Files {
		c.fromData(config.At("files", i, "from"), f.From)
	}
	for i, p := range c.line.Prebuilt {
		c.fromData(config.At("prebuilt", i, "directory"), p.Directory)
	}
}

func (c *checker) fromData(at config.Path, file string) {
	if file != "" && c.line.Data == nil {
		c.add(at, "%s lies in data, but the line has none; write data: with a URL, a ref and a commit", file)
	}
}
