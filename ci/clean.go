package ci

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/stages/checkout"
)

func newClean(env *factory) *cobra.Command {
	var olderThan time.Duration
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "Remove from the store what no run has used for a while",
		Example: `  mageos-nightly clean
  mageos-nightly clean --older-than 24h`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := env.storePath()
			if err != nil {
				return err
			}
			before := env.now().Add(-olderThan)
			removed, err := store.Prune(cmd.Context(), dir, before)
			if err != nil {
				return err
			}
			git, err := checkout.Prune(cmd.Context(), gitDir(dir), before)
			if err := errors.Join(err, runner.RemoveLeft(dir, before)); err != nil {
				return err
			}
			fmt.Fprintf(env.stdout, "%s: %d results, %d trees, %d contents and the git objects of %d repositories removed, %s freed\n",
				dir, removed.Results, removed.Trees, removed.Contents, git.Repositories, display.Bytes(removed.Bytes+git.Bytes))
			return nil
		},
	}
	cmd.Flags().DurationVar(&olderThan, "older-than", unusedAfter, "age since the last use")
	return cmd
}

// unusedAfter is how long what is in a store is kept after its last use.
const unusedAfter = 14 * 24 * time.Hour

// gitDir is the folder of the git objects, in the store's.
func gitDir(store string) string { return filepath.Join(store, "git") }
