package ci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/lines"
	"github.com/mage-os/nightly/stages/publish"
)

// tryFlags are the flags of mageos-nightly try, beside those of mageos-nightly nightly.
type tryFlags struct {
	wanted          []string
	pulls           []lines.Pull
	line            string // of previews
	until, out      string
	days, port      int
	shop            bool
	remove, expired bool
	ask             askFlags
	night           nightlyFlags
}

func newTry(env *factory) *cobra.Command {
	f := &tryFlags{}
	var branches []string
	f.night.preview = f
	cmd := &cobra.Command{
		Use:   "try PULL...",
		Short: "Build a preview of pull requests, prove it, and open it as a shop or publish it for a few days",
		Long: `try merges pull requests upon tonight's plan, or upon --plan, builds and proves what
comes of it as any night, and opens it as a shop (--shop), or publishes it as a
repository of its own (--to), which ends after --days. Several pull requests of one
repository are merged one upon the other, in the order in which they are given.

A PULL is OWNER/REPOSITORY#123 or its page; #123@COMMIT, or only its first ten
characters, is built as long as that is its head. OWNER/REPOSITORY@BRANCH is a branch
of a fork.

A preview is no night: its versions are development versions below those of all
nights, it is not signed, and it is refused where other snapshots lie.`,
		Example: `  mageos-nightly try mage-os/mageos-magento2#123 --shop
  mageos-nightly try mage-os/mageos-magento2#123 mage-os/mageos-inventory#45 --shop
  mageos-nightly try --with acme/mageos-magento2@my-branch --plan https://nightly.example.org/ --shop
  mageos-nightly try mage-os/mageos-magento2#123 --to s3://previews/pr/123 --url https://previews.example.org/pr/123/ --days 7
  mageos-nightly try --remove --to s3://previews/pr/123
  mageos-nightly try --expired --to s3://previews`,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.wanted = slices.Concat(args, branches)
			if err := f.check(cmd.Flags().Changed("days"), cmd.Flags().Changed("line")); err != nil {
				return err
			}
			switch {
			case f.ask.event != "" || f.ask.answer != "":
				return f.ask.run(cmd.Context(), env, f.night.target.url)
			case f.remove || f.expired:
				return f.clear(cmd.Context(), env)
			}
			return f.run(cmd.Context(), env)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.night.line, "line", "nightly", lineHelp)
	flags.StringVar(&f.night.plan, "plan", "", "merge upon this plan: a file, or a published repository, of which the current night's is taken")
	flags.StringArrayVar(&branches, "with", nil, "OWNER/REPOSITORY@BRANCH, or NAME=OWNER/REPOSITORY@BRANCH for a fork that has another name: merge this branch, too")
	flags.StringVar(&f.night.until, "until", "", "last stage to run: plan, checkout, dependencies, build, install or publish")
	flags.StringVar(&f.out, "out", "", "write the plan to this file, for mageos-nightly nightly --plan and publish on other machines")
	flags.BoolVar(&f.shop, "shop", false, "open the proven shop, until Ctrl-C; one that was proven in containers is installed again for it")
	flags.IntVar(&f.port, "port", shopPort, portHelp)
	flags.BoolVar(&f.night.installTools, "install-tools", false, "install missing Debian packages (as root)")
	grouped(cmd, flagsOfPublishing, func(cmd *cobra.Command) {
		flags := cmd.Flags()
		flags.StringVar(&f.night.target.to, "to", "", "folder or URL to publish to, of this preview alone")
		flags.StringVar(&f.night.target.url, "url", "", "base URL under which it will be served, never the line's own")
		flags.BoolVar(&f.night.target.dryRun, "dry-run", false, "show what would be written or removed, and change nothing")
		flags.IntVar(&f.days, "days", publish.DefaultPreviewDays, "for how many days it stays")
		flags.StringVar(&f.until, "until-date", "", "the last day that it stays, in UTC, as 2026-11-24")
		flags.BoolVar(&f.remove, "remove", false, "remove the preview at --to")
		flags.BoolVar(&f.expired, "expired", false, "remove all previews below --to whose last day is over")
	})
	grouped(cmd, flagsOfWorkflow, f.ask.add)
	grouped(cmd, flagsOfRunner, f.night.runner.add)
	grouped(cmd, flagsOfProof, f.night.install.add)
	complete(cmd, "line", lines.Names()...)
	complete(cmd, "until", nightly.Stages...)
	return cmd
}

func (f *tryFlags) check(days, line bool) error {
	_, err := time.Parse(time.DateOnly, cmp.Or(f.until, "2026-01-01"))
	switch {
	case f.remove && f.expired:
		return usagef("--remove takes one preview away, --expired all that have ended: leave out one")
	case (f.remove || f.expired) && (len(f.wanted) > 0 || f.night.target.to == ""):
		return usagef("--remove and --expired want --to, and no pull request")
	case f.remove || f.expired || f.ask.event != "" || f.ask.answer != "":
		return nil
	case len(f.wanted) == 0:
		return usagef("give the pull requests to try, as mage-os/mageos-magento2#123")
	case f.night.plan != "" && line:
		return usagef("--plan %s holds its own line: leave out --line", f.night.plan)
	case f.until != "" && (days || err != nil):
		return usagef("--until-date %s: want a day as 2026-11-24, and no --days", f.until)
	case f.days < 1 || f.days > 365:
		return usagef("--days %d: want 1 to 365", f.days)
	case f.night.target.to != "" && f.night.target.url == "":
		return usagef("--to %s: give the URL under which the preview will be served with --url: its metadata names it, and it is never the line's", f.night.target.to)
	case f.shop && (f.night.until != "" || f.night.install.matrix != ""):
		return usagef("--shop opens what was installed: leave out --until and --matrix")
	}
	return nil
}

// run builds, proves, and publishes or opens a preview.
func (f *tryFlags) run(ctx context.Context, env *factory) error {
	n := &f.night
	if f.shop {
		n.install.level = cmp.Or(n.install.level, string(releases.Shop))
	}
	if n.target.to == "" {
		n.until = cmp.Or(n.until, "install")
	}
	if err := runNightly(ctx, env, *n); err != nil || !f.shop {
		return err
	}
	return runShop(ctx, env, f.line, shopFlags{port: f.port, runner: n.runner})
}

// of reads what is to be tried of a line, and makes it one of previews.
func (f *tryFlags) of(line *releases.Line) error {
	var errs []error
	for _, text := range f.wanted {
		pull, err := lines.ParsePull(line, text)
		f.pulls, errs = append(f.pulls, pull), append(errs, err)
	}
	nightly.PreviewLine(line, f.night.target.url)
	f.line = line.Name
	return errors.Join(errs...)
}

// planned is the plan of the preview. Its number is the next one where it will lie.
func (f *tryFlags) planned(ctx context.Context, env *factory, r *runner.Runner, night *releases.Plan) (*releases.Plan, error) {
	until := cmp.Or(f.until, publish.PreviewUntil(env.now(), f.days))
	plan, err := nightly.Preview(ctx, r, night, f.pulls, until)
	if at := cmp.Or(f.night.target.to, f.night.target.url); err == nil && at != "" {
		plan, err = env.numbered(ctx, plan, at)
	}
	if err == nil && f.out != "" {
		err = nightly.WritePlan(f.out, plan)
	}
	return plan, err
}

// clear removes previews.
func (f *tryFlags) clear(ctx context.Context, env *factory) error {
	o := publish.Options{Owner: owner(), Now: env.now().UTC(), Target: env.targets(), Log: env.logger(env.stderr)}
	to, dry := f.night.target.to, f.night.target.dryRun
	var removed []string
	var err error
	if f.expired {
		removed, err = o.RemoveEnded(ctx, to, dry)
	} else {
		var one string
		if one, err = o.RemovePreview(ctx, to, false, dry); one != "" {
			removed = []string{one}
		}
	}
	word := "removed"
	if dry {
		word = "would be removed"
	}
	for _, name := range removed {
		fmt.Fprintf(env.stdout, "%s: %s\n", word, name)
	}
	if err != nil {
		return &pipeline.StageError{Stage: publish.Name, Err: err}
	}
	if len(removed) == 0 {
		fmt.Fprintln(env.stdout, "nothing to remove")
	}
	return nil
}
