package container

import (
	"context"
	"fmt"
	"os"
	"strings"

	"dagger.io/dagger"

	"github.com/mage-os/nightly/releases"
)

// image gives a container of an image: what a recipe makes, a tar of the OCI layout, a folder
// that is a root file system, or what a registry has.
func (e *Engine) image(name string) (*dagger.Container, error) {
	path, local := strings.CutPrefix(name, "file://")
	switch {
	case releases.IsRecipe(name):
		return e.recipe(name, dagger.DirectoryDockerBuildOpts{}), nil
	case !local:
		return e.client.Container().From(name), nil
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("image %s: %w; make one with ci/engine/engine image, or name one of a registry", name, err)
	case info.IsDir():
		return e.client.Container().WithRootfs(e.client.Host().Directory(path)), nil
	}
	return e.client.Container().Import(e.client.Host().File(path)), nil
}

// Resolve gives an image of a registry by digest: the one that its tag has now. Dagger takes it
// for the same to the session's end. The error is a *ServiceError.
func (e *Engine) Resolve(ctx context.Context, reference string) (string, error) {
	return prepare(ctx, e, step{Stage: "install"}, Service{Image: reference}, e.client.Container().From(reference).ImageRef)
}

// MakeImage lets the engine make or fetch an image, for the platforms (linux/arm64), or for its
// own, and publishes it at a reference, unless that is empty. It gives the published one's
// reference by digest.
//
// Who logs in to the registry, and how, is said where Docker says it: in the file config.json of
// DOCKER_CONFIG, or in ~/.docker.
func (e *Engine) MakeImage(ctx context.Context, image, to string, platforms []string) (string, error) {
	s := step{Stage: "images", Fresh: e.options.Fresh}
	if len(platforms) == 0 {
		platforms = []string{string(e.platform)}
	}
	var made []*dagger.Container
	for _, platform := range platforms {
		o := dagger.DirectoryDockerBuildOpts{Platform: dagger.Platform(platform)}
		if e.options.Fresh != "" {
			o.BuildArgs = []dagger.BuildArg{{Name: "FRESH", Value: e.options.Fresh}}
		}
		made = append(made, e.recipe(image, o))
	}
	for _, c := range made {
		if _, err := prepare(ctx, e, s, Service{Image: image}, c.Sync); err != nil {
			return "", err
		}
	}
	if to == "" {
		return "", nil
	}
	return prepare(ctx, e, s, Service{Image: to}, func(ctx context.Context) (string, error) {
		return made[0].Publish(ctx, to, dagger.ContainerPublishOpts{PlatformVariants: made[1:]})
	})
}

func (e *Engine) recipe(text string, o dagger.DirectoryDockerBuildOpts) *dagger.Container {
	return e.client.Directory().WithNewFile("Dockerfile", text).DockerBuild(o)
}
