package ci

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/lines"
)

func newLines(env *factory) *cobra.Command {
	var schema bool
	cmd := &cobra.Command{
		Use:   "lines",
		Short: "List the release lines that this program carries",
		Example: `  mageos-nightly lines
  mageos-nightly lines --schema > line.schema.json    the JSON Schema of line files, for editors`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if schema {
				_, err := env.stdout.Write(releases.Schema())
				return err
			}
			return listLines(env)
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "show NAME",
		Short: "Write one line in full, with what it extends and all defaults",
		Example: `  mageos-nightly lines show nightly
  mageos-nightly lines show mine.yaml`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.FixedCompletions(lines.Names(), cobra.ShellCompDirectiveDefault),
		RunE: func(_ *cobra.Command, args []string) error {
			line, err := lines.Load(args[0])
			if err != nil {
				return err
			}
			text, err := lines.YAML(line)
			if err == nil {
				_, err = env.stdout.Write(text)
			}
			return err
		},
	})
	cmd.Flags().BoolVar(&schema, "schema", false, "write the JSON Schema of line files")
	return cmd
}

func listLines(env *factory) error {
	table := tabwriter.NewWriter(env.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "LINE\tVENDOR\tREPOSITORIES\tWHAT IT IS")
	for _, name := range lines.Names() {
		line, err := lines.Load(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", name, line.Vendor, len(line.Repositories), line.Title)
	}
	return table.Flush()
}
