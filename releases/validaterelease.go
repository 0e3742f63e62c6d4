package releases

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/mage-os/nightly/releases/composer"
)

// independent checks the packages that are never tagged.
func (c *checker) independent() {
	if len(c.line.Independent) > 0 && !c.line.IsRelease() {
		c.add("independent", "is for lines that make tagged releases; write versions: {policy: %s}, or take it out", ReleasePolicy)
	}
	seen := map[string]bool{}
	for i, name := range c.line.Independent {
		at := fmt.Sprintf("independent[%d]", i)
		if !c.packageName(at, name) {
			continue
		}
		if seen[name] {
			c.add(at, "%s stands in the list twice", name)
		}
		if vendor := composer.Name(name).Vendor(); vendor != c.line.Vendor {
			c.add(at, "%s is not of the vendor %s: what others release is independent anyway", name, c.line.Vendor)
		}
		seen[name] = true
	}
}

// What git takes for a name and an address (git-commit-tree's documentation).
var (
	committerName  = regexp.MustCompile(`^[^<>\x00-\x1f\x7f]+$`)
	committerEmail = regexp.MustCompile(`^[^<>@\s\x00-\x1f\x7f]+@[^<>@\s\x00-\x1f\x7f]+$`)
)

// committer checks who makes release commits.
func (c *checker) committer() {
	by := c.line.Committer
	if by == nil {
		return
	}
	if !c.line.IsRelease() {
		c.add("committer", "is for lines that make tagged releases; write versions: {policy: %s}, or take it out", ReleasePolicy)
	}
	if !committerName.MatchString(by.Name) || strings.TrimSpace(by.Name) != by.Name {
		c.add("committer.name", "%q: want a name, without < and >, as git has it", by.Name)
	}
	if !committerEmail.MatchString(by.Email) {
		c.add("committer.email", "%q: want an address, as releases@example.org", by.Email)
	}
}

// allow checks the packages that stay in a small product.
func (c *checker) allow(at string, e Edition) {
	if len(e.Allow) > 0 && e.Type == ProjectEdition {
		c.add(at+".allow", "only a product has a list of what stays; a project has its product's")
	}
	seen := map[string]bool{}
	for i, name := range e.Allow {
		at := fmt.Sprintf("%s.allow[%d]", at, i)
		c.requireName(at, name)
		if seen[name] {
			c.add(at, "%s stands in the list twice", name)
		}
		seen[name] = true
		if vendor, renamed := c.line.Rename[composer.Name(name).Vendor()]; renamed && !composer.IsPlatform(name) {
			c.add(at, "%s is built as %s; write that name", name, composer.Name(name).WithVendor(vendor))
		}
	}
}
