package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline/store"
)

func newClean(w *world) *cobra.Command {
	var olderThan time.Duration
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "Remove from the store what no run has used for a while",
		Example: `  ci clean
  ci clean --older-than 24h`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := w.storePath()
			if err != nil {
				return err
			}
			removed, err := store.Prune(cmd.Context(), dir, w.now().Add(-olderThan))
			if err != nil {
				return err
			}
			fmt.Fprintf(w.stdout, "%s: %d results, %d trees and %d contents removed, %s freed\n", dir, removed.Results, removed.Trees, removed.Contents, bytesText(removed.Bytes))
			return nil
		},
	}
	cmd.Flags().DurationVar(&olderThan, "older-than", 14*24*time.Hour, "age since the last use")
	return cmd
}
