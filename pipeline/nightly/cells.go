package nightly

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/install"
)

// A cellResult is what became of one cell.
type cellResult struct {
	cell         releases.Cell
	state        pipeline.State
	detail       string
	installation stages.Installation
	err          error
}

// inContainers installs the snapshot in every cell of the line's matrix for which there is
// an image with PHP, several at once. A cell that fails does not hide the others.
func (p *proving) inContainers(ctx context.Context) (Proof, error) {
	cells, err := p.cellsToProve(ctx)
	if err != nil {
		return Proof{}, err
	}
	upgrade, _, err := p.upgrade(ctx)
	if err != nil {
		return Proof{}, err
	}
	previous := p.options.UpgradeFrom
	if previous != "" {
		if previous, err = filepath.Abs(previous); err != nil {
			return Proof{}, err
		}
	}
	results := make([]cellResult, len(cells))
	fleet(max(1, p.options.Parallel), p.Engines, len(cells), func(engine *container.Engine, i int) error {
		results[i] = p.proveCell(ctx, engine, p.candidate(cells[i], nil, upgrade), previous)
		return results[i].err
	})
	proof, err := p.proofOf(results)
	proof.Opens = err == nil && p.options.level(p.plan).Includes(releases.Installed)
	return proof, err
}

// fleet does jobs on engines, so many at once on each: whichever is free takes the next. What
// an engine did that was lost another does again, if there is one: else the lost one would
// be free at once for all that is left, and fail it.
func fleet[Engine any](parallel int, engines []Engine, jobs int, do func(Engine, int) error) {
	room := parallel * len(engines)
	free := make(chan Engine, room)
	for range parallel {
		for _, engine := range engines {
			free <- engine
		}
	}
	var left atomic.Int64
	left.Store(int64(room))
	var wait sync.WaitGroup
	for i := range jobs {
		wait.Go(func() {
			for engine := range free {
				var lost *container.EngineError
				if err := do(engine, i); errors.As(err, &lost) && left.Add(-1) > 0 {
					continue
				}
				free <- engine
				return
			}
		})
	}
	wait.Wait()
}

// cellsToProve are the cells of the matrix that are proven, or the one that was asked for.
func (p *proving) cellsToProve(ctx context.Context) ([]releases.Cell, error) {
	o := p.options
	cells, err := Cells(ctx, p.Runner, p.plan, p.snapshot, o)
	if err != nil {
		return nil, err
	}
	if o.Services != (install.Services{}) && o.level(p.plan).Includes(releases.Setup) {
		return nil, config.Errorf("containers do not reach services of this machine (--search, %s, %s, %s, %s): name images with --image, or use --runner process",
			runner.DatabaseVariable, runner.SearchVariable, runner.CacheVariable, runner.QueueVariable)
	}
	if o.level(p.plan).Includes(releases.Setup) {
		if err := o.Images.unused(p.plan.Line.Install.Images, cells); err != nil {
			return nil, err
		}
	}
	cells, err = p.asked(cells)
	if err != nil || len(cells) == 0 || o.all() {
		return cells, err
	}
	return []releases.Cell{p.alone(cells)}, nil
}

// asked are the cells that were asked for, or the one, with the search that was asked for.
func (p *proving) asked(cells []releases.Cell) ([]releases.Cell, error) {
	if p.options.Cell != "" {
		cell, err := p.cellNamed(cells)
		if err != nil {
			return nil, err
		}
		return []releases.Cell{cell}, nil
	}
	for i, cell := range cells {
		cells[i] = p.searched(cell)
	}
	return slices.Compact(cells), nil // one search for all makes neighbours equal
}

// all says that every cell is to be proven, or of an image with any PHP what it can.
func (o ProveOptions) all() bool { return o.AllCells || o.Images[anyPHP] != "" }

// alone is the newest cell; the others are reported as skipped.
func (p *proving) alone(cells []releases.Cell) releases.Cell {
	best := p.newest(cells)
	for _, c := range cells {
		if c != best {
			p.Session().Skip("install "+c.Name(), fmt.Sprintf("%s is proven, with the newest PHP and database; --all-cells or --cell proves this one", best.Name()))
		}
	}
	return best
}

// newest is the cell with the newest PHP, of those for which an image is named or else of the
// supported ones if there are any, and with the newest database.
func (p *proving) newest(cells []releases.Cell) releases.Cell {
	supported := p.options.support(p.snapshot).PHP
	rank := func(c releases.Cell) (preferred int, version composer.Version) {
		if slices.Contains(supported, c.PHP) {
			preferred = 1
		}
		if _, named := p.options.Images.php(c.PHP); named {
			preferred = 2
		}
		version, _ = composer.ParseVersion(c.PHP) // none is the oldest
		return preferred, version
	}
	best := cells[0]
	for _, c := range cells[1:] {
		preferredC, versionC := rank(c)
		preferredBest, versionBest := rank(best)
		newer := cmp.Or(preferredC-preferredBest, versionC.Compare(versionBest))
		if newer > 0 || newer == 0 && c.Database != best.Database { // databases are listed from the oldest
			best = c
		}
	}
	return best
}

// proveCell proves one cell on an engine, or says why it cannot be.
func (p *proving) proveCell(ctx context.Context, engine *container.Engine, in stages.Candidate, previous string) cellResult {
	run := &cellRun{proving: p, engine: engine, cell: in.Cell}
	result := cellResult{state: pipeline.Failed}
	result.err = pipeline.Do(ctx, p.Session(), "images "+in.Cell.Name(), func(ctx context.Context) (has string, err error) {
		if in.Tools, result.detail, err = run.equip(ctx, in.Install.Level); err == nil && result.detail != "" {
			return "", &pipeline.SkipError{Reason: result.detail}
		}
		for _, tool := range in.Tools {
			has += ", " + tool.Name + " " + tool.Version
		}
		return strings.TrimPrefix(has, ", "), err
	})
	result.cell, in.Cell, in.Images = run.cell, run.cell, run.images
	folder := p.reports() + "-" + run.cell.Name()
	result.err = errors.Join(result.err, os.RemoveAll(folder))
	switch {
	case result.err != nil:
	case result.detail != "":
		result.state = pipeline.Skipped
	default:
		if result.installation, result.err = run.install(ctx, in, previous, filepath.Join(folder, "report")); result.err == nil {
			result.state, result.err = pipeline.Done, keepShop(p.reports()+ShopFile, in)
		}
	}
	return result
}

// proofOf writes the report over all cells and joins the failures. A snapshot of which
// nothing was proven did not pass.
func (p *proving) proofOf(results []cellResult) (Proof, error) {
	proof := Proof{Matrix: p.reports() + "-matrix.md"}
	var rows []matrixRow
	var errs []error
	for _, r := range results {
		proof.Cells = append(proof.Cells, provenCell(r, p.reports()+"-"+r.cell.Name()))
		what := markdown.Cell(r.detail)
		switch {
		case r.state == pipeline.Done:
			what = fmt.Sprintf("[report](%s-%s/report/%s)", p.plan.Line.Name, r.cell.Name(), stages.ReportFile)
			proof.Installations = append(proof.Installations, r.installation)
		case r.err != nil:
			first, _, _ := strings.Cut(r.err.Error(), "\n")
			what = markdown.Cell(first)
			errs = append(errs, fmt.Errorf("cell %s: %w", r.cell.Name(), r.err))
		}
		rows = append(rows, matrixRow{r.cell.Name(), r.state, what})
	}
	if err := files.Replace(proof.Matrix, matrixPage(p.snapshot, rows)); err != nil {
		errs = append(errs, err)
	}
	if len(proof.Installations) == 0 && len(errs) == 0 {
		return proof, config.Errorf("no cell of the matrix could be proven in containers; %s says why of each", proof.Matrix)
	}
	// What the packages did counts more than what a machine did.
	slices.SortStableFunc(errs, func(a, b error) int { return machinesFault(a) - machinesFault(b) })
	return proof, errors.Join(errs...)
}

// A matrixRow is what became of one cell; what is Markdown.
type matrixRow struct {
	cell  string
	state pipeline.State
	what  string
}

// matrixPage is the page about all cells: first whether they prove the snapshot.
func matrixPage(snapshot stages.Snapshot, rows []matrixRow) []byte {
	count := map[pipeline.State]int{}
	var p markdown.Page
	for _, r := range rows {
		count[r.state]++
	}
	verdict := "Green"
	if count[pipeline.Failed] > 0 || count[pipeline.Done] == 0 {
		verdict = "Red"
	}
	fmt.Fprintf(&p, "# %s: %d of %s prove %s\n\n", verdict, count[pipeline.Done], markdown.Count(len(rows), "cell"), releases.SnapshotName(snapshot.Name).Title())
	p.Table("cell", "state", "")
	for _, r := range rows {
		p.RawRow(r.cell, string(r.state), r.what)
	}
	return []byte(p.String())
}

// machinesFault is 1 for the failure of an image, a service or an engine, and 0 for that of
// the packages.
func machinesFault(err error) int {
	var inside *container.ExecError
	if errors.As(err, &inside) && inside.Code == packagesFault {
		return 0
	}
	return 1
}

// packagesFault is the exit code of an installation that failed by its packages; see
// README.
const packagesFault = 5

// MatrixJSON is the matrix of a workflow's strategy of GitHub Actions: {"include": [...]}.
func MatrixJSON(cells []releases.Cell) ([]byte, error) {
	type entry struct {
		Name     string `json:"name"`
		PHP      string `json:"php"`
		Database string `json:"database"`
		Search   string `json:"search"`
		// Engine is the image of Search, or empty where there is none.
		Engine string `json:"search-image"`
	}
	entries := make([]entry, len(cells))
	for i, c := range cells {
		entries[i] = entry{Name: c.Name(), PHP: c.PHP, Database: c.Database, Search: c.Search}
		if releases.IsImage(c.Search) {
			entries[i].Engine = c.Search
		}
	}
	return json.Marshal(map[string]any{"include": entries})
}
