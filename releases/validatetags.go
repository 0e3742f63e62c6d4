package releases

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/mage-os/nightly/releases/composer"
)

// maxReason bounds a reason, in bytes.
const maxReason = 400

// reason checks why something is done.
func (c *checker) reason(at, text string) {
	switch {
	case text == "":
		c.add(at+".reason", "is missing")
	case len(text) > maxReason:
		c.add(at+".reason", "has %d bytes, more than %d", len(text), maxReason)
	case strings.ContainsFunc(text, unicode.IsControl):
		c.add(at+".reason", "%q is not a single line of text", text)
	}
}

// tags checks what only lines have that build tags.
func (c *checker) tags() {
	if !c.line.BuildsTags() {
		c.noTags()
		return
	}
	c.data()
	c.files()
	c.prebuilt()
	if c.line.Upstream != nil {
		c.add("upstream", "packages of tags replace what they say themselves; take it out")
	}
	if c.line.Lock != "" {
		c.add("lock", "of a line that builds tags no composer.lock is read; take it out")
	}
	if c.line.Aliases != "" {
		c.vendor("aliases", c.line.Aliases)
	}
	for i, r := range c.line.Repositories {
		at := fmt.Sprintf("repositories[%d]", i)
		if r.Ref != "" {
			c.add(at+".ref", "a line that builds tags has no branches; take it out, or write from: and the first tag")
		}
		if r.From != "" {
			c.version(at+".from", r.From)
		}
		c.extraTags(at, r)
		c.fixVersions(at, r)
		for j, p := range r.Packages {
			c.keep(fmt.Sprintf("%s.packages[%d]", at, j), p)
		}
	}
	for i, e := range c.line.Editions {
		at := fmt.Sprintf("editions[%d]", i)
		c.released(at, e.Released)
		if e.ReleasedOnly && e.Released == "" {
			c.add(at+".released-only", "there is no released to take it from")
		}
	}
}

// noTags names what has no meaning in a line that builds branches.
func (c *checker) noTags() {
	refuse := func(at string, set bool) {
		if set {
			c.add(at, "is for lines that build tags; write versions: {policy: %s}, or take it out", TagsPolicy)
		}
	}
	refuse("data", c.line.Data != nil)
	refuse("files", len(c.line.Files) > 0)
	refuse("prebuilt", len(c.line.Prebuilt) > 0)
	refuse("aliases", c.line.Aliases != "" && !c.line.IsRelease())
	if c.line.Aliases != "" && c.line.IsRelease() {
		c.vendor("aliases", c.line.Aliases)
	}
	for i, r := range c.line.Repositories {
		at := fmt.Sprintf("repositories[%d]", i)
		refuse(at+".from", r.From != "")
		refuse(at+".extra-tags", len(r.ExtraTags) > 0)
		refuse(at+".fix-versions", len(r.FixVersions) > 0)
		for j, p := range r.Packages {
			at := fmt.Sprintf("%s.packages[%d]", at, j)
			refuse(at+".keep", len(p.Keep) > 0)
			refuse(at+".base.released", p.Base != nil && p.Base.Released != "")
		}
	}
	for i, e := range c.line.Editions {
		refuse(fmt.Sprintf("editions[%d].released", i), e.Released != "" || e.ReleasedOnly)
	}
}

func (c *checker) data() {
	d := c.line.Data
	if d == nil {
		return
	}
	c.gitURL("data.url", d.URL)
	if err := checkRef(d.Ref); err != nil {
		c.add("data.ref", "%v", err)
	}
	c.commit("data.commit", d.Commit)
}

func (c *checker) commit(at, commit string) {
	if !commitPattern.MatchString(commit) {
		c.add(at, "%.50q: want 40 hexadecimal digits", commit)
	}
}

// version checks a version that Composer shall read.
func (c *checker) version(at, text string) {
	if _, err := composer.ParseVersion(text); err != nil {
		c.add(at, "%v", err)
	}
}

// fromData checks a path in data, which has to be there then.
func (c *checker) fromData(at, p string) {
	if err := checkPath(p); err != nil {
		c.add(at, "%v", err)
	}
	if c.line.Data == nil {
		c.add(at, "%s lies in data, but the line has none; write data: with a URL, a ref and a commit", p)
	}
}

func (c *checker) released(at, pattern string) {
	if pattern == "" {
		return
	}
	c.fromData(at+".released", pattern)
	if !strings.Contains(pattern, "{tag}") {
		c.add(at+".released", "%q holds no {tag}: every tag would get the same composer.json", pattern)
	}
}

func (c *checker) files() {
	for i, f := range c.line.Files {
		at := fmt.Sprintf("files[%d]", i)
		c.packageName(at+".package", f.Package)
		c.constraint(at+".when", f.When)
		if err := checkPath(f.Path); err != nil {
			c.add(at+".path", "%v", err)
		} else if f.Path == "composer.json" {
			c.add(at+".path", "composer.json is changed with edits")
		}
		c.fromData(at+".from", f.From)
		c.reason(at, f.Reason)
	}
}

func (c *checker) prebuilt() {
	for i, p := range c.line.Prebuilt {
		at := fmt.Sprintf("prebuilt[%d]", i)
		c.reason(at, p.Reason)
		set := 0
		if p.Directory != "" {
			set++
			c.fromData(at+".directory", p.Directory)
		}
		if p.Folder != "" {
			set++
			c.url(at+".folder", p.Folder, folderRule)
		}
		if p.Repository != "" {
			set++
			c.composerURL(at+".repository", p.Repository)
		}
		if set != 1 {
			c.add(at, "want exactly one of directory, folder and repository")
		}
		if len(p.Packages) > 0 && p.Repository == "" {
			c.add(at+".packages", "only of a Composer repository some packages can be chosen")
		}
		for j, pattern := range p.Packages {
			if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
				c.add(fmt.Sprintf("%s.packages[%d]", at, j), "%q is no glob pattern, such as mage-os/*", pattern)
			}
		}
	}
}

// folderRule is what a folder of zips is.
var folderRule = urlRule{[]string{"file"}, "file://", "file:///srv/zips"}

func (c *checker) extraTags(at string, r Repository) {
	seen := map[string]bool{}
	for i, extra := range r.ExtraTags {
		at := fmt.Sprintf("%s.extra-tags[%d]", at, i)
		if err := checkRef(extra.Tag); err != nil {
			c.add(at+".tag", "%v", err)
		} else {
			c.version(at+".tag", extra.Tag)
		}
		if seen[extra.Tag] {
			c.add(at+".tag", "%s stands in the list twice", extra.Tag)
		}
		seen[extra.Tag] = true
		c.commit(at+".commit", extra.Commit)
		c.reason(at, extra.Reason)
	}
}

func (c *checker) fixVersions(at string, r Repository) {
	seen := map[string]bool{}
	for i, fix := range r.FixVersions {
		at := fmt.Sprintf("%s.fix-versions[%d]", at, i)
		if err := checkRef(fix.Tag); err != nil {
			c.add(at+".tag", "%v", err)
		}
		if seen[fix.Tag] {
			c.add(at+".tag", "%s stands in the list twice", fix.Tag)
		}
		seen[fix.Tag] = true
		c.reason(at, fix.Reason)
		if len(fix.Versions) == 0 {
			c.add(at+".versions", "is missing: want packages and their versions")
		}
		for _, name := range slices.Sorted(maps.Keys(fix.Versions)) {
			c.packageName(at+".versions", name)
			c.version(joinPath(at+".versions", name), fix.Versions[name])
		}
	}
}

func (c *checker) keep(at string, p Package) {
	for i, k := range p.Keep {
		at := fmt.Sprintf("%s.keep[%d]", at, i)
		if !slices.Contains(p.Exclude, k.Path) {
			c.add(at+".path", "%q is not excluded, so that there is nothing to keep%s", k.Path, suggest(k.Path, p.Exclude))
		}
		c.constraint(at+".when", k.When)
	}
	if p.Base != nil {
		c.released(at+".base", p.Base.Released)
	}
}
