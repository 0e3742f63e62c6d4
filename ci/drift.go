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
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/dependencies/drift"
)

// A driftError says that something new and unreachable appeared: the report was
// made, and it is bad news.
type driftError struct{ found []drift.Finding }

func (e *driftError) Error() string {
	f := e.found[0]
	text := "new, and no require leads there: " + f.Package + " uses " + f.Require
	if n := len(e.found); n > 1 {
		text = fmt.Sprintf("%d uses are new, and no require leads there; the first: %s uses %s", n, f.Package, f.Require)
	}
	return text + "; add what the report says to composer.json, or take it into a baseline with --write-baseline"
}

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

func newDrift(w *world) *cobra.Command {
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
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(w); err != nil {
				return err
			}
			return runDrift(cmd.Context(), w, f, cmd.Flags().Changed("line") || f.source == "")
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
	_ = cmd.RegisterFlagCompletionFunc("format", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return slices.Clone(drift.Formats), cobra.ShellCompDirectiveNoFileComp
	})
}

// check refuses flags that do not go together, before any work.
func (f driftFlags) check(w *world) error {
	switch {
	case !slices.Contains(drift.Formats, f.format):
		return &usageError{fmt.Errorf("--format %s: no such format; the formats are %s", f.format, strings.Join(drift.Formats, ", "))}
	case f.writeBaseline && f.baseline == "":
		return &usageError{errors.New("--write-baseline: say with --baseline FILE where to")}
	case f.source != "" && len(f.repositories) > 0:
		return &usageError{errors.New("--repository is of a line; with --source leave it out")}
	case w.json && f.output == "":
		return &usageError{errors.New("--json: the events go to standard output; say with --output FILE where the report goes")}
	}
	return nil
}

func runDrift(ctx context.Context, w *world, f driftFlags, withLine bool) (err error) {
	known, err := readBaseline(f)
	if err != nil {
		return err
	}
	c, err := newChain(w, f.fresh)
	if err != nil {
		return err
	}
	defer c.end(&err)
	in, title, err := c.driftInput(ctx, f, withLine)
	if err != nil {
		return c.driftFailed(ctx, err)
	}
	report, err := pipeline.Run(ctx, c.session, c.drift(), in)
	if err != nil {
		return c.driftFailed(ctx, err)
	}
	c.show.finish()
	comparison := known.Compare(report, len(in.Only) > 0)
	view := drift.View{Comparison: comparison, Title: title, Program: releases.Program, Baseline: f.baseline, All: f.all}
	if err := f.write(w, view); err != nil {
		return err
	}
	if f.writeBaseline {
		if len(in.Only) == 0 {
			known = drift.Baseline{}
		}
		return f.saveBaseline(w, known.Merge(report))
	}
	if alarming := comparison.Alarming(); len(alarming) > 0 {
		return &driftError{alarming}
	}
	return nil
}

// driftFailed shows why there is no report; of a run that was stopped Main says so.
func (c *chain) driftFailed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &reportedError{ctx.Err()}
	}
	return c.show.failed(err)
}

func (c *chain) drift() pipeline.Stage[drift.Input, drift.Report] {
	return drift.Stage(drift.Options{Store: c.store, Cache: c.store.Cache("scan"), Log: c.log, Progress: c.show.step})
}

// driftInput is what the flags ask to look at, and what to call it.
func (c *chain) driftInput(ctx context.Context, f driftFlags, withLine bool) (drift.Input, string, error) {
	var line, folder drift.Input
	title := ""
	if f.source != "" {
		dir, err := filepath.Abs(f.source)
		if err == nil {
			title = filepath.Base(dir)
			folder, err = readFolder(ctx, c, dir)
		}
		if err != nil || !withLine {
			return folder, title, err
		}
	}
	l, err := loadLine(f.line, f.with)
	if err != nil {
		return line, title, err
	}
	for _, name := range f.repositories {
		if _, ok := l.Repository(name); !ok {
			return line, title, &usageError{fmt.Errorf("--repository %s: the line has no such repository; it has %s", name, strings.Join(repositoryNamesOf(l), ", "))}
		}
	}
	if line, err = c.lineInput(ctx, l, f.repositories); err != nil {
		return line, title, err
	}
	if f.source == "" {
		return line, l.Title, nil
	}
	return folder.Within(line), title + " within " + l.Title, nil
}

func repositoryNamesOf(l *releases.Line) []string {
	names := make([]string, len(l.Repositories))
	for i, r := range l.Repositories {
		names[i] = r.Name
	}
	return names
}

// readFolder reads a clone into the store.
func readFolder(ctx context.Context, c *chain, dir string) (drift.Input, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return drift.Input{}, &usageError{fmt.Errorf("--source: %w; give the folder of a clone", err)}
	}
	defer root.Close()
	in, err := drift.Clone(ctx, c.store, root.FS(), filepath.Base(dir))
	if err != nil {
		return drift.Input{}, &usageError{fmt.Errorf("--source %s: %w", dir, err)}
	}
	return in, nil
}

// lineInput takes a line through the stages before.
func (c *chain) lineInput(ctx context.Context, line *releases.Line, only []string) (drift.Input, error) {
	plan, err := c.resolve(ctx, line, c.world.date(), 0)
	if err != nil {
		return drift.Input{}, err
	}
	sources, err := pipeline.Run(ctx, c.session, c.checkout(), stages.CheckoutOf(plan))
	if err != nil {
		return drift.Input{}, err
	}
	analysis := stages.AnalysisOf(plan, sources)
	found, err := pipeline.Run(ctx, c.session, c.dependencies(), analysis)
	return drift.InputOf(analysis, found, only), err
}

// readBaseline reads the file of --baseline. That it is not there is right only
// when it is to be written.
func readBaseline(f driftFlags) (drift.Baseline, error) {
	if f.baseline == "" {
		return drift.Baseline{}, nil
	}
	data, err := readInput(f.baseline)
	if errors.Is(err, fs.ErrNotExist) && f.writeBaseline {
		return drift.Baseline{}, nil
	}
	if err != nil {
		return drift.Baseline{}, &usageError{fmt.Errorf("read baseline: %w; make it with --write-baseline", err)}
	}
	known, err := drift.ParseBaseline(data)
	if err != nil {
		return drift.Baseline{}, &usageError{fmt.Errorf("%s: %w", f.baseline, err)}
	}
	return known, nil
}

func (f driftFlags) saveBaseline(w *world, known drift.Baseline) error {
	data, err := known.Encode()
	if err == nil {
		err = writeFile(f.baseline, data)
	}
	if err == nil && !w.json && (f.format == drift.Text || f.output != "") {
		fmt.Fprintf(w.stdout, "Written to %s. Say what is new since with: mageos-nightly drift --baseline %s\n", f.baseline, f.baseline)
	}
	return err
}

// write writes the report to where the flags say.
func (f driftFlags) write(w *world, view drift.View) error {
	data, err := drift.Render(f.format, view)
	if err != nil {
		return err
	}
	if f.output == "" {
		_, err = w.stdout.Write(data)
		return err
	}
	if err := writeFile(f.output, data); err != nil {
		return err
	}
	if !w.json {
		fmt.Fprintf(w.stdout, "%s: %s. Written to %s.\n", view.Title, view.Summary(), f.output)
	}
	return nil
}
