package composer

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Name is a package's name, "vendor/project", in lower case.
type Name string

// Both patterns are Composer's own: the schema of composer.json, and the list of platform packages.
var (
	namePattern     = regexp.MustCompile(`^[a-z0-9](?:[_.-]?[a-z0-9]+)*/[a-z0-9](?:(?:[_.]|-{1,2})?[a-z0-9]+)*$`)
	platformPattern = regexp.MustCompile(
		`^(?:php(?:-64bit|-ipv6|-zts|-debug)?|hhvm|(?:ext|lib)-[a-z0-9](?:[_.-]?[a-z0-9]+)*|composer(?:-(?:plugin|runtime)-api)?)$`)
)

// maxName bounds a name's length in bytes, so that a name is always good as a file name.
const maxName = 200

// reservedNames cannot be file names on Windows; Composer refuses them on either side of the slash.
var reservedNames = []string{
	"nul", "con", "prn", "aux",
	"com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
	"lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
}

// ParseName checks s by Composer's rule for the names of packages. Platform packages such as "php" have no vendor
// and are no Name; see IsPlatform.
func ParseName(s string) (Name, error) {
	switch {
	case len(s) > maxName:
		return "", fmt.Errorf("package name %.40q…: longer than %d bytes", s, maxName)
	case !namePattern.MatchString(s):
		return "", fmt.Errorf("package name %q: want vendor/project in lower case, words joined by '-', '_' or '.'", s)
	case strings.HasSuffix(s, ".json"):
		return "", fmt.Errorf("package name %q: Composer does not allow a name that ends in .json", s)
	}
	name := Name(s)
	for _, part := range []string{name.Vendor(), name.Project()} {
		if slices.Contains(reservedNames, part) {
			return "", fmt.Errorf("package name %q: Composer reserves %q", s, part)
		}
	}
	return name, nil
}

// Vendor is the part before the slash.
func (n Name) Vendor() string {
	vendor, _, _ := strings.Cut(string(n), "/")
	return vendor
}

// Project is the part after the slash.
func (n Name) Project() string {
	_, project, _ := strings.Cut(string(n), "/")
	return project
}

// WithVendor is the same project under another vendor.
func (n Name) WithVendor(vendor string) Name {
	return Name(vendor + "/" + n.Project())
}

// IsPlatform says whether name is a platform package: PHP, one of its extensions, a system library or Composer
// itself. No repository has those; they are what the machine provides.
func IsPlatform(name string) bool {
	return platformPattern.MatchString(strings.ToLower(name))
}
