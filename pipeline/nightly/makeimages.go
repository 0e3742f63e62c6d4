package nightly

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/images"
)

// MakeImages lets the engine make the images of versions of PHP by their recipes, all if none is
// named, and publishes each at a reference with the version as tag, unless that is empty. It
// gives what was published, by digest. One that fails does not keep the others.
func MakeImages(ctx context.Context, r *runner.Runner, t *images.Table, versions []string, to string, platforms []string) (published []string, err error) {
	if len(versions) == 0 {
		versions = t.Versions()
	}
	var errs []error
	for _, version := range versions {
		recipe, ok := t.Recipe(version)
		if !ok {
			return nil, config.Errorf("there is no recipe for PHP %s; there are those for %s", version, strings.Join(t.Versions(), ", "))
		}
		errs = append(errs, pipeline.Do(ctx, r.Session(), "image php"+version, func(ctx context.Context) (string, error) {
			reference, err := makeImage(ctx, r, t, recipe, to, platforms)
			if reference != "" {
				published = append(published, reference)
			}
			return cmp.Or(reference, "made"), err
		}))
	}
	return published, errors.Join(errs...)
}

func makeImage(ctx context.Context, r *runner.Runner, t *images.Table, recipe images.PHP, to string, platforms []string) (string, error) {
	engine := r.Engines[0]
	base, err := pin(ctx, engine, t, "", recipe.Base)
	if err != nil {
		return "", err
	}
	text, err := t.Dockerfile(recipe, base.Reference)
	if err != nil {
		return "", err
	}
	if to != "" {
		to += ":" + recipe.Version
	}
	return engine.MakeImage(ctx, text, to, platforms)
}
