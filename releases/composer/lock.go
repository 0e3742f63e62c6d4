package composer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A Lock is what a composer.lock says is installed: Packages for everybody, PackagesDev for development only.
type Lock struct {
	Packages    []LockPackage
	PackagesDev []LockPackage
}

// A LockPackage is one installed package. Type is "library" when absent; Autoload is nil when absent. Manifest is the
// package's whole entry, with its "dist" and "source", and its name in the case in which it was written.
type LockPackage struct {
	Name     Name
	Version  string
	Type     string
	Require  []Link
	Replace  []Link
	Provide  []Link
	Autoload json.RawMessage
	Manifest *Manifest
}

// ParseLock reads a composer.lock under the same bounds as ParseManifest. All its broken packages are reported
// together.
func ParseLock(data []byte) (*Lock, error) {
	root, err := decodeObject(data, maxManifest, nil)
	if err != nil {
		return nil, fmt.Errorf("read composer.lock: %w", err)
	}
	if root.get("packages") == nil {
		return nil, errors.New(`read composer.lock: it has no "packages"; is it a composer.lock?`)
	}
	packages, err := lockPackages(root, "packages")
	packagesDev, errDev := lockPackages(root, "packages-dev")
	if err := errors.Join(err, errDev); err != nil {
		return nil, fmt.Errorf("read composer.lock: %w", err)
	}
	return &Lock{Packages: packages, PackagesDev: packagesDev}, nil
}

// ParseInstalled reads the installed.json that Composer writes beside the packages, a list of them since Composer 1
// and an object with that list since Composer 2, as ParseLock does.
func ParseInstalled(data []byte) (*Lock, error) {
	if jsontext.Value(data).Kind() == jsontext.KindBeginArray {
		data = slices.Concat([]byte(`{"packages":`), data, []byte(`}`))
	}
	root, err := decodeObject(data, maxManifest, nil)
	if err == nil && root.get("packages") == nil {
		err = errors.New(`it has no "packages"`)
	}
	var packages []LockPackage
	if err == nil {
		packages, err = lockPackages(root, "packages")
	}
	if err != nil {
		return nil, fmt.Errorf("read installed.json: %w", err)
	}
	return &Lock{Packages: packages}, nil
}

func lockPackages(root object, key string) ([]LockPackage, error) {
	value := root.get(key)
	if isNull(value) {
		return nil, nil // composer install --no-dev on an old lock writes null
	}
	list, ok := listOf(value)
	if !ok {
		return nil, fmt.Errorf("%q is %s, want a list", key, kindOf(value))
	}
	var packages []LockPackage
	var errs []error
	for i, value := range list {
		locked, err := lockPackage(value)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s[%d]: %w", key, i, err))
			continue
		}
		packages = append(packages, locked)
	}
	return packages, errors.Join(errs...)
}

func lockPackage(value jsontext.Value) (LockPackage, error) {
	m, err := manifestOf(value)
	if err != nil {
		return LockPackage{}, err
	}
	name, err := ParseName(strings.ToLower(m.Name())) // old locks have names in any case, and so takes them Composer
	if err != nil {
		return LockPackage{}, err
	}
	if m.Version() == "" {
		return LockPackage{}, fmt.Errorf("package %s has no version", name)
	}
	autoload, _ := m.Get("autoload")
	return LockPackage{
		Name: name, Version: m.Version(), Type: m.Type(),
		Require: m.Links(Require), Replace: m.Links(Replace), Provide: m.Links(Provide),
		Autoload: autoload, Manifest: m,
	}, nil
}

// manifestOf takes a decoded value for a composer.json.
func manifestOf(value jsontext.Value) (*Manifest, error) {
	root, ok := objectOf(value)
	if !ok {
		return nil, fmt.Errorf("package is %s, want an object", kindOf(value))
	}
	return checked(root)
}

// checked takes an object for a composer.json.
func checked(root object) (*Manifest, error) {
	m := &Manifest{root: root}
	for _, f := range root {
		if err := checkMember(f); err != nil {
			return nil, fmt.Errorf("package %s: %w", m.Name(), err)
		}
	}
	return m, nil
}
