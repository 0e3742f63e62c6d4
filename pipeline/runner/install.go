package runner

import (
	"context"
	"os"
	"path/filepath"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
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
		Store: r.Trees, Dir: work, Cache: r.Store.Cache("composer"), Now: r.Now,
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

// Walled is the test installation of this machine in the sandbox, if there is one: with the
// services that run already, and the earlier snapshot to upgrade in the folder previous.
func (r *Runner) Walled(ctx context.Context, o install.Options, previous string) pipeline.Stage[stages.Candidate, stages.Installation] {
	stage := install.Stage(o)
	if container.FindSandbox(ctx) != nil {
		return stage
	}
	return container.Walled(r.Sandbox, stage, o.Dir, func(in stages.Candidate) (container.Needs, error) {
		n := ComposerNeeds(in.Composer)
		n.Env = container.Passed(r.Environ, append([]string{"PATH", DatabaseVariable, CacheVariable, QueueVariable}, install.Proxies...)...)
		if o.Services.Search != "" {
			n.Env[SearchVariable] = o.Services.Search
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
	})
}
