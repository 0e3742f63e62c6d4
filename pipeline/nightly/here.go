package nightly

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/markdown"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/install"
)

// here installs the snapshot in this process. Of the line's matrix it proves the one cell
// that this machine can, and says of each other why not.
func (p *proving) here(ctx context.Context) (Proof, error) {
	cells, err := Cells(ctx, p.Runner, p.plan, p.snapshot, p.options)
	if err != nil {
		return Proof{}, err
	}
	own, cell, tools, err := p.cellHere(ctx, cells)
	if err != nil {
		return Proof{}, err
	}
	upgrade, previous, err := p.upgrade(ctx)
	if err != nil {
		return Proof{}, err
	}
	o := p.InstallOptions(p.reports())
	o.Services, o.Previous = p.options.Services, previous
	candidate := p.candidate(cell, tools, upgrade)
	session := p.Session()
	if warning, _ := runner.Wall(ctx, nil); warning != "" || p.options.Anew {
		session.Results = nil // package code could have made it what it is
	}
	made, failed := pipeline.Run(ctx, session, p.Install(o, p.options.UpgradeFrom, p.options.Secrets), candidate)
	if err := p.skipOthers(own, candidate, cells, failed); failed == nil {
		failed = err
	}
	result := cellResult{cell: candidate.Cell, state: pipeline.Done, installation: made, err: failed}
	if failed != nil {
		result.state = pipeline.Failed
	}
	proof := Proof{Cells: []ProvenCell{provenCell(result, p.reports())}}
	if failed != nil {
		return proof, failed
	}
	proof.Installations = []stages.Installation{made}
	if made.Level.Includes(releases.Installed) {
		proof.Shop, proof.Opens = filepath.Join(o.Dir, "shop"), true
	}
	return proof, nil
}

// cellHere is what this machine can prove by itself or with the services that run
// already, and the cell that is proven with the tools for it.
func (p *proving) cellHere(ctx context.Context, cells []releases.Cell) (own, cell releases.Cell, tools []stages.Tool, err error) {
	base, err := install.Tools(ctx)
	if err != nil {
		return own, cell, nil, err
	}
	services := p.options.Services
	own = releases.Cell{PHP: minor(stages.ToolVersion(base, "php")), Search: p.plan.Line.Install.Search}
	switch {
	case services.Search != "":
		own.Search = releases.GivenSearch
	case p.options.Search != "":
		own.Search = p.options.Search
	}
	level := p.options.level(p.plan)
	if tools, err = services.Tools(ctx, install.Programs{}, level, own); err != nil || p.options.Cell == "" {
		if cell = own; !level.Includes(releases.Setup) {
			cell.Search = "" // as in Cells
		}
		return own, cell, tools, err
	}
	if cell, err = p.cellNamed(cells); err != nil {
		return own, cell, tools, err
	}
	if why := missing(cell, own, tools); why != "" {
		err = config.Errorf("--cell %s: %s", p.options.Cell, why)
	}
	return own, cell, tools, err
}

// skipOthers reports the cells that this machine cannot prove, and writes the report over
// all.
func (p *proving) skipOthers(own releases.Cell, proven stages.Candidate, cells []releases.Cell, failed error) error {
	if p.options.Cell != "" || !proven.Install.Level.Includes(releases.Setup) {
		return nil // another cell proves the same, or a job of its own does
	}
	state := pipeline.Done
	if failed != nil {
		state = pipeline.Failed
	}
	rows := []matrixRow{{
		proven.Cell.Name() + ", database " + stages.ToolVersion(proven.Tools, "database"), state,
		fmt.Sprintf("[report](%s/report/report.md)", filepath.Base(p.reports())),
	}}
	for _, cell := range cells {
		why := missing(cell, own, proven.Tools)
		if why == "" {
			continue // it is the one that was proven
		}
		p.Session().Skip("install "+cell.Name(), why)
		rows = append(rows, matrixRow{cell.Name(), pipeline.Skipped, markdown.Cell(why)})
	}
	return os.WriteFile(p.reports()+"-matrix.md", matrixPage(p.snapshot, rows), 0o644)
}

// missing says why a machine cannot prove a cell; empty: it can. own is what it can prove
// by itself.
func missing(cell, own releases.Cell, tools []stages.Tool) string {
	database, search := stages.ToolVersion(tools, "database"), stages.ToolVersion(tools, "search")
	switch {
	case cell.PHP != "" && cell.PHP != own.PHP:
		return fmt.Sprintf("this runner has PHP %s alone", own.PHP)
	case !isOf(cell.Database, database):
		return fmt.Sprintf("this runner's database is %s; give the address of another in NIGHTLY_DATABASE", database)
	case releases.IsImage(cell.Search) && !isOf(cell.Search, strings.ReplaceAll(search, " ", ":")):
		return fmt.Sprintf("this runner's search is %s; give the address of another with --search", search)
	case cell.Search != "" && !releases.IsImage(cell.Search) && cell.Search != own.Search:
		return fmt.Sprintf("it is proven with --search %s", cell.Search)
	}
	return ""
}

// isOf reports whether a service's version is that of an image: mariadb:10.6 is
// 10.6.19-MariaDB, and mysql:8.0 is 8.0.36.
func isOf(image, version string) bool {
	image, _, _ = strings.Cut(image[strings.LastIndex(image, "/")+1:], "@")
	name, tag, tagged := strings.Cut(image, ":")
	if !tagged {
		return true // it names none
	}
	if at := strings.LastIndex(version, ":"); at >= 0 { // opensearch:2.19.1
		return version == name+":"+tag || strings.HasPrefix(version, name+":"+tag+".")
	}
	maria := strings.Contains(version, "MariaDB")
	number, _, _ := strings.Cut(version, "-")
	return maria == (name == "mariadb") && (number == tag || strings.HasPrefix(number, tag+"."))
}

// minor is a version's first two parts.
func minor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}
