package ci

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// A cellResult is what became of one cell.
type cellResult struct {
	cell         releases.Cell
	state        pipeline.State
	detail       string
	installation stages.Installation
	err          error
}

// proveCells installs the night in containers: in every cell of the line's matrix
// for which there is an image with PHP, several at once. A cell that fails does
// not hide the others.
func (c *chain) proveCells(ctx context.Context, plan *releases.Plan, snapshot stages.Snapshot, f installFlags, out *outcome) error {
	cells, err := c.cellsToProve(ctx, plan, snapshot, f)
	if err != nil {
		return err
	}
	upgrade, _, err := f.previous(ctx, snapshot)
	if err != nil {
		return err
	}
	c.reports = filepath.Join(c.dir, "install", plan.Line.Name+"-")
	candidate := stages.CandidateOf(plan, snapshot, releases.Cell{}, nil)
	candidate.Install.Level, candidate.Upgrade = f.levelOf(&plan.Line), upgrade
	candidate.Install.SampleData = candidate.Install.SampleData || f.sampleData
	results := make([]cellResult, len(cells))
	engines := c.engines()
	places := make(chan int, len(engines)*max(1, f.parallel)) // the numbers of engines that have room
	for range max(1, f.parallel) {
		for i := range engines {
			places <- i
		}
	}
	var wait sync.WaitGroup
	for i, cell := range cells {
		wait.Go(func() {
			place := <-places
			defer func() { places <- place }()
			run := cellRun{cell: cell, engine: engines[place]}
			results[i] = c.proveOne(ctx, candidate, run, absolute(f.upgradeFrom))
		})
	}
	wait.Wait()
	return c.endCells(plan, snapshot, results, out)
}

// cellsToProve are the cells of the matrix, or the one that was asked for, with
// the search that was asked for.
func (c *chain) cellsToProve(ctx context.Context, plan *releases.Plan, snapshot stages.Snapshot, f installFlags) ([]releases.Cell, error) {
	all, err := c.cells(ctx, f, plan, snapshot)
	if err != nil {
		return nil, err
	}
	if strings.Contains(f.search, "://") {
		return nil, &usageError{fmt.Errorf("--search %s: containers do not reach services of this machine; name an image with --image, or use --runner process", f.search)}
	}
	setup := f.levelOf(&plan.Line).Includes(releases.Setup)
	var cells []releases.Cell
	var names []string
	for _, cell := range all {
		names = append(names, cell.Name())
		if f.search != "" && setup {
			cell.Search = f.search
		}
		if (f.cell == "" || cell.Name() == f.cell || names[len(names)-1] == f.cell) && !slices.Contains(cells, cell) {
			cells = append(cells, cell)
		}
	}
	if len(cells) == 0 {
		return nil, &usageError{fmt.Errorf("--cell %s: the matrix has no such cell; there are %s", f.cell, strings.Join(names, ", "))}
	}
	return cells, nil
}

// proveOne proves one cell, or says why it cannot be.
func (c *chain) proveOne(ctx context.Context, in stages.Candidate, r cellRun, previous string) cellResult {
	result := cellResult{state: pipeline.Failed}
	tools, why, err := c.equip(ctx, &r, in.Install.Level)
	result.cell, r.folder = r.cell, c.reports+r.cell.Name()
	if result.err = os.RemoveAll(r.folder); result.err != nil {
		return result
	}
	if why != "" {
		c.show.report(pipeline.Report{Stage: "install " + r.cell.Name(), State: pipeline.Skipped, Detail: why})
		result.state, result.detail = pipeline.Skipped, why
		return result
	}
	if err != nil {
		err = &pipeline.StageError{Stage: "install", Err: err}
		c.show.report(pipeline.Report{Stage: "install " + r.cell.Name(), State: pipeline.Failed, Err: err})
		result.err = err
		return result
	}
	in.Cell, in.Tools = r.cell, tools
	if result.installation, result.err = c.proveCell(ctx, in, r, previous); result.err == nil {
		result.state = pipeline.Done
	}
	return result
}

// equip finds the images of a cell and asks them for their versions.
func (c *chain) equip(ctx context.Context, r *cellRun, level releases.Level) (tools []stages.Tool, why string, err error) {
	image, named := c.images.php(r.cell.PHP)
	if image == "" {
		return nil, fmt.Sprintf("there is no image with PHP %s; name one with --image php:%[1]s=IMAGE", r.cell.PHP), nil
	}
	r.php = image
	if level.Includes(releases.Setup) {
		r.cache, r.queue = c.images[cacheImage], c.images[queueImage]
		if r.cell.Database != "" {
			r.database = c.images.of(r.cell.Database)
		}
		if releases.IsImage(r.cell.Search) {
			r.search = c.images.of(r.cell.Search)
		}
		if r.search == releases.StandInSearch {
			r.cell.Search = r.search // what is proven is named so
		}
	}
	tools, err = c.toolsFor(ctx, *r, level)
	if has := stages.ToolVersion(tools, "php"); err == nil && r.cell.PHP != "" && minor(has) != r.cell.PHP {
		if named {
			return nil, "", &usageError{fmt.Errorf("the image that is named for PHP %s has PHP %s", r.cell.PHP, has)}
		}
		return nil, fmt.Sprintf("the image has PHP %s; name one with --image php:%s=IMAGE", has, r.cell.PHP), nil
	}
	return tools, "", err
}

// endCells writes the report over all and joins the failures. A night of which
// nothing was proven did not pass.
func (c *chain) endCells(plan *releases.Plan, snapshot stages.Snapshot, results []cellResult, out *outcome) error {
	var table strings.Builder
	fmt.Fprintf(&table, "# Test installations of night %s\n\n| cell | state | |\n|---|---|---|\n", snapshot.Name)
	var errs []error
	proven := 0
	for _, r := range results {
		what := r.detail
		switch {
		case r.state == pipeline.Done:
			proven++
			what = fmt.Sprintf("[report](%s-%s/report/%s)", plan.Line.Name, r.cell.Name(), stages.ReportFile)
			if out.installation == nil {
				out.installation = &r.installation
			}
			out.proven = append(out.proven, r.installation)
		case r.err != nil:
			first, _, _ := strings.Cut(r.err.Error(), "\n")
			what = strings.ReplaceAll(first, "|", `\|`)
			errs = append(errs, fmt.Errorf("cell %s: %w", r.cell.Name(), r.err))
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", r.cell.Name(), r.state, what)
	}
	file := filepath.Join(c.dir, "install", plan.Line.Name+"-matrix.md")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(table.String()), 0o644)); err != nil {
		errs = append(errs, err)
	}
	if proven == 0 && len(errs) == 0 {
		return &usageError{fmt.Errorf("no cell of the matrix could be proven in containers; %s says why of each", file)}
	}
	out.matrix = file
	// What the packages did counts more than what a machine did.
	slices.SortStableFunc(errs, func(a, b error) int { return rank(a) - rank(b) })
	return errors.Join(errs...)
}

func rank(err error) int {
	if exitCode(err) == exitInstall {
		return 0
	}
	return 1
}
