package dependencies

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// Official is the name of the rule by which base packages get their requires,
// as release lines have it.
const Official = "official"

// officialNames are the third-party packages that magento2-base 2.0.0 requires,
// as published. The list was never changed since: every official base package,
// from 2.0.0 to 2.4.9-beta1, requires those of them that its root composer.json
// requires.
var officialNames = []string{
	"braintree/braintree_php",
	"composer/composer",
	"magento/composer",
	composerInstaller,
	"magento/zendframework1",
	"monolog/monolog",
	"oyejorge/less.php",
	"pelago/emogrifier",
	"phpseclib/phpseclib",
	"symfony/console",
	"symfony/event-dispatcher",
	"tedivm/jshrink",
	"tubalmartin/cssmin",
	"zendframework/zend-code",
	"zendframework/zend-config",
	"zendframework/zend-console",
	"zendframework/zend-crypt",
	"zendframework/zend-di",
	"zendframework/zend-eventmanager",
	"zendframework/zend-form",
	"zendframework/zend-http",
	"zendframework/zend-i18n",
	"zendframework/zend-json",
	"zendframework/zend-log",
	"zendframework/zend-modulemanager",
	"zendframework/zend-mvc",
	"zendframework/zend-serializer",
	"zendframework/zend-server",
	"zendframework/zend-servicemanager",
	"zendframework/zend-soap",
	"zendframework/zend-stdlib",
	"zendframework/zend-text",
	"zendframework/zend-uri",
	"zendframework/zend-validator",
	"zendframework/zend-view",
}

// officialPlatform are the platform packages that every official base package
// requires.
var officialPlatform = []string{"php", "ext-intl", "ext-mbstring"}

const (
	composerInstaller = "magento/magento-composer-installer"
	braintree         = "braintree/braintree_php"
	// braintreeUntil is the first release whose base package no longer requires
	// Braintree although its root still does.
	braintreeUntil = "2.3.6-p1"
)

// official gives the requires of a base package by the rule that all official
// ones follow: the known names that the root composer.json requires, with its
// constraints, in its order, the composer installer first and in any version.
func official(root *composer.Manifest) []releases.Requirement {
	var first, rest []composer.Link
	for _, l := range root.Links(composer.Require) {
		switch {
		case !isOfficial(l.Name), l.Name == braintree && !withBraintree(root.Version()):
		case l.Name == composerInstaller:
			first = []composer.Link{{Name: composerInstaller, Constraint: "*"}}
		default:
			rest = append(rest, l)
		}
	}
	requires := declared(append(first, rest...))
	for i := range requires {
		requires[i].Evidence = "carried over, no reference"
	}
	return requires
}

// isOfficial knows the names of Laminas, which was Zend Framework until 2.3.3.
func isOfficial(name string) bool {
	if rest, ok := strings.CutPrefix(name, "laminas/laminas-"); ok {
		name = "zendframework/zend-" + rest
	}
	return slices.Contains(officialNames, name) || slices.Contains(officialPlatform, name)
}

func withBraintree(version string) bool {
	v, err := composer.ParseVersion(version)
	until, _ := composer.ParseVersion(braintreeUntil)
	return err == nil && v.Compare(until) < 0
}

// base is the base package: its name comes from the line, its requires from the
// root composer.json of its directory.
func (r *repository) base(ctx context.Context, entry releases.Package) ([]stages.Package, error) {
	root, err := r.manifest(ctx, entry.Directory)
	if errors.Is(err, fs.ErrNotExist) && entry.Optional {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the base package's requires come from there: %w", err)
	}
	if entry.Base.Require != Official {
		return nil, fmt.Errorf("repository %s: base package: require %q is not known; it can be %q", r.Name, entry.Base.Require, Official)
	}
	name := entry.Base.Manifest.Name()
	if _, err := composer.ParseName(name); err != nil {
		return nil, fmt.Errorf("repository %s: the base package's manifest in the release line: %w", r.Name, err)
	}
	return []stages.Package{{
		Repository: r.Name, Directory: path.Clean(entry.Directory), Kind: stages.Base, Name: name, Exclude: entry.Exclude,
		BaseVersion: r.rootVersion(ctx, entry.Directory, name),
		Requires:    official(root),
	}}, nil
}
