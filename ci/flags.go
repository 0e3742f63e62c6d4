package ci

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/lines"
)

const lineHelp = "release line: a name that lines shows, or a YAML file"

// lineFlags adds the flags that choose a line.
func lineFlags(cmd *cobra.Command, line *string, with *[]string) {
	cmd.Flags().StringVar(line, "line", "nightly", lineHelp)
	cmd.Flags().StringArrayVar(with, "with", nil, "NAME=FOLDER or NAME=URL#REF: take this repository's source from there; of a folder as it lies there, but for what git ignores")
	complete(cmd, "line", lines.Names()...)
	// An error here is a misspelt flag name, which the tests would show.
	_ = cmd.RegisterFlagCompletionFunc("with", func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		l, err := lines.Load(*line)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoSpace
		}
		names := repositoryNamesOf(l)
		for i := range names {
			names[i] += "="
		}
		return names, cobra.ShellCompDirectiveNoSpace
	})
}

// complete completes the values of a flag.
func complete(cmd *cobra.Command, flag string, values ...string) {
	// An error here is a misspelt flag name, which the tests would show.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(slices.Clone(values), cobra.ShellCompDirectiveNoFileComp))
}

// loadLine loads a line and replaces the sources named by --with.
func loadLine(name string, with []string) (*releases.Line, error) {
	line, err := lines.Load(name)
	if err != nil {
		return nil, err
	}
	for _, override := range with {
		if err := lines.With(line, override); err != nil {
			return nil, err
		}
	}
	return line, nil
}

func repositoryNamesOf(l *releases.Line) []string {
	names := make([]string, len(l.Repositories))
	for i, r := range l.Repositories {
		names[i] = r.Name
	}
	return names
}

func commas(words []string) string { return strings.Join(words, ", ") }
