package releases

import (
	"fmt"

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
