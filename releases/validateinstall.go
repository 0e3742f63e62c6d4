package releases

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

func (c *checker) install() {
	in := c.line.Install
	if projects := c.names(ProjectEdition); in.Project != "" && !slices.Contains(projects, in.Project) {
		c.add("install.project", "there is no project edition %q%s", in.Project, suggest(in.Project, projects))
	}
	for i, script := range in.Run {
		at := fmt.Sprintf("install.run[%d]", i)
		if err := checkPath(script); err != nil {
			c.add(at, "%v", err)
		} else if script == "." || script[0] == '-' {
			c.add(at, "%q is no PHP script of the project", script)
		}
	}
	if len(in.Run) > 0 && in.Project == "" {
		c.add("install.run", "there is no project edition that could be installed")
	}
	for i, text := range in.Expect {
		if text == "" {
			c.add(fmt.Sprintf("install.expect[%d]", i), "is empty, so that everything would do")
		}
	}
	if len(in.Expect) > 0 && len(in.Run) == 0 {
		c.add("install.run", "is missing: nothing is run that could print what install.expect wants")
	}
	c.installLevel()
	c.matrix()
	c.images()
}

func (c *checker) installLevel() {
	in := c.line.Install
	if !slices.Contains(Levels(), in.Level) {
		var names []string
		for _, l := range Levels() {
			names = append(names, string(l))
		}
		c.add("install.level", "%q is unknown%s", in.Level, suggest(string(in.Level), names))
	}
	if in.Search != NoSearch && in.Search != StandInSearch {
		c.add("install.search", "%q is unknown; want %s or %s; a search service is named on the command line or in install.matrix", in.Search, NoSearch, StandInSearch)
	}
	if in.SampleData && !in.Level.Includes(Setup) && slices.Contains(Levels(), in.Level) {
		c.add("install.sample-data", "is installed from level %s on, but install.level is %s", Setup, in.Level)
	}
}

var (
	minorVersion  = regexp.MustCompile(`^[0-9]{1,2}\.[0-9]{1,2}$`)
	databaseImage = regexp.MustCompile(`^(?:[a-z0-9][a-z0-9.:-]*/)*(mariadb|mysql):[A-Za-z0-9._-]+(?:@sha256:[0-9a-f]{64})?$`)
	searchImage   = regexp.MustCompile(`^(?:[a-z0-9][a-z0-9.:-]*/)*(opensearch|elasticsearch):[A-Za-z0-9._-]+(?:@sha256:[0-9a-f]{64})?$`)
)

// phpImage is the name of an image with PHP, or of a service beside the matrix.
var phpImage = regexp.MustCompile(`^(?:php(?::[0-9]{1,2}\.[0-9]{1,2})?|cache|queue)$`)

// imageReference is what a container can be made of.
var imageReference = regexp.MustCompile(`^(?:file:///\S+|[a-z0-9][A-Za-z0-9._-]*(?::[A-Za-z0-9._-]+)?(?:/[a-z0-9][a-z0-9._-]*(?::[A-Za-z0-9._-]+)?)*(?:@sha256:[0-9a-f]{64})?)$`)

// IsImageReference reports whether a text names an image: one of a registry, a
// tar or a root file system on this machine.
func IsImageReference(text string) bool { return imageReference.MatchString(text) }

func (c *checker) images() {
	for _, name := range slices.Sorted(maps.Keys(c.line.Install.Images)) {
		at, image := "install.images."+name, c.line.Install.Images[name]
		switch {
		case !phpImage.MatchString(name) && !databaseImage.MatchString(name) && !searchImage.MatchString(name):
			c.add(at, "%q is no name of the matrix; want php, php:8.3, cache, queue, or an image as install.matrix has it", name)
		case !IsImageReference(image):
			c.add(at, "%q is no image; want NAME@sha256:…, file:///IMAGE.tar or file:///ROOTFS", image)
		}
	}
}

func (c *checker) matrix() {
	m := c.line.Install.Matrix
	c.entries("php", m.PHP, "a PHP version of two parts, such as 8.3", minorVersion.MatchString)
	c.entries("database", m.Database, "an image of mariadb or mysql with a tag, such as mariadb:10.6", databaseImage.MatchString)
	c.entries("search", m.Search, "an image of opensearch or elasticsearch with a tag, such as opensearchproject/opensearch:2.19.1, or none, or stand-in", func(s string) bool {
		return s == NoSearch || s == StandInSearch || searchImage.MatchString(s)
	})
}

// entries checks one list of the matrix.
func (c *checker) entries(key string, values []string, want string, good func(string) bool) {
	seen := map[string]bool{}
	for i, value := range values {
		at := fmt.Sprintf("install.matrix.%s[%d]", key, i)
		switch {
		case !good(value):
			c.add(at, "%q: want %s", value, want)
		case seen[value]:
			c.add(at, "%s stands in the list twice", value)
		}
		seen[value] = true
	}
}
