package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// base composes the base package: the line's fixed part of composer.json, what it
// replaces and extra.component_paths from the composer.json of its directory, and
// extra.map generated from the files that are packed.
func (w *writer) base(ctx context.Context, c *composed) error {
	base, err := baseOf(&w.plan.Line, c.Package)
	if err != nil {
		return err
	}
	_, root, err := w.trees.Manifest(ctx, c.Repository, c.Directory)
	if err != nil {
		return err
	}
	if c.files, err = w.files(ctx, c.Package, base.Manifest); err != nil {
		return err
	}
	there := newLayout(c.files, base.EmptyDirectories)
	c.directories = there.empty
	c.manifest = base.Manifest.Clone()
	extra, err := objectAt(c.manifest, "extra")
	if err != nil {
		return err
	}
	if err := setComponents(extra, root); err != nil {
		return fmt.Errorf("%s: %w", c.file(), err)
	}
	if err := extra.Set("map", there.mapping(base.Map...)); err != nil {
		return err
	}
	c.manifest.Delete("extra") // it stands last, behind what is computed
	c.manifest.SetLinks(composer.Replace, w.libraries(root))
	return c.manifest.Set("extra", extra)
}

// baseOf finds what the line says about a base package.
func baseOf(line *releases.Line, c stages.Package) (*releases.Base, error) {
	repository, _ := line.Repository(c.Repository)
	i := slices.IndexFunc(repository.Packages, func(p releases.Package) bool {
		return p.Base != nil && path.Clean(p.Directory) == c.Directory && p.Base.Manifest.Name() == c.Name
	})
	if i < 0 {
		return nil, errors.New("the release line does not say what it is composed of")
	}
	return repository.Packages[i].Base, nil
}

// objectAt gives an object of composer.json, or an empty one; PHP writes an empty one
// as a list.
func objectAt(m *composer.Manifest, key string) (*composer.Manifest, error) {
	raw, ok := m.Get(key)
	if !ok || string(raw) == "[]" {
		return composer.NewManifest(), nil
	}
	object, err := composer.ParseManifest(raw)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", key, err)
	}
	return object, nil
}

// libraries are what the sources replace beside the line's own packages: libraries whose
// files lie in the tree, and so in the base package.
func (w *writer) libraries(root *composer.Manifest) []composer.Link {
	return slices.DeleteFunc(root.Links(composer.Replace), func(l composer.Link) bool { return w.plan.Line.Owns(l.Name) })
}

// setComponents sets extra.component_paths, where those libraries lie, as the official
// packages have it since 2.4.1: by name, and a list of one path as that path.
func setComponents(extra, root *composer.Manifest) error {
	const key = "component_paths"
	all, err := objectAt(root, "extra")
	if err != nil {
		return err
	}
	components, err := objectAt(all, key)
	if err != nil || len(components.Keys()) == 0 {
		return err
	}
	sorted := composer.NewManifest()
	for _, name := range slices.Sorted(slices.Values(components.Keys())) {
		value, _ := components.Get(name)
		var list []json.RawMessage
		if json.Unmarshal(value, &list) == nil && len(list) == 1 {
			value = list[0]
		}
		if err := sorted.Set(name, value); err != nil {
			return err
		}
	}
	return extra.Set(key, sorted)
}
