package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/install"
)

// A toolbox is the input of asking an image for its tools.
type toolbox struct {
	Image string `json:"image"`
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
		Run: func(ctx context.Context, _ toolbox) (toolList, error) {
			tools, err := install.Tools(ctx)
			return toolList{tools}, err
		}}
}

// install is the test installation in a folder of its own.
func (c *chain) install(work string) pipeline.Stage[stages.Candidate, stages.Installation] {
	return install.Stage(c.installOptions(work))
}

func (c *chain) installOptions(work string) install.Options {
	return install.Options{
		Store: c.trees, Dir: work, Cache: filepath.Join(c.dir, "composer"), Now: c.world.now,
		Locate: c.carried.locate, Log: c.log, Progress: c.progress, Environ: c.world.environ(),
	}
}

// proveInContainer installs the night in a container of the image.
func (c *chain) proveInContainer(ctx context.Context, in stages.Candidate) (stages.Installation, error) {
	image := func(toolbox) (container.Needs, error) { return container.Needs{Image: c.image}, nil }
	found, err := remote(c, c.tools(), image).Run(ctx, toolbox{Image: c.image})
	if err != nil {
		return stages.Installation{}, &pipeline.StageError{Stage: "install", Err: fmt.Errorf("ask the image %s for PHP and Composer: %w", c.image, err)}
	}
	in.Tools = found.Tools
	stage := remote(c, c.install(""), func(in stages.Candidate) (container.Needs, error) {
		needs := composerNeeds(in.Composer)
		needs.Image = c.image
		return needs, nil
	})
	return pipeline.Run(ctx, c.session, stage, in)
}

func buildNeeds(in stages.Build) (container.Needs, error) {
	return composerNeeds(in.Plan.Line.Composer), nil
}
