package ci

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/bisect"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/lines"
)

// bisectFlags are the flags of mageos-nightly bisect.
type bisectFlags struct {
	good, bad, in, until string
	result               resultFlags
	runner               runnerFlags
	install              installFlags
}

func newBisect(env *factory) *cobra.Command {
	var f bisectFlags
	cmd := &cobra.Command{
		Use:   "bisect",
		Short: "Find the commit that turned a line red, by trying plans between a good night and a bad one",
		Long: `bisect tries plans between a good night and a bad one: first both ends, then the
middle of what is left, until one commit of one repository is. A merge is one step,
and so is all of a later plan that is no commit: the line, its tags, upstream's
versions. A plan fails if it does in the stage in which the bad one does; one that
fails before is left out.

A night is given as by compare, or as the plan of a run, which a night that was
not published has: mageos-nightly nightly says where it lies. Without --bad it is
what the branches have now.

What is tried is remembered: the same command goes on where it was stopped.`,
		Example: `  mageos-nightly bisect --in https://nightly.example.org/            since its last night
  mageos-nightly bisect --good 2026-11-20 --bad 2026-11-24 --in ./repository
  mageos-nightly bisect --good good.json --bad plan.json --level setup`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runBisect(cmd.Context(), env, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.good, "good", "", "the good night (default: the current one of --in)")
	flags.StringVar(&f.bad, "bad", "", "the bad night (default: what the branches of the good one's line have now)")
	flags.StringVar(&f.in, "in", ownTarget("nightly"), "repository in which dates and versions are looked up: folder or URL")
	flags.StringVar(&f.until, "until", "install", "last stage to try: dependencies, build or install")
	complete(cmd, "until", bisectStages...)
	grouped(cmd, flagsOfRunner, f.runner.add)
	grouped(cmd, flagsOfProof, f.install.add)
	env.addResult(cmd, &f.result, "text", "markdown", "json")
	return cmd
}

// bisectStages are those in which a night is bad for what is in it.
var bisectStages = []string{"dependencies", "build", "install"}

func runBisect(ctx context.Context, env *factory, f bisectFlags) (err error) {
	if !slices.Contains(bisectStages, f.until) {
		return usagef("--until %s: a night is bad in %s", f.until, commas(bisectStages))
	}
	good, err := env.findPlan(ctx, f.in, f.good)
	if err != nil {
		return err
	}
	at, o, err := nightlyFlags{until: f.until, runner: f.runner, install: f.install}.prepare(ctx, env, &good.Line)
	if err != nil {
		return err
	}
	show := env.display()
	r, err := env.newRunnerAt(ctx, show, f.runner, at, false)
	if err != nil {
		return err
	}
	defer closing(&err, show, r)
	var bad *releases.Plan
	if f.bad != "" {
		bad, err = env.findPlan(ctx, f.in, f.bad)
	} else {
		bad, err = env.plan(ctx, r, &good.Line, "")
	}
	if err != nil {
		return err
	}
	history, err := env.history(r.Git)
	if err != nil {
		return err
	}
	search, err := bisect.New(ctx, good, bad, history)
	if err != nil {
		return err
	}
	if err := env.search(ctx, show, r, search, o); err != nil {
		if end := (*bisect.EndError)(nil); errors.As(err, &end) {
			err = usagef("%w", err)
		}
		return show.Failure(ctx, nightly.Result{Plan: bad}, err)
	}
	show.Finish()
	return env.write(search.Report(good.Snapshot()), f.result.format)
}

// findPlan reads the plan of a night that was published, or one that was saved.
func (env *factory) findPlan(ctx context.Context, in, what string) (plan *releases.Plan, err error) {
	if info, err := os.Stat(what); err == nil && info.Mode().IsRegular() && filepath.Base(what) != releases.ManifestName {
		return nightly.ReadPlan(what)
	}
	var there *published
	if what == "" {
		there, err = openSnapshot(ctx, env, in, named(""))
	} else {
		there, err = findSnapshot(ctx, env, in, what)
	}
	if err != nil {
		return nil, fmt.Errorf("night %s: %w", cmp.Or(what, "that is current"), err)
	}
	defer func() { err = errors.Join(err, there.close()) }()
	return &there.Manifest.Plan, lines.Check(&there.Manifest.Plan.Line)
}

// search runs a search, and keeps what it has tried in the store.
func (env *factory) search(ctx context.Context, show *display.Run, r *runner.Runner, s *bisect.Search, o nightly.Options) error {
	file, err := searchFile(r.Dir, s, o)
	if err != nil {
		return err
	}
	if data, err := files.Read(file, files.Small); err == nil {
		if err := json.Unmarshal(data, &s.Trials); err != nil {
			return usagef("%s: %w; remove it", file, err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	prove := func(ctx context.Context, plan *releases.Plan, until string) (failed, reason string, err error) {
		o := o
		if until != "" {
			o.Until = until
		}
		_, err = nightly.Run(ctx, r, plan, o)
		var stage *pipeline.StageError
		switch code := exitCode(err); {
		case err == nil || display.IsSkip(err):
			return "", "", nil
		case ctx.Err() == nil && (code == exitBuild || code == exitInstall) && errors.As(err, &stage):
			failed, _, _ = strings.Cut(stage.Stage, " ") // of a cell
			return failed, err.Error(), nil
		}
		return "", "", err
	}
	return s.Run(ctx, nightly.Stages, prove, func(t bisect.Trial) error {
		env.tellTrial(show, s, t)
		if t.Verdict == "" {
			return nil
		}
		data, err := json.Marshal(s.Trials)
		if err != nil {
			return err
		}
		return files.Replace(file, data)
	})
}

// searchFile is where a search is kept: one for the two plans, and for how far they are proven, with what.
func searchFile(store string, s *bisect.Search, o nightly.Options) (string, error) {
	data, err := json.Marshal([]any{s.Good, s.Bad, o.Until, o.Prove.Level, o.Prove.Cell, o.Prove.AllCells, o.Prove.Search, o.Prove.SampleData, o.Prove.Images})
	return filepath.Join(store, "bisect", string(pipeline.DigestOf(data)[:12])+".json"), err
}

// tellTrial says which plan is tried, and what became of it.
func (env *factory) tellTrial(show *display.Run, s *bisect.Search, t bisect.Trial) {
	if env.json {
		show.Event(map[string]any{"event": "trial", "of": len(s.Steps), "trial": t})
		return
	}
	what := "the good plan"
	switch {
	case t.Steps == len(s.Steps):
		what = "the bad plan"
	case t.Steps > 0:
		what = s.Steps[t.Steps-1].Title()
	}
	if t.Verdict == "" {
		fmt.Fprintf(show.Logs(), "\n%-12s %d of %d steps, to %s\n", "try", t.Steps, len(s.Steps), markdown.Printable(what))
		return
	}
	fmt.Fprintf(show.Logs(), "%-12s %s\n", "verdict", t.Verdict)
}
