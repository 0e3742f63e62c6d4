package ci

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/install"
	"github.com/mage-os/nightly/stages/publish"
)

// A toolbox is the input of asking an image for its tools.
type toolbox struct {
	Image string `json:"image"`
	// Database says that it is one of a database, and else of PHP.
	Database bool `json:"database"`
}

// A toolList is what it has.
type toolList struct {
	Tools []stages.Tool `json:"tools"`
}

// tools asks for the versions of the programs that the installation is proven
// with. It is no stage of a run: a tag or a file can hold another image at any
// time, so that only the engine knows whether it has the answer.
func (c *chain) tools() pipeline.Stage[toolbox, toolList] {
	return pipeline.Stage[toolbox, toolList]{Name: "tools", Version: 1, Always: true,
		Run: func(ctx context.Context, in toolbox) (toolList, error) {
			if in.Database {
				tool, err := install.DatabaseTool(ctx)
				return toolList{[]stages.Tool{tool}}, err
			}
			tools, err := install.Tools(ctx)
			return toolList{tools}, err
		}}
}

// toolsOf asks an image on an engine.
func (c *chain) toolsOf(ctx context.Context, engine *container.Engine, in toolbox) ([]stages.Tool, error) {
	image := func(toolbox) (container.Needs, error) { return container.Needs{Image: in.Image}, nil }
	found, err := container.Remote(engine, c.tools(), image).Run(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("ask the image %s what it has: %w", in.Image, err)
	}
	return found.Tools, nil
}

// install is the test installation in a folder of its own.
func (c *chain) install(work string) (pipeline.Stage[stages.Candidate, stages.Installation], error) {
	o := c.installOptions(work)
	var err error
	o.Services, err = installFlags{}.servicesOf(c.world)
	if folder := c.world.getenv(previousFolder); folder != "" {
		o.Previous = publish.Handler(folder)
	}
	return install.Stage(o), err
}

func (c *chain) installOptions(work string) install.Options {
	return install.Options{
		Store: c.trees, Dir: work, Cache: filepath.Join(c.dir, "composer"), Now: c.world.now,
		Locate: c.carried.locate, Log: c.log, Progress: c.progress, Environ: c.world.environ(),
	}
}

// previousFolder is the variable by which a container learns where the published
// repository with the earlier night is mounted.
const previousFolder = "NIGHTLY_PREVIOUS"

// A cellRun is one cell of the matrix that is proven in containers.
type cellRun struct {
	cell     releases.Cell
	php      string // image
	database string // image; empty: MariaDB of the image with PHP
	search   string // image, releases.StandInSearch for one in a container, or empty: the cell's own
	cache    string // image; empty: none
	queue    string // image; empty: none
	engine   *container.Engine
	folder   string // for its report on this machine
}

// needs are what the container of a cell needs beside the night.
func (r cellRun) needs(in stages.Candidate, previous string) (container.Needs, error) {
	n := composerNeeds(in.Composer)
	n.Image, n.Env = r.php, map[string]string{}
	if !in.Install.Level.Includes(releases.Setup) {
		return n, nil
	}
	add := func(b install.Beside, image, variable string) {
		n.Env[variable] = b.Address
		n.Services = append(n.Services, container.Service{Name: b.Name, Image: image, Args: b.Args, Env: b.Env, Port: b.Port})
	}
	if r.database != "" {
		add(install.DatabaseBeside(r.cell.Database), r.database, "NIGHTLY_DATABASE")
	}
	switch r.search {
	case "":
	case releases.StandInSearch:
		add(install.StandInBeside(standInCommand), "", "NIGHTLY_SEARCH")
	default:
		add(install.SearchBeside(r.search), r.search, "NIGHTLY_SEARCH")
	}
	if r.cache != "" {
		add(install.CacheBeside(), r.cache, cacheAddress)
	}
	if r.queue != "" {
		add(install.QueueBeside(), r.queue, queueAddress)
	}
	if in.Upgrade.Snapshot != "" {
		n.Env[previousFolder] = previous
		n.Folders = append(n.Folders, container.Folder{Path: previous})
	}
	return n, nil
}

// toolsFor are the tools that a cell is proven with.
func (c *chain) toolsFor(ctx context.Context, r cellRun, level releases.Level) ([]stages.Tool, error) {
	tools, err := c.toolsOf(ctx, r.engine, toolbox{Image: r.php})
	if err != nil || !level.Includes(releases.Setup) {
		return tools, err
	}
	image := r.database
	if image == "" {
		image = r.php
	}
	database, err := c.toolsOf(ctx, r.engine, toolbox{Image: image, Database: true})
	if err != nil {
		return nil, err
	}
	tools = append(append(tools, database...), install.SearchTool(r.cell))
	for _, extra := range []stages.Tool{{Name: cacheImage, Version: r.cache}, {Name: queueImage, Version: r.queue}} {
		if extra.Version != "" {
			tools = append(tools, extra)
		}
	}
	return tools, nil
}

// proveCell installs the night in the containers of one cell.
func (c *chain) proveCell(ctx context.Context, in stages.Candidate, r cellRun, previous string) (stages.Installation, error) {
	session := *c.session
	session.Store = c.trees
	session.Report = func(report pipeline.Report) {
		report.Stage += " " + r.cell.Name()
		c.show.report(report)
	}
	stage := container.Remote(r.engine, install.Stage(install.Options{}), func(in stages.Candidate) (container.Needs, error) {
		return r.needs(in, previous)
	})
	made, err := pipeline.Run(ctx, &session, stage, in)
	if err != nil {
		return made, c.failedReport(err, r)
	}
	return made, c.saveReport(ctx, made, r)
}

// workInContainer is where a container has its test installation.
const workInContainer = "/nightly/out-work"

// failedReport puts the report of a failed cell, which came as a file, in place
// of the one that ended with the container.
func (c *chain) failedReport(err error, r cellRun) error {
	var inside *container.ExecError
	if errors.As(err, &inside) {
		inside.Problem = strings.ReplaceAll(inside.Problem, workInContainer+"/report", filepath.Join(r.folder, "report"))
	}
	return err
}

// saveReport brings the report of a cell here.
func (c *chain) saveReport(ctx context.Context, made stages.Installation, r cellRun) error {
	store := c.trees
	if r.engine != c.engine {
		store = r.engine.Store()
	}
	files, err := store.Files(ctx, made.Report)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := saveFile(ctx, store, file, filepath.Join(r.folder, "report", filepath.FromSlash(file.Path))); err != nil {
			return fmt.Errorf("report of cell %s: %w", r.cell.Name(), err)
		}
	}
	return nil
}

func saveFile(ctx context.Context, from pipeline.Reader, file pipeline.File, to string) (err error) {
	content, err := from.Open(ctx, file.Digest)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = out.ReadFrom(content)
	return errors.Join(err, out.Close())
}

func buildNeeds(in stages.Build) (container.Needs, error) {
	return composerNeeds(in.Plan.Line.Composer), nil
}
