package ci

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline/mirror"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/releases/lines"
)

func newLines(env *factory) *cobra.Command {
	var schema bool
	var f resultFlags
	cmd := &cobra.Command{
		Use:   "lines",
		Short: "List the release lines that this program carries",
		Example: `  mageos-nightly lines
  mageos-nightly lines --schema > line.schema.json    the JSON Schema of line files, for editors`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if schema {
				_, err := env.stdout.Write(releases.Schema())
				return err
			}
			return listLines(env, f.format)
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
	cmd.AddCommand(newLinesHistory(env), newLinesPin(env))
	env.addResult(cmd, &f, "text", "json")
	cmd.Flags().BoolVar(&schema, "schema", false, "write the JSON Schema of line files")
	return cmd
}

// A carriedLine is a line that the program carries, for people and machines.
type carriedLine struct {
	Name         string `json:"name"`
	Vendor       string `json:"vendor"`
	Repositories int    `json:"repositories"`
	Title        string `json:"title"`
	URL          string `json:"url"`
}

func listLines(env *factory, format string) error {
	var all []carriedLine
	for _, name := range lines.Names() {
		line, err := lines.Load(name)
		if err != nil {
			return err
		}
		all = append(all, carriedLine{name, line.Vendor, len(line.Repositories), line.Title, line.URL})
	}
	if format == "json" {
		return env.writeJSON(all)
	}
	table := tabwriter.NewWriter(env.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "LINE\tVENDOR\tREPOSITORIES\tWHAT IT IS")
	for _, line := range all {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", line.Name, line.Vendor, line.Repositories, line.Title)
	}
	return table.Flush()
}

// newLinesHistory writes what was released to where the next builds read it.
func newLinesHistory(env *factory) *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "history NAME",
		Short: "Write the composer.json files of releases that the data of a line lacks",
		Long: `history reads the base package and the editions of a line that builds tags in a
Composer repository, and writes the composer.json of each release that the data of
the line (a git repository) has not into a checkout of it. Commit them there; then
lines pin lets the lines of this program use them.`,
		Example: `  git clone https://github.com/mage-os/generate-mirror-repo-js data
  mageos-nightly lines history mageos --to data
  mageos-nightly lines history mageos --from https://preview.example.org/ --to data`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.FixedCompletions(lines.Names(), cobra.ShellCompDirectiveDefault),
		RunE: func(cmd *cobra.Command, args []string) error {
			line, err := lines.Load(args[0])
			if err != nil {
				return err
			}
			written, err := mirror.History(cmd.Context(), line, cmp.Or(from, line.URL), composer.NewFetcher(env.client(env.logger(env.stderr))), to)
			fmt.Fprint(env.stdout, strings.Join(append(written, ""), "\n"))
			return err
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "URL of the Composer repository with the releases (default: the line's)")
	cmd.Flags().StringVar(&to, "to", "", "folder of a checkout of the line's data")
	_ = cmd.MarkFlagRequired("to") // there is such a flag
	return cmd
}

// newLinesPin moves the commits of data that lines pin.
func newLinesPin(env *factory) *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use:   "pin",
		Short: "Let the lines of a checkout use the newest commit of their data",
		Long: `pin looks up the newest commit of the data that lines pin (data: in shared-tags.yaml),
and writes it to the files of a checkout. Look at what changed there before you commit it.`,
		Example: `  mageos-nightly lines pin`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			changed, err := mirror.MovePins(cmd.Context(), git.NewLister(git.Options{Client: env.client(env.logger(env.stderr))}), folder)
			fmt.Fprint(env.stdout, strings.Join(append(changed, ""), "\n"))
			return err
		},
	}
	cmd.Flags().StringVar(&folder, "releases", "releases", "folder releases of the checkout whose lines are written")
	return cmd
}
