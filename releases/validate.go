package releases

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mage-os/nightly/releases/composer"
)

// Validate checks the whole line, as Parse does for one that is read from YAML.
// The error is a *ConfigError with every problem; there are no line numbers.
func (l *Line) Validate() error { return joinProblems("", check(l)) }

// maxKeep is the most nights that can be kept: ten years.
const maxKeep = 3660

// maxText bounds names, titles and other single lines of text, in bytes.
const maxText = 200

// shortName is what lines and repositories are called: it is used as a file name.
var shortName = regexp.MustCompile(`^[A-Za-z0-9](?:[._-]?[A-Za-z0-9])*$`)

// A checker collects what is wrong with a line.
type checker struct {
	line     *Line
	problems []problem
}

// check gives every problem of a line, with its path but without its place.
func check(l *Line) []problem {
	c := &checker{line: l}
	c.head()
	c.rename()
	c.versions()
	c.upstream()
	c.composer()
	c.repositories()
	c.editions()
	c.edits()
	c.independent()
	c.committer()
	c.tags()
	c.install()
	return c.problems
}

func (c *checker) add(at, format string, args ...any) {
	c.problems = append(c.problems, problem{path: at, text: c.label(at) + fmt.Sprintf(format, args...)})
}

// named is a path within an element of a list whose elements have names.
var named = regexp.MustCompile(`^(repositories|editions|edits|files)\[([0-9]+)\](?:\.(.*))?$`)

// label names the thing at a path as a person would: "repository page-builder: ref: ".
func (c *checker) label(at string) string {
	parts := named.FindStringSubmatch(at)
	if parts == nil {
		return at + ": "
	}
	var i int
	if _, err := fmt.Sscan(parts[2], &i); err != nil {
		return at + ": "
	}
	kind, name := "", ""
	switch parts[1] {
	case "repositories":
		kind, name = "repository", c.line.Repositories[i].Name
	case "editions":
		kind, name = "edition", c.line.Editions[i].Name
	case "edits":
		kind, name = "edit of", c.line.Edits[i].Package
	case "files":
		kind, name = "file of", c.line.Files[i].Package
	}
	if name == "" {
		return at + ": "
	}
	label := fmt.Sprintf("%s %s: ", kind, name)
	if parts[3] != "" {
		label += parts[3] + ": "
	}
	return label
}

// text checks one line of text that has to be there; it reports whether it is.
func (c *checker) text(at, value string) bool {
	switch {
	case value == "":
		c.add(at, "is missing")
	case len(value) > maxText:
		c.add(at, "has %d bytes, more than %d", len(value), maxText)
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		c.add(at, "%q is not a single line of text", value)
	default:
		return true
	}
	return false
}

func (c *checker) head() {
	l := c.line
	if c.text("name", l.Name) && !shortName.MatchString(l.Name) {
		c.add("name", "%q: want letters and digits, joined by '-', '_' or '.'", l.Name)
	}
	if l.Name != "" {
		c.text("title", l.Title) // its default is the name
	}
	if c.text("vendor", l.Vendor) {
		c.vendor("vendor", l.Vendor)
	}
	if c.text("url", l.URL) {
		c.publicURL("url", l.URL)
	}
	if l.Lock != "" {
		c.repository("lock", l.Lock)
	}
	if l.Keep < 1 || l.Keep > maxKeep {
		c.add("keep", "%d: want a number of nights from 1 to %d", l.Keep, maxKeep)
	}
}

func (c *checker) vendor(at, vendor string) {
	if _, err := composer.ParseName(vendor + "/x"); err != nil || strings.Contains(vendor, "/") {
		c.add(at, "%q is no vendor: want lower-case letters and digits, joined by '-', '_' or '.'", vendor)
	}
}

// rename checks that no renamed vendor is renamed once more: a package is renamed
// once, so that a chain would not do what it seems to say.
func (c *checker) rename() {
	for _, from := range slices.Sorted(maps.Keys(c.line.Rename)) {
		at := joinPath("rename", from)
		to := c.line.Rename[from]
		c.vendor(at, from)
		if !c.text(at, to) {
			continue
		}
		c.vendor(at, to)
		next, again := c.line.Rename[to]
		switch {
		case to == from:
			c.add(at, "%s is renamed to itself; take the entry out", from)
		case again && c.renamedInCircle(from):
			c.add(at, "%s becomes %s, which leads back to %s: vendors are renamed in a circle", from, to, from)
		case again && next != to:
			c.add(at, "%s becomes %s, which itself becomes %s; packages are renamed once, so write %s: %s", from, to, next, from, next)
		}
	}
}

// renamedInCircle says whether the renames that begin with a vendor come back
// to it.
func (c *checker) renamedInCircle(from string) bool {
	to := from
	for range c.line.Rename {
		next, ok := c.line.Rename[to]
		if !ok {
			return false
		}
		if to = next; to == from {
			return true
		}
	}
	return false
}

func (c *checker) versions() {
	v := c.line.Versions
	if v.Policy != NightlyPolicy && v.Policy != TagsPolicy && v.Policy != ReleasePolicy {
		c.add("versions.policy", "%q is unknown; there are %q, %q and %q", v.Policy, NightlyPolicy, TagsPolicy, ReleasePolicy)
	}
	if v.Fallback == "" {
		c.add("versions.fallback", "is missing")
	} else if _, err := NightlyVersion(v.Fallback, "2026-01-01", 0, false); err != nil {
		c.add("versions.fallback", "%v", err)
	}
	for i, pattern := range v.SkipTags {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			c.add(fmt.Sprintf("versions.skip-tags[%d]", i), "%q is no glob pattern, such as v*", pattern)
		}
	}
}

func (c *checker) upstream() {
	u := c.line.Upstream
	if u == nil {
		return
	}
	c.composerURL("upstream.repository", u.Repository)
	c.packageName("upstream.package", u.Package)
	if u.Version != "" {
		if _, err := composer.ParseVersion(u.Version); err != nil {
			c.add("upstream.version", "%v; leave it out for the highest stable version", err)
		}
	}
	seen := map[string]bool{}
	for i, name := range u.Extra {
		at := fmt.Sprintf("upstream.extra[%d]", i)
		if c.packageName(at, name) && seen[name] {
			c.add(at, "%s stands in the list twice", name)
		}
		seen[name] = true
	}
}

// packageName checks a package's full name; it reports whether it is good.
func (c *checker) packageName(at, name string) bool {
	if name == "" {
		c.add(at, "is missing")
		return false
	}
	if _, err := composer.ParseName(name); err != nil {
		c.add(at, "%v", err)
		return false
	}
	return true
}

func (c *checker) composer() {
	seen := map[string]bool{}
	for i, repository := range c.line.Composer {
		at := fmt.Sprintf("composer-repositories[%d].url", i)
		if c.composerURL(at, repository.URL) && seen[repository.URL] {
			c.add(at, "%s stands in the list twice", repository.URL)
		}
		seen[repository.URL] = true
	}
}

// repository checks the name of one of the line's repositories.
func (c *checker) repository(at, name string) {
	if name == "" {
		c.add(at, "is missing")
		return
	}
	if _, ok := c.line.Repository(name); ok {
		return
	}
	var names []string
	for _, r := range c.line.Repositories {
		names = append(names, r.Name)
	}
	c.add(at, "there is no repository %q%s", name, suggest(name, names))
}

// suggest is the end of a message about a name that does not exist.
func suggest(wrong string, names []string) string {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" })
	if near, ok := nearest(wrong, names); ok {
		return ", did you mean " + near + "?"
	}
	slices.Sort(names)
	switch len(names) {
	case 0:
		return "; there is none"
	case 1:
		return "; there is " + names[0]
	}
	return "; there are " + strings.Join(names, ", ")
}
