package ci

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/releases"
)

// lineFlags adds the flags that choose a line.
func lineFlags(cmd *cobra.Command, line *string, with *[]string) {
	cmd.Flags().StringVar(line, "line", "nightly", "release line: a name that mageos-nightly lines shows, or a YAML file")
	cmd.Flags().StringArrayVar(with, "with", nil, "NAME=FOLDER or NAME=URL#REF: take this repository's source from there")
	// An error here is a misspelt flag name, which the tests would show.
	_ = cmd.RegisterFlagCompletionFunc("line", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return releases.Names(), cobra.ShellCompDirectiveDefault
	})
	_ = cmd.RegisterFlagCompletionFunc("with", func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return repositoryNames(*line), cobra.ShellCompDirectiveNoSpace
	})
}

func completeStages(cmd *cobra.Command) {
	_ = cmd.RegisterFlagCompletionFunc("until", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return slices.Clone(stageNames), cobra.ShellCompDirectiveNoFileComp
	})
}

func repositoryNames(line string) []string {
	l, err := releases.Load(line)
	if err != nil {
		return nil
	}
	names := make([]string, len(l.Repositories))
	for i, r := range l.Repositories {
		names[i] = r.Name + "="
	}
	return names
}
