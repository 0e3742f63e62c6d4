package runner

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/install"
)

// The variables by which an installation is told of the services that run already, in this
// process and in a container.
const (
	DatabaseVariable = "NIGHTLY_DATABASE"
	SearchVariable   = "NIGHTLY_SEARCH"
	CacheVariable    = "NIGHTLY_CACHE"
	QueueVariable    = "NIGHTLY_QUEUE"
	// PreviousVariable is the folder in which a container has the published repository with
	// the earlier night.
	PreviousVariable = "NIGHTLY_PREVIOUS"
)

// StandInCommand is the command that serves the search stand-in.
const StandInCommand = "search-stand-in"

// WorkInContainer is where a container has its test installation.
const WorkInContainer = "/nightly/out-work"

// InstallOptions are those of a test installation in this process, in the folder work.
func (r *Runner) InstallOptions(work string) install.Options {
	return install.Options{
		Store: r.Trees, Dir: work, Now: r.Now,
		Locate: r.Git.Locate, Log: r.Log, Progress: r.Progress, Environ: r.Environ,
	}
}

// A Toolbox is the input of asking an image for its tools.
type Toolbox struct {
	Image string `json:"image"`
	// Database says that it is one of a database, and else of PHP.
	Database bool `json:"database"`
}

// ToolVersions are the tools of an image.
type ToolVersions struct {
	Tools []stages.Tool `json:"tools"`
}

// Tools asks for the versions of the programs that the installation is proven with. It is
// no stage of a run: a tag or a file can hold another image at any time, so that only the
// engine knows whether it has the answer.
func Tools() pipeline.Stage[Toolbox, ToolVersions] {
	return pipeline.Stage[Toolbox, ToolVersions]{Name: "tools", Version: 1, Always: true,
		Run: func(ctx context.Context, in Toolbox) (ToolVersions, error) {
			if in.Database {
				tool, err := install.DatabaseTool(ctx)
				return ToolVersions{[]stages.Tool{tool}}, err
			}
			tools, err := install.Tools(ctx)
			return ToolVersions{tools}, err
		}}
}

// Wall fails where package code would run on this machine beside secrets, which are named;
// where there is nothing to keep from it, it may warn.
func Wall(ctx context.Context, secrets []string) (warning string, err error) {
	why := container.FindSandbox(ctx)
	switch {
	case why == nil:
		return "", nil
	case len(secrets) == 0:
		return fmt.Sprintf("the code of all packages runs as you, with your rights: %v", why), nil
	}
	return "", config.Errorf("the code of all packages would run beside %s, which it could read: %w; install bubblewrap, or let an engine run it (--runner container), "+
		"or prove on a machine without secrets (nightly --write-proofs) and publish on this one (publish --proofs)", strings.Join(secrets, ", "), why)
}

// Install is the test installation of this machine behind a Wall: with the services that run
// already, and the earlier snapshot to upgrade in the folder previous.
func (r *Runner) Install(o install.Options, previous string, secrets []string) pipeline.Stage[stages.Candidate, stages.Installation] {
	here := install.Stage(o)
	sandbox := &container.Sandbox{Store: r.Trees, Dir: r.Dir, Options: container.Options{Raw: io.Discard, Log: r.Log, Progress: r.Progress}}
	walled := container.Walled(sandbox, here, o.Dir, func(in stages.Candidate) (container.Needs, error) {
		return r.sandboxNeeds(in, o.Services.Search, previous)
	})
	stage := here
	stage.Run = func(ctx context.Context, in stages.Candidate) (stages.Installation, error) { // a saved result runs no code
		warning, err := Wall(ctx, secrets)
		switch {
		case err != nil:
			return stages.Installation{}, err
		case warning != "":
			return here.Run(ctx, in)
		}
		return walled.Run(ctx, in)
	}
	return stage
}

// sandboxNeeds are what the installation sees of this machine beside its system.
func (r *Runner) sandboxNeeds(in stages.Candidate, search, previous string) (container.Needs, error) {
	n := ComposerNeeds(in.Composer)
	n.Env = container.Passed(r.Environ, append([]string{"PATH", DatabaseVariable, CacheVariable, QueueVariable}, install.Proxies...)...)
	if search != "" {
		n.Env[SearchVariable] = search
	}
	for _, dir := range filepath.SplitList(n.Env["PATH"]) {
		if info, err := os.Stat(dir); err == nil && info.IsDir() && filepath.IsAbs(dir) {
			n.Folders = append(n.Folders, container.Folder{Path: dir})
		}
	}
	if previous == "" {
		return n, nil
	}
	dir, err := filepath.Abs(previous)
	n.Env[PreviousVariable] = dir
	n.Folders = append(n.Folders, container.Folder{Path: dir})
	return n, err
}
