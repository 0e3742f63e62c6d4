package drift

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages/dependencies/php"
	"github.com/mage-os/nightly/stages/dependencies/platform"
)

//go:embed known.yaml
var knownText []byte

// known is the data table: what the packages' own files do not say.
type known struct{ Provided, Deployed, Tools, Replacements, Polyfills, Aliases, Namespaces []row }

// A row says something of a package, and why it is so. Which of its fields are
// used known.yaml says.
type row struct{ Package, By, Extension, Text, Prefix, Reason string }

// table reads the data table once. It is part of the program, and a test reads
// it strictly: an error here cannot be.
var table = sync.OnceValue(func() known {
	k, _ := parseKnown(knownText)
	return k
})

func parseKnown(text []byte) (known, error) {
	var k known
	return k, yaml.UnmarshalWithOptions(text, &k, yaml.Strict())
}

// byNamespace finds the package of a class by the table.
func byNamespace(class string) (string, bool) {
	for _, n := range table().Namespaces {
		if strings.HasPrefix(class, n.Prefix) {
			return n.Package, true
		}
	}
	return "", false
}

// polyfills gives the packages in whose place a package can use extensions of PHP: those
// that it requires and that provide one, as they say or as the table does.
func (d *distribution) polyfills(m *member) func(ext, name string) (pkg string, ok bool) {
	byExtension := map[string]string{}
	parts := map[string]row{}
	for required := range d.graph.met(m.manifest.Links(composer.Require)) {
		n := d.graph.nodes[required]
		if n == nil {
			continue
		}
		for _, l := range n.provides {
			byExtension[strings.ToLower(l.Name)] = required
		}
		for _, r := range table().Polyfills {
			if r.Package == required {
				parts[r.Extension] = r
			}
		}
	}
	return func(ext, name string) (string, bool) {
		for _, r := range table().Replacements {
			if r.Extension == ext && d.graph.nodes[r.Package] != nil {
				return r.Package, true
			}
		}
		if r, ok := parts[ext]; ok && regexp.MustCompile(r.Text).MatchString(strings.ToLower(name)) {
			return r.Package, true
		}
		pkg, ok := byExtension[ext]
		return pkg, ok
	}
}

// extensionOf says whether PHP or one of its extensions holds the name.
func extensionOf(r php.Reference) (ext string, ok bool) {
	switch {
	case r.Kind == php.Function:
		return platform.Extension(platform.Function, r.Name)
	case r.Kind == php.Constant:
		return platform.Extension(platform.Constant, r.Name)
	case !isClass(r.Kind):
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
// that says anything; each may be nil.
func oldestPHP(manifests ...*composer.Manifest) platform.Version {
	for _, m := range manifests {
		if m == nil {
			continue
		}
		for _, l := range m.Links(composer.Require) {
			if l.Name != "php" {
				continue
			}
			constraint, err := composer.ParseConstraint(l.Constraint)
			if err != nil {
				continue
			}
			for _, v := range versions {
				// A high patch level: ">=8.1.5" is 8.1.
				version, err := composer.ParseVersion(fmt.Sprintf("%d.%d.99", v.Major, v.Minor))
				if err == nil && constraint.Matches(version) {
					return v
				}
			}
		}
	}
	return usual
}

// frameworkParts are the parts of Magento\Framework that are packages of their
// own.
var frameworkParts = map[string]string{
	"Amqp": "magento/framework-amqp", "Bulk": "magento/framework-bulk",
	"MessageQueue": "magento/framework-message-queue", "Stomp": "magento/framework-stomp",
}

// byConvention names the package of a class as Magento names its modules:
// Magento\InventoryApi\… is magento/module-inventory-api. It is used where there
// is no index that would know.
func byConvention(class string) (string, bool) {
	parts := strings.Split(class, `\`)
	if len(parts) < 3 || parts[0] != "Magento" {
		return "", false
	}
	switch parts[1] {
	case "Framework":
		if part, ok := frameworkParts[parts[2]]; ok {
			return part, true
		}
		return "magento/framework", true
	case "Setup":
		return "magento/magento2-base", true
	case "FunctionalTestingFramework":
		return "magento/magento2-functional-testing-framework", true
	}
	return "magento/module-" + dashed(parts[1]), true
}

// These are where a word of a name begins: before a capital, and before the last of
// several.
var (
	capital     = regexp.MustCompile(`([^A-Z])([A-Z])`)
	lastCapital = regexp.MustCompile(`([A-Z])([A-Z][a-z])`)
)

// dashed writes a name in lower case with '-' before every word: AwsS3, aws-s3.
func dashed(name string) string {
	return strings.ToLower(lastCapital.ReplaceAllString(capital.ReplaceAllString(name, "$1-$2"), "$1-$2"))
}
