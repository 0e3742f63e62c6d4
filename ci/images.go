package ci

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases/images"
)

// imagesFlags are those of the commands of images.
type imagesFlags struct {
	nightly.ImagesOptions
	runner    runnerFlags
	supported string // where the services come from
}

func newImages(env *factory) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "images",
		Short: "Make, publish and pin the images in which shops are proven",
		Long: `images works with the table in releases/images: build lets the engine make images
with PHP by its recipes, publish pushes them to a registry and writes their digests to
the table, and update writes those of all other images and of downloads, and with what
each version of the distributions is supported.

Registries are logged in to as Docker is: with docker login, or by a config.json in the
folder DOCKER_CONFIG.`,
		Example: `  mageos-nightly images build 8.4
  mageos-nightly images publish --to localhost:5000/nightly-php 8.4
  mageos-nightly images publish --platform linux/amd64,linux/arm64
  mageos-nightly images update --supported ../github-actions/supported-version/src/versions`,
	}
	var f imagesFlags
	build := &cobra.Command{
		Use: "build [VERSION...]", Short: "Make images with PHP, of all versions or of some",
		RunE: func(cmd *cobra.Command, versions []string) error {
			f.Versions = versions
			return f.run(cmd.Context(), env, false, func(ctx context.Context, r *runner.Runner) error { return nightly.BuildImages(ctx, r, f.ImagesOptions) })
		},
	}
	publish := &cobra.Command{
		Use: "publish [VERSION...]", Short: "Make images with PHP, and push them to a registry",
		RunE: func(cmd *cobra.Command, versions []string) error {
			f.Versions = versions
			return f.run(cmd.Context(), env, true, func(ctx context.Context, r *runner.Runner) error {
				published, err := nightly.PublishImages(ctx, r, f.ImagesOptions)
				if !env.json { // whose events tell it, too
					fmt.Fprint(env.stdout, strings.Join(append(published, ""), "\n"))
				}
				return err
			})
		},
	}
	update := &cobra.Command{
		Use: "update", Short: "Write the digests of images and downloads, and the supported services, to the table", Args: noArgs,
		Long: `update asks registries which image each tag is now, computes the SHA-256 of what recipes
download, and adds what the action supported-version of mage-os/github-actions says. What
cannot be had stays as it is, and is named; then the command fails.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), env, true, func(ctx context.Context, r *runner.Runner) error {
				if f.supported == "" {
					return nightly.UpdateImages(ctx, r, f.Table, nil)
				}
				source, closeSource, err := env.openSource(ctx, f.supported)
				if err != nil {
					return usagef("--supported %s: %w", f.supported, err)
				}
				return errors.Join(nightly.UpdateImages(ctx, r, f.Table, source), closeSource())
			})
		},
	}
	var output string
	supported := &cobra.Command{
		Use: "supported", Short: "Write a page of which versions are supported until when, and with what they run", Args: noArgs,
		Example: `  mageos-nightly images supported --output docs/supported.md`,
		RunE: func(*cobra.Command, []string) error {
			table, err := images.Load(f.Table)
			if err != nil {
				return usagef("--table %s: %w", f.Table, err)
			}
			return env.writeTo(output, []byte(table.Supported()))
		},
	}
	supported.Flags().StringVar(&output, "output", "", "file to write (default: standard output)")
	cmd.AddCommand(supported)
	for _, sub := range []*cobra.Command{build, publish} {
		sub.Flags().StringSliceVar(&f.Platforms, "platform", nil, "platforms to make them for (default: the engine's)")
	}
	publish.Flags().StringVar(&f.To, "to", "", "image to publish, without its tag (default: the table's)")
	for _, sub := range []*cobra.Command{publish, update, supported} {
		sub.Flags().StringVar(&f.Table, "table", "releases", "folder releases of the checkout that has the table")
	}
	update.Flags().StringVar(&f.supported, "supported", images.SupportURL, "URL or folder of the action's versions; empty: leave the services as they are")
	for _, sub := range []*cobra.Command{build, publish, update} {
		f.runner.addProgram(sub)
		cmd.AddCommand(sub)
	}
	return cmd
}

// run connects to an engine, which, if fresh, takes no image from its cache.
func (f *imagesFlags) run(ctx context.Context, env *factory, fresh bool, do func(context.Context, *runner.Runner) error) (err error) {
	f.runner.runner = inContainers
	at, err := f.runner.choose(ctx, env)
	if err != nil {
		return err
	}
	show := env.display()
	r, err := env.newRunnerAt(ctx, show, f.runner, at, fresh)
	if err != nil {
		return err
	}
	defer closing(&err, show, r)
	return show.End(ctx, nightly.Result{}, do(ctx, r))
}
