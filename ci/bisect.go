package ci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline/bisect"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/lines"
)

// bisectFlags are the flags of mageos-nightly bisect.
type bisectFlags struct {
	good, bad, in, until, run string
	within                    time.Duration
	published                 bool
	result                    resultFlags
	runner                    runnerFlags
	install                   installFlags
}

func newBisect(env *factory) *cobra.Command {
	var f bisectFlags
	cmd := &cobra.Command{
		Use:   "bisect",
		Short: "Find the commit that turned a line red, by trying plans between a good night and a bad one",
		Long: `bisect tries plans between a good night and a bad one: first both ends, then the
middle of what is left, until one commit of one repository is. A merge is one step,
and so is all of a later plan that is no commit: the line, its tags, upstream's
versions. A plan fails if it does in the stage and at the level in which the bad one
does, and no plan is proven beyond; one that fails before is left out.

A night is given as by compare: by its date, also one that failed, or by the plan
of a run: mageos-nightly nightly says where it lies. Without --bad it is what the
branches have now.

Where the good night fails today as well, what others have released since is to
blame. If it is published with what was installed with it, their releases are tried
one by one in place of commits.

--run judges by a command in the project that was installed, as git bisect run does:
0 is good, 125 skips the plan, and any other code up to 127 is bad.

What is tried is remembered: the same command goes on where it was stopped, by
Ctrl-C or by --within.`,
		Example: `  mageos-nightly bisect --in https://nightly.example.org/            since its last night
  mageos-nightly bisect --good 2026-11-20 --bad 2026-11-24 --in ./repository
  mageos-nightly bisect --good good.json --bad plan.json --level setup
  mageos-nightly bisect --in ./repository --level setup --run 'bin/magento indexer:status'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runBisect(cmd.Context(), env, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.good, "good", "", "the good night (default: the current one of --in)")
	flags.StringVar(&f.bad, "bad", "", "the bad night (default: what the branches of the good one's line have now)")
	flags.StringVar(&f.in, "in", ownTarget("nightly"), "repository in which dates and versions are looked up: folder or URL")
	flags.BoolVar(&f.published, "published", false, "look nights up where the line of --bad, a file, is published, in place of --in")
	flags.StringVar(&f.until, "until", "install", "last stage to try: dependencies, build or install")
	flags.StringVar(&f.run, "run", "", "command of the shell that judges, in the installed project")
	flags.DurationVar(&f.within, "within", 0, "begin no try after this time, as 5h, and say how far it came")
	complete(cmd, "until", bisectStages...)
	grouped(cmd, flagsOfRunner, f.runner.add)
	grouped(cmd, flagsOfProof, f.install.add)
	env.addResult(cmd, &f.result, "text", "markdown", "json")
	return cmd
}

// bisectStages are those in which a night is bad for what is in it.
var bisectStages = []string{"dependencies", "build", "install"}

func runBisect(ctx context.Context, env *factory, f bisectFlags) (err error) {
	switch {
	case !slices.Contains(bisectStages, f.until):
		return usagef("--until %s: a night is bad in %s", f.until, commas(bisectStages))
	case f.published && f.bad == "":
		return usagef("--published wants --bad PLAN, which says where its line is published")
	case f.run != "" && f.until != "install":
		return usagef("--run wants an installed project: leave out --until")
	}
	if f.published {
		bad, err := env.findNight(ctx, "", f.bad)
		if err != nil {
			return err
		}
		f.in = bad.plan.Line.URL
	}
	good, err := env.findNight(ctx, f.in, f.good)
	if err != nil {
		return err
	}
	at, o, err := nightlyFlags{until: f.until, runner: f.runner, install: f.install}.prepare(ctx, env, &good.plan.Line)
	if err != nil {
		return err
	}
	o.Prove.Judge = f.run
	show := env.display()
	r, err := env.newRunnerAt(ctx, show, f.runner, at, false)
	if err != nil {
		return err
	}
	defer closing(&err, show, r)
	bad, err := f.badPlan(ctx, env, r, good.plan)
	if err != nil {
		return err
	}
	history, err := env.history(r.Git)
	if err != nil {
		return err
	}
	search, err := bisect.New(ctx, good.plan, bad, history)
	if err != nil {
		return err
	}
	s := &bisection{env: env, show: show, runner: r, search: search, options: o, until: env.now().Add(f.within), bounded: f.within > 0}
	err = s.run(ctx)
	if end := (*bisect.EndError)(nil); errors.As(err, &end) {
		if err = s.releases(ctx, good, end); errors.As(err, &end) {
			err = usagef("%w", err)
		}
	}
	if err != nil && !errors.Is(err, errLate) {
		return show.Failure(ctx, nightly.Result{Plan: bad}, err)
	}
	show.Finish()
	report := s.search.Report(good.plan.Snapshot())
	env.say(string(report.Markdown()))
	return env.write(report, f.result.format)
}

func (f bisectFlags) badPlan(ctx context.Context, env *factory, r *runner.Runner, good *releases.Plan) (*releases.Plan, error) {
	if f.bad == "" {
		return env.plan(ctx, r, &good.Line, "")
	}
	night, err := env.findNight(ctx, f.in, f.bad)
	if err != nil {
		return nil, err
	}
	return night.plan, nil
}

// A night is a plan, and the versions of all packages of others that were installed with it; nil: they are not known.
type night struct {
	plan   *releases.Plan
	others map[string]string
}

// findNight reads the plan of a night that was published, or one that was saved.
func (env *factory) findNight(ctx context.Context, in, what string) (found night, err error) {
	var there *published
	if what == "" {
		there, err = openSnapshot(ctx, env, in, named(""))
	} else {
		there, err = findSnapshot(ctx, env, in, what)
	}
	if err != nil {
		return found, fmt.Errorf("night %s: %w", cmp.Or(what, "that is current"), err)
	}
	defer func() { err = errors.Join(err, there.close()) }()
	found.plan = &there.Manifest.Plan
	if there.repository != nil {
		found.others = nightly.Others(ctx, *there.repository, there.Manifest.Snapshot)
	}
	return found, lines.Check(&found.plan.Line)
}
