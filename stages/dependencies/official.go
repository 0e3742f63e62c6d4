package dependencies

import (
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

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
		requires[i].Evidence = carriedOver
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
