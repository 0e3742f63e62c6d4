package composer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// addPackages takes the "packages" of packages.json or of an included file.
func (r *Repository) addPackages(root object) error {
	packages, err := packagesOf(root)
	if err != nil {
		return err
	}
	for _, f := range packages {
		entries, err := entryObjects(f.Value)
		if err != nil {
			return fmt.Errorf("package %q: %w", f.Key, err)
		}
		name := strings.ToLower(f.Key)
		r.inline[name] = append(r.inline[name], entries...)
	}
	return nil
}

func packagesOf(root object) (object, error) {
	value := root.get("packages")
	packages, ok := objectOf(value)
	if !ok && !isNone(value) {
		return nil, fmt.Errorf(`"packages" is %s, want an object`, kindOf(value))
	}
	return packages, nil
}

// metadataEntries takes one package's versions from its metadata file, expanded when they are minified.
func metadataEntries(root object, name Name) ([]object, error) {
	if isNull(root.get("packages")) {
		return nil, errors.New(`"packages" is null, want an object`)
	}
	packages, err := packagesOf(root)
	value := packages.get(string(name))
	if err != nil || value == nil {
		return nil, err
	}
	entries, err := entryObjects(value)
	if err != nil {
		return nil, err
	}
	if minified := root.get("minified"); !isNull(minified) {
		if text, _ := textOf(minified); text != MinifiedFormat {
			return nil, fmt.Errorf(`"minified" is %s, only %s is known`, minified, MinifiedFormat)
		}
		return expand(entries), nil
	}
	return entries, nil
}

// entryObjects are the versions of a package: a list, or in older repositories an object by version.
func entryObjects(value jsontext.Value) ([]object, error) {
	values, ok := valuesOf(value)
	if !ok {
		return nil, fmt.Errorf("its versions are %s, want a list", kindOf(value))
	}
	entries := make([]object, len(values))
	for i, value := range values {
		if entries[i], ok = objectOf(value); !ok {
			return nil, fmt.Errorf("its version %d is %s, want an object", i, kindOf(value))
		}
	}
	return entries, nil
}

// expand undoes Composer's minification: each version states only what differs from the one before it, and
// "__unset" for what it does not have.
func expand(entries []object) []object {
	var expanded []object
	var current object
	for _, entry := range entries {
		current = slices.Clone(current)
		for _, f := range entry {
			if string(f.Value) != unset {
				current.set(f.Key, f.Value)
			} else {
				current.delete(f.Key)
			}
		}
		expanded = append(expanded, current)
	}
	return expanded
}

// packageVersions makes manifests of a package's entries, newest first. All broken entries are reported together.
func packageVersions(name Name, entries []object) ([]PackageVersion, error) {
	var sorted []entry
	var errs []error
	for _, root := range entries {
		e, err := readEntry(name, root)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		sorted = append(sorted, e)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	sortEntries(sorted)
	versions := make([]PackageVersion, 0, len(sorted))
	for _, e := range sorted {
		dist, err := distOf(e.root)
		if err != nil {
			return nil, fmt.Errorf("version %s: %w", e.version, err)
		}
		m := &Manifest{root: slices.Clone(e.root)}
		m.Delete("dist", "version_normalized")
		versions = append(versions, PackageVersion{Manifest: m, Dist: dist})
	}
	return versions, nil
}

func readEntry(name Name, root object) (entry, error) {
	m, err := checked(root)
	if err != nil {
		return entry{}, err
	}
	if !strings.EqualFold(m.Name(), string(name)) { // Composer too takes the name in any case
		return entry{}, fmt.Errorf("a version of it has the name %q", m.Name())
	}
	version, err := ParseVersion(m.Version())
	return entry{version: version, root: root}, err
}

// distOf reads an entry's "dist"; nil when it has none.
func distOf(root object) (*Dist, error) {
	value := root.get("dist")
	if isNull(value) {
		return nil, nil
	}
	o, ok := objectOf(value)
	if !ok {
		return nil, fmt.Errorf(`"dist" is %s, want an object`, kindOf(value))
	}
	var dist Dist
	for key, field := range map[string]*string{
		"type": &dist.Type, "url": &dist.URL, "reference": &dist.Reference, "shasum": &dist.SHASum,
	} {
		text, err := textAt(o, key)
		if err != nil {
			return nil, fmt.Errorf("dist: %w", err)
		}
		*field = text
	}
	return &dist, nil
}

// textAt is the text at key, "" when it is absent or null.
func textAt(o object, key string) (string, error) {
	value := o.get(key)
	text, ok := textOf(value)
	if !ok && !isNull(value) {
		return "", fmt.Errorf("%q is %s, want text", key, kindOf(value))
	}
	return text, nil
}

// textsAt is the list of texts at key, none when it is absent or null.
func textsAt(o object, key string) ([]string, error) {
	value := o.get(key)
	list, ok := listOf(value)
	if !ok && !isNull(value) {
		return nil, fmt.Errorf("%q is %s, want a list", key, kindOf(value))
	}
	texts := make([]string, len(list))
	for i, value := range list {
		if texts[i], ok = textOf(value); !ok {
			return nil, fmt.Errorf("%q: entry %d is %s, want text", key, i, kindOf(value))
		}
	}
	return texts, nil
}
