package ci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/releases"
)

func newPlan(w *world) *cobra.Command {
	var (
		line, to, out string
		with          []string
		published     bool
	)
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what would be built, from which commits; nothing is built",
		Long: `plan resolves every repository's branch and latest tag over the network, and the
upstream versions that packages replace. The plan is the night's lock file:
whoever has it can rebuild that night, byte for byte.`,
		Example: `  mageos-nightly plan --line nightly
  mageos-nightly plan --line sample --out plan.json
  mageos-nightly plan --line nightly --published --out plan.json   without a right to its target`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if published && cmd.Flags().Changed("to") {
				return &usageError{errors.New("--published is in place of --to: leave out one")}
			}
			if published {
				to = "" // the line's own
			}
			return makePlan(cmd.Context(), w, line, with, to, out)
		},
	}
	lineFlags(cmd, &line, &with)
	cmd.Flags().StringVar(&to, "to", "repository", "target of publishing, or the URL under which it is served: a second night of one day takes the next number there")
	cmd.Flags().BoolVar(&published, "published", false, "take the number from where the line is published, at its URL")
	cmd.Flags().StringVar(&out, "out", "", "write the plan to this file; - for standard output")
	return cmd
}

// makePlan resolves a line. Its number is that of the next night at the target to,
// or, if that is empty, at the line's own URL.
func makePlan(ctx context.Context, w *world, name string, with []string, to, out string) (err error) {
	line, err := loadLine(name, with)
	if err != nil {
		return err
	}
	if to == "" {
		to = line.URL
	}
	c, err := newChain(w, false)
	if err != nil {
		return err
	}
	defer c.end(&err)
	plan, err := c.resolve(ctx, line, w.date(), 0)
	if err != nil {
		return c.show.failed(err)
	}
	if err := number(ctx, w, plan, to); err != nil {
		return err
	}
	c.show.finish()
	data, err := plan.Encode()
	if err != nil {
		return err
	}
	switch out {
	case "":
		if !w.json {
			printPlan(w.stdout, plan)
		}
	case "-":
		_, err = w.stdout.Write(data)
	default:
		if err = writeFile(out, data); err == nil && !w.json {
			printPlan(w.stdout, plan)
			fmt.Fprintf(w.stdout, "\nWritten to %s. Build it with: mageos-nightly nightly --plan %s\n", out, out)
		}
	}
	return err
}

func printPlan(out io.Writer, plan *releases.Plan) {
	fmt.Fprintf(out, "\n%s, night %s, published at %s\n\n", plan.Line.Title, plan.Snapshot(), plan.Line.URL)
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "REPOSITORY\tREF\tCOMMIT\tLATEST TAG\tSOURCE")
	for _, r := range plan.Repositories {
		tag := r.Tag
		if tag == "" {
			tag = "none"
		}
		source := r.URL
		if r.Local {
			source += " (local)"
		}
		fmt.Fprintf(table, "%s\t%s\t%.12s\t%s\t%s\n", r.Name, strings.TrimPrefix(r.Ref, "refs/heads/"), r.Commit, tag, source)
	}
	table.Flush()
	for _, r := range plan.Repositories {
		for _, note := range r.Notes {
			fmt.Fprintf(out, "note: %s: %s\n", r.Name, note)
		}
	}
	if n := len(plan.Replace); n > 0 {
		fmt.Fprintf(out, "%d upstream packages are replaced.\n", n)
	}
}
