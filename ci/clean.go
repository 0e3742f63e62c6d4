package ci

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/stages/checkout"
)

func newClean(env *factory) *cobra.Command {
	var olderThan time.Duration
	var whole bool
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "Remove from the store, and from a running engine, what no run has used for a while",
		Example: `  mageos-nightly clean
  mageos-nightly clean --older-than 24h
  mageos-nightly clean --engine`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return errors.Join(env.cleanStore(cmd.Context(), olderThan), env.cleanEngine(cmd.Context(), whole))
		},
	}
	cmd.Flags().BoolVar(&whole, "engine", false, "empty the cache of the engine, rather than bring it within its bounds")
	cmd.Flags().DurationVar(&olderThan, "older-than", unusedAfter, "age since the last use")
	return cmd
}

func (env *factory) cleanStore(ctx context.Context, olderThan time.Duration) error {
	dir, err := env.storePath()
	if err != nil {
		return err
	}
	before := env.now().Add(-olderThan)
	removed, err := store.Prune(ctx, dir, before)
	if err != nil {
		return err
	}
	git, err := checkout.Prune(ctx, gitDir(dir), before)
	if err := errors.Join(err, runner.RemoveLeft(dir, before)); err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "%s: %d results, %d trees, %d contents and the git objects of %d repositories removed, %s freed\n",
		dir, removed.Results, removed.Trees, removed.Contents, git.Repositories, display.Bytes(removed.Bytes+git.Bytes))
	return nil
}

// cleanEngine prunes the cache of the engine that runs, if one does.
func (env *factory) cleanEngine(ctx context.Context, whole bool) error {
	return container.Visit(ctx, env.getenv, func(engine *container.Engine) error {
		before, _, err := engine.Disk(ctx)
		if err == nil {
			err = engine.Prune(ctx, whole)
		}
		if err != nil {
			return fmt.Errorf("prune the cache of the engine: %w", err)
		}
		after, most, err := engine.Disk(ctx)
		fmt.Fprintf(env.stdout, "%s: %s freed, %s left of at most %s\n", engine.Describe(), display.Bytes(max(0, before-after)), display.Bytes(after), display.Bytes(most))
		return err
	})
}

// unusedAfter is how long what is in a store is kept after its last use.
const unusedAfter = 14 * 24 * time.Hour

// gitDir is the folder of the git objects, in the store's.
func gitDir(store string) string { return filepath.Join(store, "git") }
