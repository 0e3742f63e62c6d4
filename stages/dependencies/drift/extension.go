package drift

import (
	"strings"

	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages/dependencies/php"
	"github.com/mage-os/nightly/stages/dependencies/platform"
)

// extensionOf says whether PHP or one of its extensions holds the name.
func extensionOf(r php.Reference) (ext string, ok bool) {
	switch {
	case r.Kind == php.Function:
		return platform.Extension(platform.Function, r.Name)
	case r.Kind == php.Constant:
		return platform.Extension(platform.Constant, r.Name)
	case !isClass(r):
		return "", false
	}
	if ext, ok = platform.Extension(platform.Class, r.Name); ok {
		return ext, true
	}
	// Magento generates factories and proxies of PHP's classes too.
	base := strings.TrimSuffix(strings.TrimSuffix(r.Name, `\Proxy`), "Factory")
	if base == r.Name {
		return "", false
	}
	return platform.Extension(platform.Class, base)
}

// builtIn reports whether nobody has to require an extension: every PHP of that
// version has it, or it is one that no distribution of PHP leaves out or packs
// apart. What ext-random holds lay in ext-standard before PHP 8.2.
func builtIn(ext string, v platform.Version) bool {
	return ext == "ext-filter" || ext == "ext-random" || platform.Always(ext, v)
}

// versions are those of PHP that a package may ask for, the oldest first.
var versions = []platform.Version{{Major: 7, Minor: 4}, {Major: 8, Minor: 0}, {Major: 8, Minor: 1}, {Major: 8, Minor: 2}, {Major: 8, Minor: 3}, {Major: 8, Minor: 4}, {Major: 8, Minor: 5}}

// usual is what is taken where nothing says which PHP is wanted: the oldest that
// Magento 2.4.4 and later run on.
var usual = platform.Version{Major: 8, Minor: 1}

// oldestPHP gives the oldest version that one of the manifests allows, the first
// that says anything.
func oldestPHP(manifests ...*composer.Manifest) platform.Version {
	for _, m := range manifests {
		if m == nil {
			continue
		}
		for _, l := range m.Links(composer.Require) {
			if l.Name != "php" {
				continue
			}
			if v, ok := oldestOf(l.Constraint); ok {
				return v
			}
		}
	}
	return usual
}

func oldestOf(text string) (platform.Version, bool) {
	constraint, err := composer.ParseConstraint(text)
	if err != nil {
		return platform.Version{}, false
	}
	for _, v := range versions {
		// A high patch level: ">=8.1.5" is 8.1.
		text := string(rune('0'+v.Major)) + "." + string(rune('0'+v.Minor)) + ".99"
		if version, err := composer.ParseVersion(text); err == nil && constraint.Matches(version) {
			return v, true
		}
	}
	return platform.Version{}, false
}
