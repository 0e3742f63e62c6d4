package autoload

import (
	"errors"
	"slices"

	"github.com/mage-os/nightly/releases/composer"
)

// A Package is what the index needs to know of a package. Type is Composer's, "library" when it does not matter. The
// autoload-dev section is not looked at: Composer ignores it in a package that another one requires.
type Package struct {
	Name     string
	Type     string
	Autoload composer.Autoload
}

// FromLock makes the packages of a composer.lock, those for development behind the others. All the broken ones are
// reported together.
func FromLock(lock *composer.Lock) ([]Package, error) {
	var packages []Package
	var errs []error
	for _, locked := range slices.Concat(lock.Packages, lock.PackagesDev) {
		section, err := locked.Manifest.Autoload()
		errs = append(errs, err)
		packages = append(packages, Package{string(locked.Name), locked.Type, section})
	}
	return packages, errors.Join(errs...)
}
