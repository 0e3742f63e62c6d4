package ci

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/releases"
)

// nightlyFlags are the flags of mageos-nightly nightly.
type nightlyFlags struct {
	line, plan   string
	with         []string
	to, url      string
	until        string
	keep         int
	fresh        bool
	dryRun       bool
	publishLocal bool
	installTools bool
	proofs       string // folder that they are written to
	runnerFlags
	install installFlags
	sign    signFlags
}

func newNightly(w *world) *cobra.Command {
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
  mageos-nightly nightly --until build                        no installation, nothing published`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			toGiven := cmd.Flags().Changed("to")
			if f.plan != "" && (cmd.Flags().Changed("line") || len(f.with) > 0) {
				return &usageError{fmt.Errorf("--plan %s holds its own line: leave out --line and --with, or make a new plan with mageos-nightly plan", f.plan)}
			}
			return nightly(cmd.Context(), w, f, toGiven)
		},
	}
	flags := cmd.Flags()
	lineFlags(cmd, &f.line, &f.with)
	flags.StringVar(&f.plan, "plan", "", "build this saved plan")
	flags.StringVar(&f.to, "to", "repository", "folder to publish to")
	flags.StringVar(&f.url, "url", "", "base URL under which the folder will be served (default: the line's)")
	flags.StringVar(&f.until, "until", "", "last stage to run: plan, checkout, dependencies, build, install or publish")
	flags.IntVar(&f.keep, "keep", 0, "nights that stay resolvable (default: the line's)")
	flags.BoolVar(&f.fresh, "fresh", false, "run every stage, also those with a saved result")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would be published, and publish nothing")
	flags.BoolVar(&f.publishLocal, "publish-local", false, "publish although --with replaced a source")
	flags.BoolVar(&f.installTools, "install-tools", false, "install missing Debian packages (as root)")
	flags.StringVar(&f.proofs, "write-proofs", "", "write what was proven to this folder, for mageos-nightly publish --proofs on another machine")
	f.runnerFlags.add(cmd)
	f.install.add(cmd)
	f.sign.add(cmd)
	completeStages(cmd)
	return cmd
}

func nightly(ctx context.Context, w *world, f nightlyFlags, toGiven bool) (err error) {
	if err := joinFirst(checkUntil(f.until), f.install.check()); err != nil {
		return err
	}
	line, plan, err := lineOrPlan(f)
	if err != nil {
		return err
	}
	if l := lineOf(line, plan); l.BuildsTags() {
		return &usageError{fmt.Errorf("line %s builds tags, not branches; use mageos-nightly mirror", l.Name)}
	}
	said, err := f.sign.attest(w)
	if err != nil {
		return err
	}
	where, err := f.choose(ctx, w)
	if err != nil {
		return err
	}
	images, err := f.imagesOf(lineOf(line, plan))
	if err != nil {
		return err
	}
	if needsInstallTools(f.until) && f.install.matrix == "" && !(where.containers && images.hasPHP()) {
		if err := w.ensureTools(ctx, f.installTools, f.install.tools(w, lineOf(line, plan))); err != nil {
			return err
		}
	}
	c, err := newChain(w, f.fresh)
	if err != nil {
		return err
	}
	defer c.end(&err)
	c.attest = said
	c.images = images
	if err := c.useRunner(ctx, f.runnerFlags, where, f.fresh); err != nil {
		return err
	}
	if plan == nil {
		if plan, err = c.resolve(ctx, line, w.date(), 0); err != nil {
			c.tried(ctx, order{until: f.until, to: f.to, dryRun: f.dryRun}, w.date(), err)
			return c.show.failed(err)
		}
		if err := number(ctx, w, plan, f.to); err != nil {
			return err
		}
	}
	saved, err := c.savePlan(plan)
	if err != nil {
		return err
	}
	o := f.order(plan, toGiven)
	out, err := c.run(ctx, plan, o)
	if err == nil {
		err = writeProofs(f.proofs, out)
	}
	if f.install.matrix == "" && !isSkip(err) {
		c.tried(ctx, o, string(plan.Snapshot()), err)
	}
	c.show.finish()
	if f.install.matrix == "" { // else standard output holds nothing but it
		c.show.table()
	}
	if ctx.Err() != nil {
		// Main says that it was stopped; what every stage says to that is noise.
		return &reportedError{ctx.Err()}
	}
	if err != nil && !isSkip(err) {
		return c.show.failed(err)
	}
	if f.install.matrix != "" {
		return writeMatrix(w.stdout, out.cells)
	}
	c.difference()
	c.show.results(out, saved)
	return nil
}

func needsInstallTools(until string) bool {
	return until == "" || until == "install" || until == "publish"
}

// order turns the flags into an order. A local build is not published unless it
// is said where, and that it may be.
func (f nightlyFlags) order(plan *releases.Plan, toGiven bool) order {
	o := order{until: f.until, to: f.to, url: f.url, keep: f.keep, dryRun: f.dryRun, local: f.publishLocal, install: f.install}
	if plan.Local() && !toGiven && !f.publishLocal {
		o.to, o.unpublished = "", "a local build (--with) is published only with --to FOLDER --publish-local"
	}
	return o
}

func lineOrPlan(f nightlyFlags) (*releases.Line, *releases.Plan, error) {
	if f.plan != "" {
		plan, err := readPlan(f.plan)
		return nil, plan, err
	}
	line, err := loadLine(f.line, f.with)
	return line, nil, err
}

// lineOf is the line, or that of the plan.
func lineOf(line *releases.Line, plan *releases.Plan) *releases.Line {
	if line == nil {
		return &plan.Line
	}
	return line
}

func readPlan(file string) (*releases.Plan, error) {
	data, err := readInput(file)
	if err != nil {
		return nil, &usageError{fmt.Errorf("read plan: %w; make one with mageos-nightly plan --out %s", err, file)}
	}
	plan, err := releases.ParsePlan(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return plan, nil
}

// loadLine loads a line and replaces the sources named by --with.
func loadLine(name string, with []string) (*releases.Line, error) {
	line, err := releases.Load(name)
	if err != nil {
		return nil, err
	}
	for _, override := range with {
		if err := line.With(override); err != nil {
			return nil, err
		}
	}
	return line, nil
}

// savePlan keeps the plan of every night, so that it can be built again.
func (c *chain) savePlan(plan *releases.Plan) (string, error) {
	data, err := plan.Encode()
	if err != nil {
		return "", err
	}
	name := plan.Line.Name + "-" + string(plan.Snapshot())
	if plan.Local() {
		name += "-local" // not the plan of that night of the line
	}
	file := filepath.Join(c.dir, "plans", name+".json")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", err
	}
	return file, writeFile(file, data)
}

// writeFile replaces a file whole or not at all.
func writeFile(file string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.Write(data); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Chmod(0o644); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Sync(); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}
