package nightly

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/images"
	"github.com/mage-os/nightly/stages/publish/target"
)

// ImagesOptions are which images with PHP are made, and where they go.
type ImagesOptions struct {
	Versions  []string // of PHP; none: all
	Platforms []string // linux/arm64, …; none: the engine's own
	// To is the image that is published, without its tag; empty: the table's.
	To string
	// Table is the folder releases of a checkout, whose table is written.
	Table string
}

// BuildImages lets the engine make images with PHP.
func BuildImages(ctx context.Context, r *runner.Runner, o ImagesOptions) error {
	t, err := images.Carried()
	if err == nil {
		_, err = makeImages(ctx, r, t, o)
	}
	return err
}

// PublishImages makes images with PHP, pushes each with its version as tag, and gives those by
// digest. If they are where the table has them, it writes their digests there.
func PublishImages(ctx context.Context, r *runner.Runner, o ImagesOptions) (published []string, err error) {
	t, err := load(o.Table)
	if err != nil {
		return nil, err
	}
	o.To = cmp.Or(o.To, t.Published)
	published, err = makeImages(ctx, r, t, o)
	if o.To == t.Published {
		t.Record(published...)
		err = errors.Join(err, writeDigests(t, o.Table))
	}
	return published, err
}

// UpdateImages writes to a table the digests of the other images and of downloads, and the
// services of images.SupportFiles at a place, unless that is nil. What cannot be had stays.
func UpdateImages(ctx context.Context, r *runner.Runner, table string, supported target.Source) error {
	t, err := load(table)
	if err != nil {
		return err
	}
	return pipeline.Do(ctx, r.Session(), "images", func(ctx context.Context) (string, error) {
		var services error
		if supported != nil {
			services = updateServices(ctx, t, table, supported)
		}
		digests := t.Update(ctx, r.Engines[0], r.Fetcher)
		return fmt.Sprintf("%d digests", len(t.Digests)), errors.Join(services, digests, writeDigests(t, table))
	})
}

// makeImages makes images, and publishes them if there is a place to. One that fails does not
// keep the others.
func makeImages(ctx context.Context, r *runner.Runner, t *images.Table, o ImagesOptions) (published []string, err error) {
	if len(o.Versions) == 0 {
		o.Versions = t.Versions()
	}
	var errs []error
	for _, version := range o.Versions {
		errs = append(errs, pipeline.Do(ctx, r.Session(), "image php"+version, func(ctx context.Context) (string, error) {
			reference, err := makeImage(ctx, r, t, version, o)
			if reference != "" {
				published = append(published, reference)
			}
			return cmp.Or(reference, "made"), err
		}))
	}
	return published, errors.Join(errs...)
}

func makeImage(ctx context.Context, r *runner.Runner, t *images.Table, version string, o ImagesOptions) (string, error) {
	engine := r.Engines[0]
	text, err := recipeOf(ctx, engine, t, version, t.Services.Composer())
	switch {
	case err != nil:
		return "", err
	case text == "":
		return "", config.Errorf("there is no recipe for PHP %s; there are those for %s", version, strings.Join(t.Versions(), ", "))
	case o.To != "":
		o.To += ":" + version
	}
	return engine.MakeImage(ctx, text, o.To, o.Platforms)
}

func load(table string) (*images.Table, error) {
	t, err := images.Load(table)
	if err != nil {
		return nil, config.Errorf("--table %s: %w", table, err)
	}
	return t, nil
}

func writeDigests(t *images.Table, table string) error {
	data, err := pipeline.EncodeJSON(t.Digests, "  ")
	if err != nil {
		return err
	}
	return files.Replace(filepath.Join(table, images.DigestsFile), data)
}

func updateServices(ctx context.Context, t *images.Table, table string, supported target.Source) error {
	var found [][]byte
	for _, name := range images.SupportFiles {
		data, err := target.Read(ctx, supported, name)
		if err != nil {
			return fmt.Errorf("supported services: %w", err)
		}
		found = append(found, data)
	}
	data, err := t.MergeServices(found...)
	if err != nil {
		return err
	}
	return files.Replace(filepath.Join(table, images.ServicesFile), data)
}
