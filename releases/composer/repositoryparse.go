package composer

import (
	"errors"
	"fmt"
	"strings"
)

// addPackages takes the "packages" of packages.json or of an included file.
func (r *Repository) addPackages(root *object) error {
	value, _ := root.get("packages")
	packages, ok := value.(*object)
	if list, isList := value.([]any); value == nil || isList && len(list) == 0 {
		return nil
	}
	if !ok {
		return fmt.Errorf(`"packages" is %s, want an object`, kindOf(value))
	}
	for _, member := range packages.members {
		entries, err := entryObjects(member.value)
		if err != nil {
			return fmt.Errorf("package %q: %w", member.key, err)
		}
		name := strings.ToLower(member.key)
		r.inline[name] = append(r.inline[name], entries...)
	}
	return nil
}

// metadataEntries takes one package's versions from its metadata file, expanded when they are minified.
func metadataEntries(root *object, name Name) ([]*object, error) {
	value, _ := root.get("packages")
	packages, ok := value.(*object)
	if !ok {
		if list, isList := value.([]any); isList && len(list) == 0 {
			return nil, nil
		}
		return nil, fmt.Errorf(`"packages" is %s, want an object`, kindOf(value))
	}
	value, ok = packages.get(string(name))
	if !ok {
		return nil, nil
	}
	entries, err := entryObjects(value)
	if err != nil {
		return nil, err
	}
	if minified, _ := root.get("minified"); minified != nil {
		if minified != "composer/2.0" {
			return nil, fmt.Errorf(`"minified" is %v, only composer/2.0 is known`, minified)
		}
		return expand(entries), nil
	}
	return entries, nil
}

// entryObjects are the versions of a package: a list, or in older repositories an object by version.
func entryObjects(value any) ([]*object, error) {
	var values []any
	switch value := value.(type) {
	case []any:
		values = value
	case *object:
		for _, member := range value.members {
			values = append(values, member.value)
		}
	default:
		return nil, fmt.Errorf("its versions are %s, want a list", kindOf(value))
	}
	entries := make([]*object, 0, len(values))
	for i, value := range values {
		entry, ok := value.(*object)
		if !ok {
			return nil, fmt.Errorf("its version %d is %s, want an object", i, kindOf(value))
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// expand undoes Composer's minification: each version states only what differs from the one before it, and
// "__unset" for what it does not have.
func expand(entries []*object) []*object {
	var expanded []*object
	current := &object{}
	for _, entry := range entries {
		current = current.clone()
		for _, member := range entry.members {
			if member.value != "__unset" {
				current.set(member.key, member.value)
			} else {
				current.delete(member.key)
			}
		}
		expanded = append(expanded, current)
	}
	return expanded
}

// packageVersions makes manifests of a package's entries, newest first. All broken entries are reported together.
func packageVersions(name Name, entries []*object) ([]PackageVersion, error) {
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
		m := &Manifest{root: *e.root.clone()}
		m.Delete("dist", "version_normalized")
		versions = append(versions, PackageVersion{Manifest: m, Dist: dist})
	}
	return versions, nil
}

func readEntry(name Name, root *object) (entry, error) {
	m, err := manifestOf(root)
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
func distOf(root *object) (*Dist, error) {
	value, _ := root.get("dist")
	if value == nil {
		return nil, nil
	}
	o, ok := value.(*object)
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
func textAt(o *object, key string) (string, error) {
	value, _ := o.get(key)
	if value == nil {
		return "", nil
	}
	text, ok := value.(string)
	if !ok {
		return "", fmt.Errorf("%q is %s, want text", key, kindOf(value))
	}
	return text, nil
}

// textsAt is the list of texts at key, none when it is absent or null.
func textsAt(o *object, key string) ([]string, error) {
	value, _ := o.get(key)
	if value == nil {
		return nil, nil
	}
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("%q is %s, want a list", key, kindOf(value))
	}
	texts := make([]string, 0, len(list))
	for i, value := range list {
		text, ok := value.(string)
		if !ok {
			return nil, fmt.Errorf("%q: entry %d is %s, want text", key, i, kindOf(value))
		}
		texts = append(texts, text)
	}
	return texts, nil
}
