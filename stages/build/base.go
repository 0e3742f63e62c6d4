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

// base composes the base package: the line's fixed part of composer.json, with
// extra.map generated from the files that are packed.
func (w *writer) base(ctx context.Context, c *composed) error {
	base, err := baseOf(&w.plan.Line, c.Package)
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
	if err := pruneComponents(extra, there); err != nil {
		return err
	}
	if err := extra.Set("map", there.mapping()); err != nil {
		return err
	}
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

// objectAt gives an object of composer.json, or an empty one.
func objectAt(m *composer.Manifest, key string) (*composer.Manifest, error) {
	raw, ok := m.Get(key)
	if !ok {
		return composer.NewManifest(), nil
	}
	object, err := composer.ParseManifest(raw)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", key, err)
	}
	return object, nil
}

// pruneComponents removes from extra.component_paths what the tree does not
// have: a library that the distribution dropped.
func pruneComponents(extra *composer.Manifest, t *layout) error {
	const key = "component_paths"
	if _, ok := extra.Get(key); !ok {
		return nil
	}
	components, err := objectAt(extra, key)
	if err != nil {
		return err
	}
	for _, name := range components.Keys() {
		raw, _ := components.Get(name)
		value, err := pruned(raw, t)
		if err != nil {
			return fmt.Errorf("extra.component_paths.%s: %w", name, err)
		}
		if value == nil {
			components.Delete(name)
			continue
		}
		if err := components.Set(name, value); err != nil {
			return err
		}
	}
	if len(components.Keys()) == 0 {
		extra.Delete(key)
		return nil
	}
	return extra.Set(key, components)
}

// pruned keeps the paths that are there: one text or a list of them, as it was;
// nil when none is.
func pruned(raw json.RawMessage, t *layout) (any, error) {
	var one string
	if err := json.Unmarshal(raw, &one); err == nil {
		if !t.has(one) {
			return nil, nil
		}
		return one, nil
	}
	var many []string
	if err := json.Unmarshal(raw, &many); err != nil {
		return nil, errors.New("want a path or a list of paths")
	}
	many = slices.DeleteFunc(many, func(p string) bool { return !t.has(p) })
	if len(many) == 0 {
		return nil, nil
	}
	return many, nil
}
