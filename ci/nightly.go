package ci

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

// nightlyFlags are the flags of the command nightly.
type nightlyFlags struct {
	line, plan   string
	with         []string
	target       targetFlags
	until        string
	fresh        bool
	installTools bool
	proofs       string // folder that they are written to
	writeTry     string // folder that the record of the run is written to
	like         string // what was proven elsewhere
	runner       runnerFlags
	install      installFlags
	preview      *tryFlags // of mageos-nightly try: what is merged upon the plan
}

func newNightly(env *factory) *cobra.Command {
	var f nightlyFlags
	cmd := &cobra.Command{
		Use:   "nightly",
		Short: "Build a night, prove it by an installation, publish it",
		Long: `nightly resolves the line to a plan, checks out the planned commits, finds the
dependencies, builds the packages, installs them, and publishes the night to a
folder. Each stage's result is saved: the same command goes on where it was
stopped, and a second run of the same plan reuses all but the publishing.`,
		Example: `  mageos-nightly nightly --line sample --install-tools        a newcomer's first command
  mageos-nightly nightly --line nightly --to ./repository     Mage-OS itself
  mageos-nightly nightly --line my.yaml                       my own distribution
  mageos-nightly nightly --plan plan.json                     a night again, from its saved plan
  mageos-nightly nightly --with page-builder=../my-clone      with my fix in it
  mageos-nightly nightly --like https://nightly.example.org/  proven with the images of its last night
  mageos-nightly nightly --until build                        no installation, nothing published`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.plan != "" && (cmd.Flags().Changed("line") || len(f.with) > 0) {
				return usagef("--plan %s holds its own line: leave out --line and --with, or make a new plan with mageos-nightly plan", f.plan)
			}
			return runNightly(cmd.Context(), env, f)
		},
	}
	flags := cmd.Flags()
	lineFlags(cmd, &f.line, &f.with)
	flags.StringVar(&f.plan, "plan", "", "build this saved plan")
	grouped(cmd, flagsOfPublishing, f.target.add, f.target.addKeep)
	flags.StringVar(&f.until, "until", "", "last stage to run: plan, checkout, dependencies, build, install or publish")
	flags.BoolVar(&f.fresh, "fresh", false, "run every stage, also those with a saved result")
	flags.BoolVar(&f.installTools, "install-tools", false, "install missing Debian packages (as root)")
	flags.StringVar(&f.proofs, "write-proofs", "", "write what was proven to this folder, for publish --proofs on another machine")
	flags.StringVar(&f.writeTry, "write-try", "", "write the record of the run to this folder, for publish --tries on another machine")
	flags.StringVar(&f.like, "like", "", "prove with the images, the cell and the level of another night: its installation.json, or the file or URL of it or of a repository")
	grouped(cmd, flagsOfRunner, f.runner.add)
	grouped(cmd, flagsOfProof, f.install.add)
	complete(cmd, "until", nightly.Stages...)
	return cmd
}

func runNightly(ctx context.Context, env *factory, f nightlyFlags) (err error) {
	line, plan, err := f.lineOrPlan(ctx, env)
	if err != nil {
		return err
	}
	f.target.of(line)
	if err := makeFolder("--write-proofs", f.proofs); err != nil {
		return err
	}
	at, o, err := f.prepare(ctx, env, line)
	if err != nil {
		return err
	}
	show := env.display()
	show.Last = env.lastTimes(line.Name)
	r, err := env.newRunnerAt(ctx, show, f.runner, at, f.fresh)
	if err != nil {
		return err
	}
	defer closing(&err, show, r)
	if o.Publish, err = f.target.options(env, r, show); err != nil {
		return err
	}
	if f.publishes() {
		if err := f.mayPublish(ctx, line, o.Publish); err != nil {
			f.tried(ctx, r, o, line, env.date(), nightly.Result{Plan: plan}, err)
			return err
		}
	}
	if plan, err = f.planned(ctx, env, r, line, plan); err != nil {
		f.tried(ctx, r, o, line, env.date(), nightly.Result{}, err)
		return show.End(ctx, nightly.Result{}, err)
	}
	switch {
	case !f.target.byDefault:
	case plan.Preview != nil:
		o.Publish.To, o.Publish.Unpublished = "", "a preview is published only with --to FOLDER of its own"
	case plan.Local() && !f.target.local:
		o.Publish.To, o.Publish.Unpublished = "", "a local build (--with) is published only with --to FOLDER --publish-local"
	}
	saved, err := nightly.KeepPlan(r.Dir, plan)
	if err != nil {
		return err
	}
	if f.install.matrix != "" {
		return f.writeMatrix(ctx, env, r, show, plan, o)
	}
	made, err := nightly.Run(ctx, r, plan, o)
	if err == nil && f.proofs != "" {
		if err = nightly.WriteProofs(f.proofs, made); err != nil {
			err = usagef("--write-proofs: %w", err)
		}
	}
	made.Suspects = env.suspects(ctx, r, made, err, f.target)
	if !display.IsSkip(err) {
		f.tried(ctx, r, o, line, string(plan.Snapshot()), made, err)
	}
	if err := show.End(ctx, made, err); err != nil {
		return err
	}
	env.keepTimes(line.Name, show.Times())
	show.Results(made, saved)
	return nil
}

// planned is the plan to build: the one that was given, or a new one; with what is to be
// tried merged upon it.
func (f nightlyFlags) planned(ctx context.Context, env *factory, r *runner.Runner, line *releases.Line, plan *releases.Plan) (_ *releases.Plan, err error) {
	switch {
	case plan != nil:
		err = r.WorkTrees(ctx, plan)
	case f.preview != nil:
		plan, err = env.plan(ctx, r, line, "")
	default:
		plan, err = env.plan(ctx, r, line, f.target.to)
	}
	if err != nil || f.preview == nil {
		return plan, err
	}
	return f.preview.planned(ctx, env, r, plan)
}

// lineOrPlan gives the line, and the plan if one was given.
func (f nightlyFlags) lineOrPlan(ctx context.Context, env *factory) (line *releases.Line, plan *releases.Plan, err error) {
	if f.plan != "" {
		if f.preview != nil {
			var found night
			found, err = env.findNight(ctx, "", f.plan) // also a published one
			plan = found.plan
		} else {
			plan, err = nightly.ReadPlan(f.plan)
		}
		if err != nil {
			return nil, nil, err
		}
		line = &plan.Line
	} else if line, err = loadLine(f.line, f.with); err != nil {
		return nil, nil, err
	}
	if line.BuildsTags() {
		return nil, nil, usagef("line %s builds tags, not branches; use mageos-nightly mirror", line.Name)
	}
	if f.preview != nil {
		err = f.preview.of(line)
	}
	return line, plan, err
}

// prepare checks the flags, finds where stages run, and makes sure that what they need is
// there.
func (f nightlyFlags) prepare(ctx context.Context, env *factory, line *releases.Line) (at place, o nightly.Options, err error) {
	if err = f.install.check(); err != nil {
		return at, o, err
	}
	if o.Until = f.until; f.until != "" && !slices.Contains(nightly.Stages, f.until) {
		return at, o, usagef("--until %s: no such stage; the stages are %s", f.until, commas(nightly.Stages))
	}
	images, err := f.runner.imagesOf(line)
	if err != nil {
		return at, o, err
	}
	if at, err = f.runner.choose(ctx, env); err != nil {
		return at, o, err
	}
	if o.Prove, err = f.install.options(env, images, f.target.sign); err != nil {
		return at, o, err
	}
	if f.like != "" {
		if f.install.cell != "" || f.install.allCells {
			return at, o, usagef("--like %s says which cell: leave out --cell and --all-cells", f.like)
		}
		if !at.containers {
			return at, o, usagef("--like %s: the same images need a container engine, and %s", f.like, at.why)
		}
		like, err := openInstallation(ctx, env, f.like)
		if err == nil {
			err = o.Prove.Like(like)
		}
		if err != nil {
			return at, o, usagef("--like %s: %w", f.like, err)
		}
	}
	here := f.install.matrix == "" && !at.containers
	if here && (f.until == "" || f.until == "install" || f.until == "publish") {
		err = f.install.prepareHere(ctx, env, f.installTools, line, f.target.sign)
	}
	return at, o, err
}

// publishes reports whether the run is to publish.
func (f nightlyFlags) publishes() bool {
	return f.install.matrix == "" && (f.until == "" || f.until == publish.Name)
}

// mayPublish fails, before anything is built, where it could not be published.
func (f nightlyFlags) mayPublish(ctx context.Context, line *releases.Line, o nightly.PublishOptions) error {
	uncommitted := slices.ContainsFunc(line.Repositories, func(r releases.Repository) bool { return r.Folder != "" })
	if _, folder := target.Folder(o.To); uncommitted && !folder {
		return usagef("--to %s: files that are in no commit (--with NAME=FOLDER) are published to a folder alone", o.To)
	}
	return belongs(ctx, o)
}

// tried writes the record of a run where that was asked for, and tells the target of one that was to publish.
func (f nightlyFlags) tried(ctx context.Context, r *runner.Runner, o nightly.Options, line *releases.Line, snapshot string, made nightly.Result, err error) {
	if f.writeTry != "" {
		if e := nightly.KeepTry(f.writeTry, o.Publish, line.Name, snapshot, made, err); e != nil {
			r.Log.Warn("the record of this run could not be written", "error", e)
		}
	}
	if f.publishes() {
		nightly.Tried(ctx, r, o.Publish, line.Name, snapshot, made, err)
	}
}

// writeMatrix builds a plan and writes its cells for the strategy of a GitHub Actions
// workflow: matrix: ${{ fromJSON(...) }}. A cell's services are images, empty for none.
// Standard output holds nothing else.
func (f nightlyFlags) writeMatrix(ctx context.Context, env *factory, r *runner.Runner, show *display.Run, plan *releases.Plan, o nightly.Options) error {
	made := nightly.Result{Plan: plan}
	var err error
	var cells []releases.Cell
	if made.Snapshot, err = nightly.Build(ctx, r, plan, "build"); err == nil {
		cells, err = nightly.Cells(ctx, r, plan, *made.Snapshot, o.Prove)
	}
	if err := show.Failure(ctx, made, err); err != nil {
		return err
	}
	matrix, err := nightly.MatrixJSON(cells)
	if err != nil {
		return err
	}
	return writeOut(env.stdout, append(matrix, '\n'))
}
