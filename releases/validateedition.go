package releases

import (
	"fmt"
	"slices"

	"github.com/mage-os/nightly/releases/composer"
)

func (c *checker) editions() {
	seen := map[string]bool{}
	bases, _ := c.bases()
	for _, base := range bases {
		seen[base] = true
	}
	for i, e := range c.line.Editions {
		at := fmt.Sprintf("editions[%d]", i)
		if c.projectName(at+".name", e.Name) && seen[e.Name] {
			c.add(at+".name", "another edition or the base package is named so too")
		}
		seen[e.Name] = true
		c.repository(at+".repository", e.Repository)
		c.text(at+".description", e.Description)
		c.editionType(at, e)
		c.requires(at, e.Require)
		c.allow(at, e)
	}
}

// editionType checks what a product needs, and what a project needs.
func (c *checker) editionType(at string, e Edition) {
	switch e.Type {
	case ProductEdition:
		if e.Product != "" {
			c.add(at+".product", "only a project names its product")
		}
		if bases, all := c.bases(); e.Base != "" && all && !slices.Contains(bases, e.Base) {
			c.add(at+".base", "no repository has a base package %q%s", e.Base, suggest(e.Base, bases))
		}
	case ProjectEdition:
		if e.Base != "" {
			c.add(at+".base", "only a product names a base package; a project has it through its product")
		}
		if products := c.names(ProductEdition); e.Product == "" {
			c.add(at+".product", "is missing: want the product edition that it installs")
		} else if !slices.Contains(products, e.Product) {
			c.add(at+".product", "there is no product edition %q%s", e.Product, suggest(e.Product, products))
		}
	case "":
		c.add(at+".type", "is missing: want product or project")
	default:
		c.add(at+".type", "%q is unknown; want product or project", e.Type)
	}
}

// names are the names of the editions of a type. One whose type is wrong could be
// of any.
func (c *checker) names(editionType string) []string {
	var names []string
	for _, e := range c.line.Editions {
		if e.Type == editionType || e.Type != ProductEdition && e.Type != ProjectEdition {
			names = append(names, e.Name)
		}
	}
	return names
}

// projectName checks a package's name without its vendor.
func (c *checker) projectName(at, name string) bool {
	switch _, err := composer.ParseName("x/" + name); {
	case name == "":
		c.add(at, "is missing")
	case err == nil:
		return true
	default:
		c.add(at, "%q: want the name of a package without its vendor, such as product-community-edition", name)
	}
	return false
}

func (c *checker) requires(at string, requires []Require) {
	seen := map[string]bool{}
	for i, r := range requires {
		at := fmt.Sprintf("%s.require[%d]", at, i)
		c.requireName(at+".package", r.Package)
		if seen[r.Package] && r.Package != "" {
			c.add(at+".package", "%s is required twice", r.Package)
		}
		seen[r.Package] = true
		switch {
		case r.Constraint != "" && r.LatestTag != "", r.Constraint == "" && r.LatestTag == "":
			c.add(at, "%s: want exactly one of constraint and latest-tag", r.Package)
		case r.LatestTag != "":
			c.gitURL(at+".latest-tag", r.LatestTag)
		default:
			c.constraint(at+".constraint", r.Constraint)
		}
	}
}

// requireName checks the name of what a package can require.
func (c *checker) requireName(at, name string) {
	if !composer.IsPlatform(name) {
		c.packageName(at, name)
	}
}

func (c *checker) constraint(at, text string) {
	if text == "" {
		c.add(at, "is missing")
	} else if _, err := composer.ParseConstraint(text); err != nil {
		c.add(at, "%v", err)
	}
}

// editSections are the sections that an edit can change.
var editSections = []composer.Section{
	composer.Require, composer.RequireDev, composer.Replace, composer.Provide, composer.Conflict, composer.Suggest,
}

func (c *checker) edits() {
	for i, e := range c.line.Edits {
		at := fmt.Sprintf("edits[%d]", i)
		if c.packageName(at+".package", e.Package) {
			name := composer.Name(e.Package)
			if vendor, renamed := c.line.Rename[name.Vendor()]; renamed {
				c.add(at+".package", "it is built as %s; write that name", name.WithVendor(vendor))
			}
		}
		c.reason(at, e.Reason)
		if e.When != "" {
			c.constraint(at+".when", e.When)
		}
		if len(e.Remove)+len(e.Set) == 0 {
			c.add(at, "changes nothing; want remove or set")
		}
		seen := map[EditLink]bool{}
		for j, link := range e.Remove {
			at := fmt.Sprintf("%s.remove[%d]", at, j)
			c.editLink(at, link, seen)
			if link.Constraint != "" {
				c.add(at+".constraint", "what is removed has no constraint; use set to change it")
			}
		}
		for j, link := range e.Set {
			at := fmt.Sprintf("%s.set[%d]", at, j)
			c.editLink(at, link, seen)
			if link.Section == composer.Suggest {
				c.text(at+".constraint", link.Constraint)
			} else if link.Constraint != "self.version" {
				c.constraint(at+".constraint", link.Constraint)
			}
		}
	}
}

// editLink checks which entry an edit speaks of.
func (c *checker) editLink(at string, link EditLink, seen map[EditLink]bool) {
	if link.Section == "" {
		c.add(at+".section", "is missing: want require, replace or another section of composer.json")
	} else if !slices.Contains(editSections, link.Section) {
		var names []string
		for _, s := range editSections {
			names = append(names, string(s))
		}
		c.add(at+".section", "%q is unknown%s", link.Section, suggest(string(link.Section), names))
	}
	c.requireName(at+".name", link.Name)
	entry := EditLink{Section: link.Section, Name: link.Name}
	if seen[entry] {
		c.add(at, "%s of %s is changed twice", link.Name, link.Section)
	}
	seen[entry] = true
}
