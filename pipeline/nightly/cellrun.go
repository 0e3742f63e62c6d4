package nightly

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/install"
)

// A cellRun is one cell of the matrix with the images that it is proven with. An empty
// image is none.
type cellRun struct {
	*proving
	engine *container.Engine
	cell   releases.Cell

	php      string
	database string // empty: MariaDB of the image with PHP
	search   string // or releases.StandInSearch, for one in a container
	cache    string
	queue    string
	images   []stages.Image // all of them
}

// equip finds the images of a cell, each by digest where a registry has it, and asks them for
// their versions. why says that there is none for it.
func (r *cellRun) equip(ctx context.Context, level releases.Level) (tools []stages.Tool, why string, err error) {
	image, named := r.options.Images.php(r.cell.PHP)
	if image == "" {
		if image, err = phpImage(ctx, r.Engines[0], r.options.Table, r.cell.PHP, r.options.support(r.snapshot).Composer); image == "" {
			return nil, fmt.Sprintf("there is no image with PHP %s; name one with --image php:%[1]s=IMAGE", r.cell.PHP), err
		}
	}
	if r.php, err = r.pin(ctx, anyPHP+":"+r.cell.PHP, image); err == nil && level.Includes(releases.Setup) {
		err = r.services(ctx)
	}
	if err != nil {
		return nil, "", err
	}
	tools, err = r.tools(ctx, level)
	if has := stages.ToolVersion(tools, "php"); err == nil && r.cell.PHP != "" && minor(has) != r.cell.PHP {
		if named {
			return nil, "", config.Errorf("the image that is named for PHP %s has PHP %s", r.cell.PHP, has)
		}
		return nil, fmt.Sprintf("the image has PHP %s; name one with --image php:%s=IMAGE", has, r.cell.PHP), nil
	}
	return tools, "", err
}

// services finds the images of the cell's services.
func (r *cellRun) services(ctx context.Context) error {
	images, support := r.options.Images, r.options.support(r.snapshot)
	search := ""
	if releases.IsImage(r.cell.Search) {
		search = images.of(r.cell.Search)
	}
	for _, service := range []struct {
		name, image string
		into        *string
	}{
		{r.cell.Database, images.of(r.cell.Database), &r.database},
		{r.cell.Search, search, &r.search},
		{cacheImage, images.beside(cacheImage, support.Cache), &r.cache},
		{queueImage, images.beside(queueImage, support.Queue), &r.queue},
	} {
		if service.image == "" {
			continue
		}
		var err error
		if *service.into, err = r.pin(ctx, service.name, service.image); err != nil {
			return err
		}
	}
	if r.search == releases.StandInSearch {
		r.cell.Search = r.search // what is proven is named so
	}
	return nil
}

// pin gives a service's image by digest, and records it.
func (r *cellRun) pin(ctx context.Context, name, reference string) (string, error) {
	found, err := pin(ctx, r.Engines[0], r.options.Table, name, reference)
	if err == nil && reference != releases.StandInSearch {
		r.images = append(r.images, found)
	}
	return found.Reference, err
}

// tools are the tools that a cell is proven with.
func (r *cellRun) tools(ctx context.Context, level releases.Level) ([]stages.Tool, error) {
	tools, err := r.ask(ctx, runner.Toolbox{Image: r.php})
	if err != nil || !level.Includes(releases.Setup) {
		return tools, err
	}
	database, err := r.ask(ctx, runner.Toolbox{Image: cmp.Or(r.database, r.php), Database: true})
	if err != nil {
		return nil, err
	}
	return append(append(tools, database...), install.SearchTool(r.cell)), nil
}

// ask asks an image what it has.
func (r *cellRun) ask(ctx context.Context, in runner.Toolbox) ([]stages.Tool, error) {
	image := func(runner.Toolbox) (container.Needs, error) { return container.Needs{Image: in.Image}, nil }
	found, err := container.Remote(r.engine, runner.Tools(), image).Run(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("ask the image %s what it has: %w", releases.ImageTitle(in.Image), err)
	}
	return found.Tools, nil
}

// needs are what the container of a cell needs beside the snapshot.
func (r *cellRun) needs(in stages.Candidate, previous string) (container.Needs, error) {
	n := runner.ComposerNeeds(in.Composer)
	n.Image, n.Env, n.NoCache, n.Privileged = r.php, map[string]string{}, true, true
	n.Work, n.Env[runner.WorkVariable] = path.Dir(runner.WorkInContainer), runner.WorkInContainer
	runner.GatewaySidecar(&n, in.Composer)
	if !in.Install.Level.Includes(releases.Setup) {
		return n, nil
	}
	add := func(b install.Sidecar, image, variable string) {
		n.Env[variable] = b.Address
		n.Services = append(n.Services, container.Service{Name: b.Name, Image: image, Args: b.Args, Env: b.Env, Port: b.Port})
	}
	if r.database != "" {
		add(install.DatabaseSidecar(r.cell.Database), r.database, runner.DatabaseVariable)
	}
	switch r.search {
	case "":
	case releases.StandInSearch:
		add(install.StandInSidecar(runner.StandInCommand), "", runner.SearchVariable)
	default:
		add(install.SearchSidecar(r.search), r.search, runner.SearchVariable)
	}
	if r.cache != "" {
		add(install.CacheSidecar(), r.cache, runner.CacheVariable)
	}
	if r.queue != "" {
		add(install.QueueSidecar(), r.queue, runner.QueueVariable)
	}
	if in.Upgrade.Snapshot != "" {
		n.Env[runner.PreviousVariable] = previous
		n.Folders = append(n.Folders, container.Folder{Path: previous})
	}
	return n, nil
}

// install installs the snapshot in the containers of the cell, and brings its report to a
// folder.
func (r *cellRun) install(ctx context.Context, in stages.Candidate, previous, folder string) (stages.Installation, error) {
	session := r.SessionOf(func(report pipeline.Report) {
		report.Stage += " " + r.cell.Name()
		r.Report(report)
	})
	if r.options.Anew {
		session.Results = nil
	}
	stage := container.Remote(r.engine, install.Stage(install.Options{}), func(in stages.Candidate) (container.Needs, error) {
		return r.needs(in, previous)
	})
	run := stage.Run
	stage.Run = func(ctx context.Context, in stages.Candidate) (stages.Installation, error) {
		made, err := run(ctx, in)
		return made.Of(in), err
	}
	made, err := pipeline.Run(ctx, session, stage, in)
	if err != nil {
		return made, errors.Join(r.failed(err, folder), r.receive(folder))
	}
	return made, r.fetch(ctx, made.Report, folder)
}

// failed names the report of a failed cell by its place on this machine.
func (r *cellRun) failed(err error, folder string) error {
	var inside *container.ExecError
	if errors.As(err, &inside) {
		for i, p := range inside.Problems {
			inside.Problems[i] = strings.ReplaceAll(p, runner.WorkInContainer+"/report", folder)
		}
	}
	return err
}

// receive writes what a failed cell sent of its report.
func (r *cellRun) receive(folder string) error {
	for name, data := range r.Received.Below(r.cell.Name() + "/report") {
		if !filepath.IsLocal(name) {
			continue // package code may have named it
		}
		file := filepath.Join(folder, filepath.FromSlash(name))
		if err := files.Replace(file, data); err != nil {
			return fmt.Errorf("report of cell %s: %w", r.cell.Name(), err)
		}
	}
	return nil
}

// maxReport bounds a file of a cell's report, in bytes.
const maxReport = 64 << 20

// fetch brings the report of a cell here.
func (r *cellRun) fetch(ctx context.Context, report pipeline.Tree, folder string) error {
	list, err := pipeline.List(ctx, r.engine.Store(), report)
	if err != nil {
		return err
	}
	for name := range list.Below(".") {
		data, err := list.Read(ctx, name, maxReport)
		if err == nil {
			err = files.Replace(filepath.Join(folder, filepath.FromSlash(name)), data)
		}
		if err != nil {
			return fmt.Errorf("report of cell %s: %s: %w", r.cell.Name(), name, err)
		}
	}
	return nil
}
