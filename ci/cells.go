package ci

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mage-os/nightly/ci/tools"
	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/install"
)

// cells are the cells of a line's matrix for a night. What the line leaves out
// comes from the table of supported services and the night's own constraint of
// PHP.
func (c *chain) cells(ctx context.Context, f installFlags, plan *releases.Plan, snapshot stages.Snapshot) ([]releases.Cell, error) {
	table, err := f.supported()
	if err != nil {
		return nil, err
	}
	php, err := c.phpConstraint(ctx, snapshot)
	if err != nil {
		return nil, err
	}
	support, _ := table.For(snapshot.Project, snapshot.Version) // of one that is not known the line has to say all
	if !f.levelOf(&plan.Line).Includes(releases.Setup) {
		support = releases.Support{Database: []string{""}, Search: []string{""}} // there are no services before
	}
	return plan.Line.Install.Matrix.Cells(support, php)
}

// phpConstraint is the require of PHP of a night's project, or of the first of
// what it requires that has one: the product's is that of the root composer.json.
func (c *chain) phpConstraint(ctx context.Context, snapshot stages.Snapshot) (string, error) {
	m, err := c.manifestOf(ctx, snapshot)
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

// manifestOf reads a night's manifest.
func (c *chain) manifestOf(ctx context.Context, snapshot stages.Snapshot) (*releases.Manifest, error) {
	files, err := c.trees.Files(ctx, snapshot.Tree)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if file.Path != releases.ManifestName {
			continue
		}
		content, err := c.trees.Open(ctx, file.Digest)
		if err != nil {
			return nil, err
		}
		defer func() { _ = content.Close() }() // read only
		data, err := io.ReadAll(content)
		if err != nil {
			return nil, err
		}
		return releases.ParseManifest(data)
	}
	return nil, fmt.Errorf("night %s has no %s; build it again with --fresh", snapshot.Name, releases.ManifestName)
}

// writeMatrix writes the cells for the strategy of a GitHub Actions workflow:
// matrix: ${{ fromJSON(...) }}. A cell's services are images, empty for none.
func writeMatrix(out io.Writer, cells []releases.Cell) error {
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
	data, err := json.Marshal(map[string]any{"include": entries})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n", data)
	return err
}

// proveHere installs the night on this machine. Of the line's matrix it proves
// the one cell that this machine can, and says of each other why not.
func (c *chain) proveHere(ctx context.Context, plan *releases.Plan, snapshot stages.Snapshot, f installFlags, out *outcome) error {
	cells, err := c.cells(ctx, f, plan, snapshot)
	if err != nil {
		return err
	}
	candidate, services, err := f.candidateOf(ctx, c.world, plan, snapshot, cells)
	if err != nil {
		return err
	}
	upgrade, previous, err := f.previous(ctx, snapshot)
	if err != nil {
		return err
	}
	candidate.Upgrade = upgrade
	work := filepath.Join(c.dir, "install", plan.Line.Name)
	options := c.installOptions(work)
	options.Services, options.Previous = services, previous
	made, err := pipeline.Run(ctx, c.session, install.Stage(options), candidate)
	if err == nil {
		out.shop, out.installation = filepath.Join(work, "shop"), &made
		out.proven = append(out.proven, made)
	}
	return joinFirst(err, c.skipOthers(plan, f, services, candidate, cells, work, err))
}

// joinFirst is the first of two errors.
func joinFirst(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// skipOthers reports the cells that this machine cannot prove, and writes the
// report over all.
func (c *chain) skipOthers(plan *releases.Plan, f installFlags, given install.Services, proven stages.Candidate, cells []releases.Cell, work string, failed error) error {
	if f.cell != "" || !proven.Install.Level.Includes(releases.Setup) {
		return nil // another cell proves the same, or a job of its own does
	}
	own := f.ownCell(&plan.Line, given, stages.ToolVersion(proven.Tools, "php"))
	state := "passed"
	if failed != nil {
		state = "failed"
	}
	var table strings.Builder
	fmt.Fprintf(&table, "# Test installations of night %s\n\n| cell | state | |\n|---|---|---|\n| %s, database %s | %s | [report](%s/report/report.md) |\n",
		proven.Snapshot.Name, proven.Cell.Name(), stages.ToolVersion(proven.Tools, "database"), state, filepath.Base(work))
	for _, cell := range cells {
		why := lacks(cell, own, proven.Tools)
		if why == "" {
			continue // it is the one that was proven
		}
		c.show.report(pipeline.Report{Stage: "install " + cell.Name(), State: pipeline.Skipped, Detail: why})
		fmt.Fprintf(&table, "| %s | skipped | %s |\n", cell.Name(), why)
	}
	return os.WriteFile(work+"-matrix.md", []byte(table.String()), 0o644)
}

// tools are the programs that the installation of a line needs.
func (f installFlags) tools(w *world, line *releases.Line) []tools.Tool {
	if f.levelOf(line).Includes(releases.Setup) && w.getenv("NIGHTLY_DATABASE") == "" {
		return slices.Concat(tools.Install, tools.Shop)
	}
	return tools.Install
}
