package ci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/resolve"
	"github.com/mage-os/nightly/stages/publish"
)

func newPlan(env *factory) *cobra.Command {
	var (
		line, to, out, writeTry string
		with                    []string
		published               bool
		f                       resultFlags
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
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if published && cmd.Flags().Changed("to") {
				return usagef("--published is in place of --to: leave out one")
			}
			l, err := loadLine(line, with)
			if err != nil {
				return err
			}
			if to = cmp.Or(to, ownTarget(l.Name)); published {
				to = l.URL
			}
			if f.format == "json" && !env.json { // whose events come before it
				out = cmp.Or(out, "-")
			}
			return runPlan(cmd.Context(), env, l, to, out, writeTry)
		},
	}
	lineFlags(cmd, &line, &with)
	cmd.Flags().StringVar(&to, "to", "", "target of publishing, or the URL under which it is served: a second night of one day takes the next number there (default "+ownTarget("LINE")+")")
	cmd.Flags().BoolVar(&published, "published", false, "take the number from where the line is published, at its URL")
	cmd.Flags().StringVar(&writeTry, "write-try", "", "where no plan can be made, write the record of that to this folder, for publish --tries on another machine")
	cmd.Flags().StringVar(&out, "out", "", "write the plan to this file; - for standard output")
	env.addResult(cmd, &f, "text", "json")
	return cmd
}

func runPlan(ctx context.Context, env *factory, line *releases.Line, to, out, writeTry string) (err error) {
	env.resultJSON = env.resultJSON && !env.json // which is for events here
	if err := makeFolder("--out", filepath.Dir(out)); err != nil {
		return err
	}
	show := env.display()
	r, err := env.newRunner(show, false)
	if err != nil {
		return err
	}
	defer closing(&err, show, r)
	plan, err := env.plan(ctx, r, line, to)
	if err != nil {
		if writeTry != "" {
			o := nightly.PublishOptions{Publisher: publish.Options{Now: env.now().UTC(), Secrets: env.secretValues()}, Run: nightly.RunInfo{URL: env.runURL(), Stages: show.Stages}}
			err = errors.Join(err, nightly.KeepTry(writeTry, o, line.Name, env.date(), nightly.Result{}, err))
		}
		return show.Failed(err)
	}
	show.Result = nightly.Result{Plan: plan}
	show.Finish()
	data, err := plan.Encode()
	if err != nil {
		return err
	}
	if out == "-" {
		return writeOut(env.stdout, data)
	}
	if out != "" {
		err = files.Replace(out, data)
	}
	if err == nil && !env.json {
		printPlan(env.stdout, plan)
		if out != "" {
			fmt.Fprintf(env.stdout, "\nWritten to %s. Build it with: mageos-nightly nightly --plan %s\n", out, out)
		}
	}
	return err
}

// plan makes the plan of a line's next snapshot at a target; without a target it is the
// first of its day.
func (env *factory) plan(ctx context.Context, r *runner.Runner, line *releases.Line, to string) (*releases.Plan, error) {
	plan, err := r.Plan(ctx, func(ctx context.Context, o resolve.Options) (*releases.Plan, error) {
		plan, err := resolve.Line(ctx, o, line, env.date())
		if err != nil || to == "" {
			return plan, err
		}
		return env.numbered(ctx, plan, to)
	})
	var planning, target *pipeline.StageError
	if errors.As(err, &planning) && errors.As(planning.Err, &target) { // the target is at fault
		return nil, target
	}
	return plan, err
}

// numbered is a plan with its number at a target.
func (env *factory) numbered(ctx context.Context, plan *releases.Plan, to string) (*releases.Plan, error) {
	source, closeSource, err := env.openSource(ctx, to)
	if err != nil {
		return nil, &pipeline.StageError{Stage: publish.Name, Err: err}
	}
	numbered, err := nightly.Numbered(ctx, plan, source)
	return numbered, errors.Join(err, closeSource())
}

func printPlan(out io.Writer, plan *releases.Plan) {
	fmt.Fprintf(out, "\n%s, %s, published at %s\n\n", plan.Line.Title, plan.Snapshot().Title(), plan.Line.URL)
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
