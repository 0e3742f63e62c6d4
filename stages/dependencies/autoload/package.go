package autoload

import (
	"errors"

	"github.com/mage-os/nightly/releases/composer"
)

// A Package is what the index needs to know of a package. Type is Composer's, "library" when it does not matter.
//
// AutoloadDev is for the root package, or for one whose own tests are looked at: Composer ignores it in a package that
// another one requires, so FromLock leaves it empty.
//
// Declares are the fully qualified names of classes that are known to stand in the package's code, for a package whose
// code is at hand. They win over every prefix. May be empty.
type Package struct {
	Name        string
	Type        string
	Autoload    composer.Autoload
	AutoloadDev composer.Autoload
	Declares    []string
}

// FromLock makes the packages of a composer.lock, those for development behind the others. All the broken ones are
// reported together.
func FromLock(lock *composer.Lock) ([]Package, error) {
	packages := make([]Package, 0, len(lock.Packages)+len(lock.PackagesDev))
	var errs []error
	for _, list := range [][]composer.LockPackage{lock.Packages, lock.PackagesDev} {
		for _, locked := range list {
			section, err := locked.Manifest.Autoload()
			if err != nil {
				errs = append(errs, err)
				continue
			}
			packages = append(packages, Package{Name: string(locked.Name), Type: locked.Type, Autoload: section})
		}
	}
	return packages, errors.Join(errs...)
}

// FromManifest makes the package of a composer.json, with its AutoloadDev.
func FromManifest(m *composer.Manifest) (Package, error) {
	section, err := m.Autoload()
	sectionDev, errDev := m.AutoloadDev()
	if err := errors.Join(err, errDev); err != nil {
		return Package{}, err
	}
	return Package{Name: m.Name(), Type: m.Type(), Autoload: section, AutoloadDev: sectionDev}, nil
}
