package build

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// WithReleased gives the part of a line for a tag with the requires that its
// editions were released with, where the data knows them, for those that the line
// would add.
func WithReleased(ctx context.Context, store pipeline.Reader, tree pipeline.Tree, part releases.Line, tag string) (releases.Line, error) {
	d, err := openData(ctx, store, tree)
	if err != nil {
		return part, err
	}
	part.Editions = slices.Clone(part.Editions)
	var errs []error
	for i, e := range part.Editions {
		if e.Released == "" {
			continue
		}
		m, err := d.manifest(ctx, releases.ReleasedFile(e.Released, tag))
		if err != nil {
			errs = append(errs, fmt.Errorf("edition %s: %w", e.Name, err))
		}
		if m == nil || m.Name() != "" {
			continue
		}
		part.Editions[i].Require = []releases.Require{}
		for _, l := range m.Links(composer.Require) {
			part.Editions[i].Require = append(part.Editions[i].Require, releases.Require{Package: l.Name, Constraint: l.Constraint})
		}
	}
	return part, errors.Join(errs...)
}

// released are the composer.json files of the tag's base package and editions that
// the data knows whole, by the packages' names in the sources.
func (t *tagWriter) released(ctx context.Context, found []stages.Package) (map[string]*composer.Manifest, error) {
	all := map[string]*composer.Manifest{}
	t.added = map[string]*composer.Manifest{}
	var errs []error
	for _, p := range found {
		pattern := t.pattern(p)
		if pattern == "" {
			continue
		}
		m, err := t.data.manifest(ctx, releases.ReleasedFile(pattern, t.tag.Pin.Tag))
		if err != nil {
			errs = append(errs, err)
		}
		switch {
		case m != nil && m.Name() != "":
			all[p.Name] = m
		case m != nil:
			t.added[p.Name] = m
		}
	}
	return all, errors.Join(errs...)
}

// pattern is where the line says that a package's composer.json lies as released.
func (t *tagWriter) pattern(p stages.Package) string {
	if p.Kind == stages.Base {
		if base, err := baseOf(&t.tag.Line, p); err == nil {
			return base.Released
		}
	}
	e, _ := t.tag.Line.Edition(p.Edition)
	return e.Released
}

// addReleased puts in the keys that an edition was released with; its requires are
// in it already (WithReleased).
func (w *writer) addReleased(c *composed) error {
	m := w.added[c.Name]
	if m == nil {
		return nil
	}
	for _, key := range m.Keys() {
		if value, _ := m.Get(key); key != string(composer.Require) {
			if err := c.manifest.Set(key, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// asReleased composes a package whose composer.json is known as it was released:
// its requires are those in it, and the files those of the tag.
func (w *writer) asReleased(ctx context.Context, c *composed, m *composer.Manifest) error {
	c.manifest = m.Clone()
	c.Requires = nil
	for _, l := range m.Links(composer.Require) {
		c.Requires = append(c.Requires, releases.Requirement{Name: l.Name, Constraint: l.Constraint, Evidence: "as released"})
	}
	if err := c.manifest.Set("name", c.Name); err != nil {
		return err
	}
	if c.Kind != stages.Base {
		return nil
	}
	base, err := baseOf(&w.plan.Line, c.Package)
	if err != nil {
		return err
	}
	if c.files, err = w.files(ctx, c.Package, base.Manifest); err != nil {
		return err
	}
	c.directories = newLayout(c.files, base.EmptyDirectories).empty
	return nil
}

// pinEditions requires of an edition exactly the base package and the product of
// its tag. In a snapshot all that is built is pinned anyway.
func (w *writer) pinEditions(c *composed) {
	e, ok := w.plan.Line.Edition(c.Edition)
	if !ok {
		return
	}
	own := c.manifest.Links(composer.Require)
	for i, l := range own {
		project := composer.Name(l.Name).Project()
		version, built := w.rules.Version(composer.Name(l.Name))
		if l.Constraint == "*" && built && (project == e.Base || project == e.Product) {
			own[i].Constraint = version
		}
	}
	c.manifest.SetLinks(composer.Require, own)
}
