package nightly

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/images"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/install"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

// ProveOptions are how far the test installation goes, with what.
type ProveOptions struct {
	// Level is how much is proven; empty: the line's.
	Level releases.Level
	// Cell is the one cell of the line's matrix to prove, by its name; empty: all that can
	// be proven.
	Cell string
	// Search is what the shop searches with in place of the cell's: releases.NoSearch,
	// releases.StandInSearch or a URL; empty: the cell's own.
	Search     string
	SampleData bool // install the distribution's sample data, too
	// Tests are the suites of packages' tests that are run (releases.Suites); none: the line's.
	Tests []string
	// UpgradeFrom is a published folder whose newest earlier night is installed and
	// upgraded; empty: none.
	UpgradeFrom string
	// AllCells proves every cell of the line's matrix in containers, and not only the newest.
	AllCells bool
	// Table has the services that a line's matrix is made of, and the images.
	Table *images.Table
	// Services run already, for an installation in this process.
	Services install.Services
	// Images are run in containers in place of the table's.
	Images Images
	// Parallel is how many cells are proven at once on each engine; at least 1.
	Parallel int
	// Secrets names what this process holds and package code must not see: with any, nothing
	// is installed here without a wall.
	Secrets []string
	// Hold are the versions in which packages of others are installed, and Judge is a command that has the last word in the
	// installed project; empty: none.
	Hold  map[string]string
	Judge string
	// Anew proves again what was proven: others may have released something since.
	Anew bool
	// Proofs is a folder with what other machines have proven: then nothing is installed
	// here. Empty: none.
	Proofs string
}

func (o ProveOptions) level(plan *releases.Plan) releases.Level {
	return cmp.Or(o.Level, plan.Line.Install.Level)
}

// A Proof is what was proven of a snapshot.
type Proof struct {
	// Installations are the cells that were proven, in the order of the matrix.
	Installations []stages.Installation
	Shop          string // folder of the installed shop; empty: it ended with its container
	Opens         bool   // the shop can be opened here
	Matrix        string // file with what became of each cell; empty: there is none
	// Cells are what became of those that were tried or left out, also where one failed.
	Cells []ProvenCell
}

// first is the installation that is published; nil if nothing was installed.
func (p Proof) first() *stages.Installation {
	if len(p.Installations) == 0 {
		return nil
	}
	return &p.Installations[0]
}

// Prove installs a snapshot: in the containers of every cell of the matrix, or in this
// process, or it takes what other machines have proven.
func Prove(ctx context.Context, r *runner.Runner, plan *releases.Plan, snapshot stages.Snapshot, o ProveOptions) (Proof, error) {
	p := &proving{Runner: r, plan: plan, snapshot: snapshot, options: o}
	switch {
	case o.Proofs != "":
		return p.elsewhere(ctx)
	case r.InContainers():
		return p.inContainers(ctx)
	}
	return p.here(ctx)
}

// ready gives the cells that a plan seems to have, before anything is built. It fails where it
// is known already that the plan cannot be proven: there is no such cell, no night to upgrade
// from, or a service does not answer.
func (p *proving) ready(ctx context.Context) ([]releases.Cell, error) {
	o := p.options
	cells, err := o.cells(p.plan, o.Table.Services.All(p.snapshot.Project), "")
	if err != nil {
		return nil, err
	}
	if !p.InContainers() {
		_, _, _, err = p.cellHere(ctx, cells)
	} else if cells, err = p.asked(cells); len(cells) > 0 && !o.all() {
		cells = []releases.Cell{p.newest(cells)}
	}
	if err == nil {
		_, _, err = p.upgrade(ctx)
	}
	return cells, err
}

// A proving is one call of Prove.
type proving struct {
	*runner.Runner
	plan     *releases.Plan
	snapshot stages.Snapshot
	options  ProveOptions
}

// candidate is what is proven in a cell.
func (p *proving) candidate(cell releases.Cell, tools []stages.Tool, upgrade stages.Upgrade) stages.Candidate {
	c := stages.CandidateOf(p.plan, p.snapshot, cell, tools)
	c.Install.Level = p.options.level(p.plan)
	c.Install.SampleData = c.Install.SampleData || p.options.SampleData
	if len(p.options.Tests) > 0 {
		c.Install.Tests.Suites = p.options.Tests
	}
	if len(c.Install.Tests.Suites) == 0 || p.options.Judge != "" { // which judges alone
		c.Install.Tests = releases.Tests{}
	}
	c.Upgrade, c.Hold, c.Judge = upgrade, p.options.Hold, p.options.Judge
	return c
}

// reports is where the report of a cell lies: the folder of its name behind this prefix.
func (p *proving) reports() string { return filepath.Join(p.Dir, "install", p.plan.Line.Name) }

// Cells are the cells of a line's matrix for a snapshot. What the line leaves out comes
// from the table of supported services and the snapshot's own constraint of PHP.
func Cells(ctx context.Context, r *runner.Runner, plan *releases.Plan, snapshot stages.Snapshot, o ProveOptions) ([]releases.Cell, error) {
	php, err := phpConstraint(ctx, r.Trees, snapshot)
	if err != nil {
		return nil, err
	}
	return o.cells(plan, o.support(snapshot), php)
}

// cells are those of a line's matrix with what is supported, and a constraint of PHP.
func (o ProveOptions) cells(plan *releases.Plan, support releases.Support, php string) ([]releases.Cell, error) {
	if !o.level(plan).Includes(releases.Setup) {
		support = releases.Support{Database: []string{""}, Search: []string{""}} // there are no services before
	}
	if len(support.PHP) == 0 {
		support.PHP = o.Table.Versions()
	}
	return plan.Line.Install.Matrix.Cells(support, php)
}

// support is with what a snapshot runs; of a project that is not known the line has to say it.
func (o ProveOptions) support(snapshot stages.Snapshot) releases.Support {
	support, _ := o.Table.Services.For(snapshot.Project, snapshot.Version, snapshot.Name.Kind().OfBranches())
	return support
}

// phpConstraint is the require of PHP of a snapshot's project, or of the first of what it
// requires that has one: the product's is that of the root composer.json.
func phpConstraint(ctx context.Context, trees pipeline.Reader, snapshot stages.Snapshot) (string, error) {
	m, err := manifestOf(ctx, trees, snapshot)
	if err != nil {
		return "", err
	}
	packages := map[string]releases.ManifestPackage{}
	for _, p := range m.Packages {
		packages[p.Name] = p
	}
	seen := map[string]bool{}
	for next := []string{snapshot.Project}; len(next) > 0; next = next[1:] {
		name := next[0]
		if seen[name] {
			continue
		}
		seen[name] = true
		for _, require := range packages[name].Requires {
			if require.Name == "php" {
				return require.Constraint, nil
			}
			if !composer.IsPlatform(require.Name) {
				next = append(next, require.Name)
			}
		}
	}
	return "", nil
}

// manifestOf reads a snapshot's manifest.
func manifestOf(ctx context.Context, trees pipeline.Reader, snapshot stages.Snapshot) (*releases.Manifest, error) {
	files, err := pipeline.List(ctx, trees, snapshot.Tree)
	if err != nil {
		return nil, err
	}
	data, err := files.Read(ctx, releases.ManifestName, math.MaxInt64)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no %s; build it again with --fresh", releases.SnapshotName(snapshot.Name).Title(), releases.ManifestName)
	}
	if err != nil {
		return nil, err
	}
	return releases.ParseManifest(data)
}

// withOrigins adds to a failed installation of which commit each package is that the
// failure names.
func withOrigins(ctx context.Context, trees pipeline.Reader, snapshot stages.Snapshot, failed error) error {
	blamed := strings.Split(stages.Blamed(failed.Error()), ", ")
	m, err := manifestOf(ctx, trees, snapshot)
	if err != nil {
		return failed // which matters more
	}
	built := map[string]string{} // of what each repository's packages were built
	for _, r := range m.Plan.Repositories {
		more := ""
		switch {
		case len(r.Merged) > 0:
			more = ", with what was merged onto it"
		case r.Tree.Digest != "":
			more = ", with all that its folder has"
		}
		built[r.Name] = fmt.Sprintf("repository %s at commit %s%s (%s)", r.Name, r.Commit, more, r.URL)
	}
	for _, p := range m.Packages {
		if slices.Contains(blamed, p.Name) && built[p.Repository] != "" {
			failed = fmt.Errorf("%w\n%s is %s of %s", failed, p.Name, cmp.Or(p.Directory, "."), built[p.Repository])
		}
	}
	return failed
}

// upgrade is the newest earlier snapshot of a published folder that has the project, and
// what serves it.
func (p *proving) upgrade(ctx context.Context) (stages.Upgrade, http.Handler, error) {
	dir := p.options.UpgradeFrom
	if dir == "" {
		return stages.Upgrade{}, nil, nil
	}
	found, err := earlier(ctx, dir, p.snapshot)
	if err != nil {
		return stages.Upgrade{}, nil, config.Errorf("--upgrade-from %s: %w; give a folder with an earlier night of this line", dir, err)
	}
	return found, publish.Handler(dir), nil
}

func earlier(ctx context.Context, dir string, snapshot stages.Snapshot) (found stages.Upgrade, err error) {
	folder, err := target.Open(ctx, dir, target.Options{})
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	repository := publish.Read(folder)
	names, err := repository.Snapshots(ctx)
	if err != nil {
		return found, err
	}
	for _, name := range names {
		if releases.NewestFirst(releases.SnapshotName(name), snapshot.Name) <= 0 {
			continue
		}
		m, data, err := repository.Manifest(ctx, name)
		if err != nil {
			return found, err
		}
		for _, p := range m.Packages {
			if p.Name == snapshot.Project {
				return stages.Upgrade{Snapshot: name, Version: p.Version, Manifest: pipeline.DigestOf(data)}, nil
			}
		}
	}
	return found, errors.New("it has no earlier night of " + snapshot.Project)
}

// maxNames is how many cells a message names.
const maxNames = 12

// cellNamed is the cell that was asked for, with the search that was asked for. Its name is that
// of the matrix, or the one that reports show, which has that search.
func (p *proving) cellNamed(cells []releases.Cell) (releases.Cell, error) {
	var names []string
	name := p.options.Cell
	for _, c := range cells {
		searched := p.searched(c)
		if name == c.Name() || name == searched.Name() {
			return searched, nil
		}
		if !slices.Contains(names, c.Name()) {
			names = append(names, c.Name())
		}
	}
	more := ""
	if count := len(names); count > maxNames {
		names, more = names[:maxNames], fmt.Sprintf(", and %d more: --matrix json prints all", count-maxNames)
	}
	return releases.Cell{}, config.Errorf("--cell %s: the matrix has no such cell; there are %s%s", name, strings.Join(names, ", "), more)
}

// searched is a cell with the search that was asked for. An address says which is there already.
func (p *proving) searched(cell releases.Cell) releases.Cell {
	if o := p.options; o.Search != "" && o.Services.Search == "" && o.level(p.plan).Includes(releases.Setup) {
		cell.Search = o.Search
	}
	return cell
}
