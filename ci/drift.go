package ci

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/dependencies/drift"
)

// driftFlags are the flags of mageos-nightly drift.
type driftFlags struct {
	line, source  string
	with          []string
	repositories  []string
	format        string
	output        string
	baseline      string
	writeBaseline bool
	all           bool
	fresh         bool
}

func newDrift(env *factory) *cobra.Command {
	var f driftFlags
	cmd := &cobra.Command{
		Use:   "drift",
		Short: "Compare what packages use with what they require",
		Long: `drift reads the code of every package of a line, or of a folder, and compares what
it uses with what its composer.json requires: what is missing, what nothing
refers to, which extensions of PHP are not named. Nothing is installed.

With --source it reads a clone, as it lies there. Third-party packages are then
known from its composer.lock or its vendor folder, and with --line also from the
other repositories of that line.

A baseline holds what is known. The command fails, with exit code 8, only if
something appeared that is not in it and that no chain of requires leads to.`,
		Example: `  mageos-nightly drift --line nightly                               all packages of Mage-OS
  mageos-nightly drift --source .                                   the package, or the packages, in this clone
  mageos-nightly drift --source . --line nightly                    and look up classes in all of Mage-OS
  mageos-nightly drift --baseline drift.json --write-baseline       take all that is found as known
  mageos-nightly drift --baseline drift.json                        say what is new since
  mageos-nightly drift --source . --format sarif --output drift.sarif  for GitHub's code scanning`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(env); err != nil {
				return err
			}
			return runDrift(cmd.Context(), env, f, cmd.Flags().Changed("line") || f.source == "")
		},
	}
	f.add(cmd)
	return cmd
}

// add adds the flags to the command.
func (f *driftFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	lineFlags(cmd, &f.line, &f.with)
	flags.StringVar(&f.source, "source", "", "folder of a clone to look at instead of all of a line")
	flags.StringArrayVar(&f.repositories, "repository", nil, "report on this repository of the line only (may be given again)")
	flags.StringVar(&f.format, "format", drift.Text, "format of the report: "+strings.Join(drift.Formats, ", "))
	flags.StringVar(&f.output, "output", "", "file to write the report to (default: standard output)")
	flags.StringVar(&f.baseline, "baseline", "", "file with what is known; the rest is new")
	flags.BoolVar(&f.writeBaseline, "write-baseline", false, "write what was found to the file of --baseline")
	flags.BoolVar(&f.all, "all", false, "show also what is merely worth knowing: only in tests, only in XML, only suggested")
	flags.BoolVar(&f.fresh, "fresh", false, "run every stage, also those with a saved result")
	complete(cmd, "format", drift.Formats...)
}

// check refuses flags that do not go together, before any work.
func (f driftFlags) check(env *factory) error {
	switch {
	case !slices.Contains(drift.Formats, f.format):
		return usagef("--format %s: no such format; the formats are %s", f.format, strings.Join(drift.Formats, ", "))
	case f.writeBaseline && f.baseline == "":
		return usagef("--write-baseline: say with --baseline FILE where to")
	case f.source != "" && len(f.repositories) > 0:
		return usagef("--repository is of a line; with --source leave it out")
	case env.json && f.output == "":
		return usagef("--json: the events go to standard output; say with --output FILE where the report goes")
	}
	return nil
}

func runDrift(ctx context.Context, env *factory, f driftFlags, withLine bool) (err error) {
	known, err := readBaseline(f)
	if err != nil {
		return err
	}
	if err := makeFolder("--output", filepath.Dir(f.output)); err != nil {
		return err
	}
	show := env.display()
	r, err := env.newRunner(show, f.fresh)
	if err != nil {
		return err
	}
	defer closing(&err, show, r)
	in, title, err := f.input(ctx, env, r, withLine)
	if err != nil {
		return show.Failure(ctx, nightly.Result{}, err)
	}
	stage := drift.Stage(drift.Options{Store: r.Store, Log: r.Log, Progress: r.Progress})
	report, err := pipeline.Run(ctx, r.Session(), stage, in)
	if err := show.Failure(ctx, nightly.Result{}, err); err != nil {
		return err
	}
	view := drift.View{Report: known.Compare(report, len(in.Only) > 0), Title: title, Program: releases.Program, Baseline: f.baseline, All: f.all}
	if err := f.write(env, view); err != nil {
		return err
	}
	if f.writeBaseline {
		if len(in.Only) == 0 {
			known = drift.Baseline{}
		}
		return f.saveBaseline(env, known.Merge(report))
	}
	return alarm(view.Alarming())
}

// alarm fails if something new and unreachable appeared: the report was made, and it is
// bad news.
func alarm(found []drift.Finding) error {
	if len(found) == 0 {
		return nil
	}
	text := "new, and no require leads there"
	if n := len(found); n > 1 {
		text = fmt.Sprintf("%d uses are new, and no require leads there; the first", n)
	}
	return coded(exitDrift, "%s: %s uses %s; add what the report says to composer.json, or take it into a baseline with --write-baseline",
		text, found[0].Package, found[0].Require)
}

// input is what the flags ask to look at, and what to call it.
func (f driftFlags) input(ctx context.Context, env *factory, r *runner.Runner, withLine bool) (in drift.Input, title string, err error) {
	var folder drift.Input
	if f.source != "" {
		if folder, title, err = readFolder(ctx, r, f.source); err != nil || !withLine {
			return folder, title, err
		}
	}
	l, err := loadLine(f.line, f.with)
	if err != nil {
		return in, title, err
	}
	for _, name := range f.repositories {
		if _, ok := l.Repository(name); !ok {
			return in, title, usagef("--repository %s: the line has no such repository; it has %s", name, commas(repositoryNamesOf(l)))
		}
	}
	if in, err = lineInput(ctx, env, r, l, f.repositories); err != nil || f.source == "" {
		return in, l.Title, err
	}
	return folder.Within(in), title + " within " + l.Title, nil
}

// readFolder reads a clone into the store; its title is the name of its folder.
func readFolder(ctx context.Context, r *runner.Runner, source string) (in drift.Input, title string, err error) {
	dir, err := filepath.Abs(source)
	if err != nil {
		return in, "", err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return in, "", usagef("--source: %w; give the folder of a clone", err)
	}
	defer root.Close()
	if in, err = drift.Clone(ctx, r.Store, root.FS(), filepath.Base(dir)); err != nil {
		err = usagef("--source %s: %w", dir, err)
	}
	return in, filepath.Base(dir), err
}

// lineInput takes a line through the stages before.
func lineInput(ctx context.Context, env *factory, r *runner.Runner, line *releases.Line, only []string) (drift.Input, error) {
	plan, err := env.plan(ctx, r, line, "")
	if err != nil {
		return drift.Input{}, err
	}
	sources, err := pipeline.Run(ctx, r.Session(), r.Checkout(), stages.CheckoutOf(plan))
	if err != nil {
		return drift.Input{}, err
	}
	analysis := stages.AnalysisOf(plan, sources)
	found, err := pipeline.Run(ctx, r.Session(), r.Dependencies(), analysis)
	return drift.InputOf(analysis, found, only), err
}

// readBaseline reads the file of --baseline. That it is not there is right only
// when it is to be written.
func readBaseline(f driftFlags) (drift.Baseline, error) {
	if f.baseline == "" {
		return drift.Baseline{}, nil
	}
	data, err := files.Read(f.baseline, files.Large)
	if errors.Is(err, fs.ErrNotExist) && f.writeBaseline {
		return drift.Baseline{}, nil
	}
	if err != nil {
		return drift.Baseline{}, usagef("read baseline: %w; make it with --write-baseline", err)
	}
	known, err := drift.ParseBaseline(data)
	if err != nil {
		return drift.Baseline{}, usagef("%s: %w", f.baseline, err)
	}
	return known, nil
}

func (f driftFlags) saveBaseline(env *factory, known drift.Baseline) error {
	data, err := known.Encode()
	if err == nil {
		err = files.Replace(f.baseline, data)
	}
	if err == nil && !env.json && (f.format == drift.Text || f.output != "") {
		fmt.Fprintf(env.stdout, "Written to %s. Say what is new since with: mageos-nightly drift --baseline %s\n", f.baseline, f.baseline)
	}
	return err
}

// write writes the report to where the flags say.
func (f driftFlags) write(env *factory, view drift.View) error {
	data, err := drift.Render(f.format, view)
	if err != nil {
		return err
	}
	if err := env.writeTo(f.output, data); err != nil {
		return err
	}
	if f.output != "" && !env.json {
		fmt.Fprintf(env.stdout, "%s: %s. Written to %s.\n", view.Title, view.Summary(), f.output)
	}
	return nil
}
