package ci

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/install"
	"github.com/mage-os/nightly/stages/publish"
)

// stageFlags are the flags of mageos-nightly stage.
type stageFlags struct {
	container.Task
	trees []string
	work  string
	doors []string
	prune bool
	// walled says that it runs behind a wall already.
	walled bool
}

func newStage(env *factory) *cobra.Command {
	var f stageFlags
	cmd := &cobra.Command{
		Use:   "stage NAME",
		Short: "Run one stage alone, as its container does",
		Long: `stage runs one stage: its input is a JSON file, the trees that the input names
lie in stores, each a folder, and result and trees are written to a folder. It is
what runs in containers; a failed stage can be run again with it, to look at.`,
		Example: `  mageos-nightly stage checkout --input input.json --out out
  mageos-nightly stage build --input input.json --trees checkout-out/trees --out out`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return remoteStages, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runStage(cmd.Context(), env, args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Input, "input", "input.json", "file with the stage's input")
	flags.StringVar(&f.Out, "out", "out", "folder for the result and its trees")
	flags.StringArrayVar(&f.trees, "trees", nil, "folder of a store with trees that the input names")
	flags.StringVar(&f.work, "work", "", "folder in which the test installation works (default: beside that of --out, and removed)")
	flags.BoolVar(&f.walled, "walled", false, "run package code as this user: there is a wall around it already")
	flags.StringArrayVar(&f.doors, "door", nil, "HOST:PORT=SOCKET: a way out of that wall")
	flags.BoolVar(&f.prune, "prune", false, "afterwards, once a day, remove from the store what was not used for two weeks")
	return cmd
}

// remoteStages are those that can run in a container.
var remoteStages = []string{"checkout", "dependencies", "build", "tools", "install"}

// eventPause is the least time between two steps that a stage tells.
const eventPause = 100 * time.Millisecond

func runStage(ctx context.Context, env *factory, name string, f stageFlags) (err error) {
	r, err := env.newRunner(env.display(), false)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, r.Close()); err == nil && f.prune {
			err = pruneCache(ctx, r.Dir, env.now())
		}
	}()
	trees, err := store.OpenOver(r.Store, f.trees...)
	if err != nil {
		return usagef("--trees: %w", err)
	}
	defer trees.Close()
	r.Trees = trees
	var last time.Time
	r.Progress, r.Log = container.Events(env.stdout, func() bool {
		now := env.now()
		if now.Sub(last) < eventPause {
			return false
		}
		last = now
		return true
	})
	if err := serveStage(ctx, env, r, name, f); err != nil {
		container.SendProblems(env.stdout, display.Problems(err))
		return &pipeline.StageError{Stage: name, Err: err}
	}
	return nil
}

// The store in the cache of a container is pruned once a day, as nobody runs ci
// clean there.
const (
	pruneEvery   = 24 * time.Hour
	prunedMarker = "pruned"
)

// pruneCache prunes a store, unless that was done lately or another container
// uses it.
func pruneCache(ctx context.Context, dir string, now time.Time) error {
	marker := filepath.Join(dir, prunedMarker)
	if info, err := os.Stat(marker); err == nil && now.Sub(info.ModTime()) < pruneEvery {
		return nil
	}
	_, err := store.Prune(ctx, dir, now.Add(-unusedAfter))
	switch {
	case errors.Is(err, store.ErrInUse):
		return nil // the next one does it
	case err != nil:
		return err
	}
	return errors.Join(os.WriteFile(marker, nil, 0o666), os.Chtimes(marker, now, now))
}

// serveStage runs the stage of that name.
func serveStage(ctx context.Context, env *factory, r *runner.Runner, name string, f stageFlags) error {
	t := f.Task
	switch name {
	case "checkout":
		return container.Serve(ctx, r.Checkout(), r.Trees, t)
	case "dependencies":
		return container.Serve(ctx, r.Dependencies(), r.Trees, t)
	case "build":
		return container.Serve(ctx, r.Build(), r.Trees, t)
	case "tools":
		return container.Serve(ctx, runner.Tools(), r.Trees, t)
	case "install":
		return serveInstall(ctx, env, r, f)
	}
	return usagef("no stage %q runs alone; these do: %s", name, commas(remoteStages))
}

// maxReport bounds the report that is sent of an installation, in bytes.
const maxReport = 64 << 20

// serveInstall runs the test installation, and sends the report of a failed one, of which a
// container keeps nothing.
func serveInstall(ctx context.Context, env *factory, r *runner.Runner, f stageFlags) error {
	// The shop is not part of the result: it would stay in the engine's cache. In a folder of the
	// engine the next installation removes it, before it begins: most engines end with their night.
	work := cmp.Or(f.work, env.getenv(runner.WorkVariable), f.Out+"-work")
	if f.work == "" {
		if err := files.RemoveAll(work); err != nil { // package code of an earlier run may have left anything
			return err
		}
	}
	o := r.InstallOptions(work)
	var tellCell atomic.Pointer[string]
	o.Progress = func(s pipeline.Step) {
		if name := tellCell.Load(); name != nil {
			s.Stage += " " + *name
		}
		r.Progress.Tell(s)
	}
	var err error
	if o.Services, err = env.services(); err != nil {
		return err
	}
	o.Gateway = env.getenv(runner.GatewayVariable)
	previous := env.getenv(runner.PreviousVariable)
	if previous != "" {
		o.Previous = publish.Handler(previous)
	}
	stage := r.Install(o, previous, env.secretsHeld(signFlags{}))
	if f.walled {
		runner.Open(&o)
		doors, err := container.EnterDoors(ctx, f.doors)
		if err != nil {
			return err
		}
		defer doors.Close()
		stage = install.Stage(o)
	}
	cell := ""
	run := stage.Run
	stage.Run = func(ctx context.Context, in stages.Candidate) (stages.Installation, error) {
		if cell = in.Cell.Name(); !f.walled { // several are proven at once
			tellCell.Store(&cell)
		}
		return run(ctx, in)
	}
	failed := container.Serve(ctx, stage, r.Trees, f.Task)
	if failed != nil {
		for _, name := range []string{stages.InstallationFile, stages.ReportFile} {
			// It has failed before there was one if it is not there.
			file, err := filepath.EvalSymlinks(filepath.Join(work, "report", name))
			if inside, e := filepath.EvalSymlinks(work); err != nil || e != nil || file != filepath.Join(inside, "report", name) {
				continue // package code may have left a link
			}
			if data, err := files.Read(file, maxReport); err == nil {
				container.SendFile(env.stdout, path.Join(cell, "report", name), data)
			}
		}
	}
	if f.work != "" || env.getenv(runner.WorkVariable) != "" {
		return failed
	}
	return errors.Join(failed, files.RemoveAll(work))
}
