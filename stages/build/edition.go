package build

import (
	"context"
	"fmt"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// edition computes the composer.json of a product or project from the root
// composer.json of its repository, without its requires and not yet renamed.
func (w *writer) edition(ctx context.Context, c *composed) error {
	edition, ok := w.plan.Line.Edition(c.Edition)
	if !ok {
		return fmt.Errorf("edition %q is not in the release line", c.Edition)
	}
	for _, r := range edition.Require {
		c.added = append(c.added, string(w.rules.Rename(composer.Name(r.Package))))
	}
	_, m, err := w.trees.Manifest(ctx, c.Repository, c.Directory)
	if err != nil {
		return err
	}
	c.manifest = m
	if err := set(m, field{"name", c.Name}, field{"description", edition.Description}); err != nil {
		return err
	}
	if c.Kind == stages.Product {
		return w.product(m)
	}
	if err := w.project(m, c.Package); err != nil || w.plan.Line.Trust == "" {
		return err
	}
	name, err := releases.TrustFile(w.plan.Line.URL)
	if err != nil {
		return err
	}
	root := pipeline.File{Path: name, Mode: pipeline.Regular}
	root.Digest, root.Size, err = w.store.Add(ctx, strings.NewReader(w.plan.Line.Trust))
	c.files = append(c.files, root)
	return err
}

// product makes a root composer.json that of a metapackage. What is left out
// says how a shop is developed, not what it consists of.
func (w *writer) product(m *composer.Manifest) error {
	m.Delete("autoload", "autoload-dev", "config", "conflict", "extra", "minimum-stability", "replace", "require-dev", "suggest")
	fields := []field{{"type", "metapackage"}}
	if upstream := w.plan.Line.Upstream; upstream != nil && w.plan.Replace[upstream.Package] != "" {
		fields = append(fields, field{"extra", map[string]string{"magento_version": w.plan.Replace[upstream.Package]}})
	}
	return set(m, fields...)
}

// project makes a root composer.json that of the project that people create:
// it takes its packages from the line's repository, in the stability that they
// have there.
func (w *writer) project(m *composer.Manifest, p stages.Package) error {
	text, ok := w.rules.Version(composer.Name(p.Name))
	if !ok {
		return fmt.Errorf("edition %s has no version", p.Name)
	}
	version, err := composer.ParseVersion(text)
	if err != nil {
		return err
	}
	m.Delete("replace", "suggest")
	return set(m,
		field{"type", "project"},
		// Files of an older release are overwritten when the project is updated.
		field{"extra", map[string]string{"magento-force": "override"}},
		field{"repositories", []any{composerRepository{"composer", w.plan.Line.URL, w.plan.Line.Trust != ""}}},
		field{"minimum-stability", version.Stability().String()},
	)
}

// A composerRepository is an entry of "repositories", in Composer's key order.
type composerRepository struct {
	Type string `json:"type"`
	URL  string `json:"url"`
	TUF  bool   `json:"tuf,omitempty"` // php-tuf/composer-integration checks what it signs
}

// A field is a key of composer.json with its value.
type field struct {
	key   string
	value any
}

func set(m *composer.Manifest, fields ...field) error {
	for _, f := range fields {
		if err := m.Set(f.key, f.value); err != nil {
			return err
		}
	}
	return nil
}
