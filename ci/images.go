package ci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases/images"
	"github.com/mage-os/nightly/stages/publish/target"
)

// imagesFlags are those of the commands of images.
type imagesFlags struct {
	runner    runnerFlags
	platforms []string // for which images are made
	to        string   // where they are published
	table     string   // folder of the table in a checkout
	supported string   // where the services come from
}

func newImages(env *factory) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "images",
		Short: "Make, publish and pin the images in which shops are proven",
		Long: `images works with the table in releases/images of a checkout: build lets the engine
make images with PHP by the table's recipes, publish pushes them to a registry and
writes their digests to the table, and update writes those of all other images and of
downloads, and with what each version of the distributions is supported.

Registries are logged in to as Docker is: with docker login, or by a config.json in the
folder DOCKER_CONFIG.`,
		Example: `  mageos-nightly images build 8.4
  mageos-nightly images publish --to ghcr.io/mage-os/nightly-php --platform linux/amd64,linux/arm64
  mageos-nightly images update`,
	}
	cmd.AddCommand(newImagesBuild(env), newImagesPublish(env), newImagesUpdate(env))
	return cmd
}

func newImagesBuild(env *factory) *cobra.Command {
	var f imagesFlags
	cmd := &cobra.Command{
		Use: "build [VERSION...]", Short: "Make images with PHP, of all versions or of some",
		Example: "  mageos-nightly images build 8.2 8.4",
		RunE: func(cmd *cobra.Command, versions []string) error {
			table, err := images.Carried()
			if err != nil {
				return err
			}
			return f.with(cmd.Context(), env, func(ctx context.Context, r *runner.Runner) error {
				_, err := nightly.MakeImages(ctx, r, table, versions, "", f.platforms)
				return err
			})
		},
	}
	f.addMake(cmd)
	return cmd
}

func newImagesPublish(env *factory) *cobra.Command {
	var f imagesFlags
	cmd := &cobra.Command{
		Use: "publish [VERSION...]", Short: "Make images with PHP, and push them to a registry",
		Long: `publish makes images with PHP, pushes each with its version as tag, and writes them by
digest: to standard output, and to the table if they are where it says.`,
		Example: "  mageos-nightly images publish --to localhost:5000/nightly-php 8.4",
		RunE: func(cmd *cobra.Command, versions []string) error {
			table, err := images.Load(f.table)
			if err != nil {
				return usagef("--table %s: %w", f.table, err)
			}
			return f.with(cmd.Context(), env, func(ctx context.Context, r *runner.Runner) error {
				to := cmp.Or(f.to, table.Published)
				published, failed := nightly.MakeImages(ctx, r, table, versions, to, f.platforms)
				for _, reference := range published {
					fmt.Fprintln(env.stdout, reference)
				}
				if to != table.Published {
					return failed
				}
				table.Record(published...)
				return errors.Join(failed, f.writeDigests(table))
			})
		},
	}
	f.addMake(cmd)
	f.addTable(cmd)
	cmd.Flags().StringVar(&f.to, "to", "", "image to publish, without its tag (default: the table's)")
	return cmd
}

func newImagesUpdate(env *factory) *cobra.Command {
	var f imagesFlags
	cmd := &cobra.Command{
		Use: "update", Short: "Write the digests of images and downloads, and the supported services, to the table",
		Long: `update asks registries which image each tag is now, computes the SHA-256 of what recipes
download, and adds what the action supported-version of mage-os/github-actions says. What
cannot be had stays as it is, and is named; then the command fails.`,
		Example: `  mageos-nightly images update
  mageos-nightly images update --supported ../github-actions/supported-version/src/versions`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			table, err := images.Load(f.table)
			if err != nil {
				return usagef("--table %s: %w", f.table, err)
			}
			return f.with(cmd.Context(), env, func(ctx context.Context, r *runner.Runner) error {
				return pipeline.Do(ctx, r.Session(), "images", func(ctx context.Context) (string, error) {
					failed := f.updateServices(ctx, env, table)
					failed = errors.Join(failed, table.Update(ctx, r.Engines[0], r.Fetcher))
					return fmt.Sprintf("%d digests", len(table.Digests)), errors.Join(failed, f.writeDigests(table))
				})
			})
		},
	}
	f.runner.addProgram(cmd)
	f.addTable(cmd)
	cmd.Flags().StringVar(&f.supported, "supported", images.SupportURL, "URL or folder with the versions of that action; empty: leave the services as they are")
	return cmd
}

func (f *imagesFlags) addMake(cmd *cobra.Command) {
	f.runner.addProgram(cmd)
	cmd.Flags().StringSliceVar(&f.platforms, "platform", nil, "platforms to make them for, such as linux/amd64,linux/arm64 (default: the engine's)")
}

func (f *imagesFlags) addTable(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.table, "table", "releases", "folder releases of the checkout whose table is written")
}

// with connects to an engine, which takes nothing of images from its cache.
func (f *imagesFlags) with(ctx context.Context, env *factory, do func(context.Context, *runner.Runner) error) (err error) {
	f.runner.runner = inContainers
	at, err := f.runner.choose(ctx, env)
	if err != nil {
		return err
	}
	show := env.display()
	r, err := env.newRunnerAt(ctx, show, f.runner, at, true)
	if err != nil {
		return err
	}
	defer closing(&err, show, r)
	return show.End(ctx, nightly.Result{}, do(ctx, r))
}

// updateServices brings the services of the table up to date, and their file.
func (f *imagesFlags) updateServices(ctx context.Context, env *factory, table *images.Table) error {
	if f.supported == "" {
		return nil
	}
	source, closeSource, err := env.openSource(ctx, f.supported)
	if err != nil {
		return usagef("--supported %s: %w", f.supported, err)
	}
	var found [][]byte
	for _, name := range images.SupportFiles {
		data, err := target.Read(ctx, source, name)
		if err != nil {
			return errors.Join(fmt.Errorf("supported services: %w", err), closeSource())
		}
		found = append(found, data)
	}
	data, err := table.MergeServices(found...)
	if err == nil {
		err = files.Replace(filepath.Join(f.table, images.ServicesFile), data)
	}
	return errors.Join(err, closeSource())
}

// writeDigests writes what the table knows of images and downloads.
func (f *imagesFlags) writeDigests(table *images.Table) error {
	data, err := pipeline.EncodeJSON(table.Digests, "  ")
	if err != nil {
		return err
	}
	return files.Replace(filepath.Join(f.table, images.DigestsFile), data)
}
