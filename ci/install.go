package ci

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/install"
	"github.com/mage-os/nightly/stages/publish"
)

// installFlags say how far the test installation goes, with what.
type installFlags struct {
	level, search, cell string
	matrix, services    string
	upgradeFrom         string
	proofs              string // folder with what other machines proved; not one of add
	parallel            int
	sampleData          bool
}

func (f *installFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.level, "level", "", "how much the test installation proves: "+strings.Join(levelNames(), ", ")+" (default: the line's)")
	flags.StringVar(&f.search, "search", "", "what the shop searches with: none, stand-in or the URL of an OpenSearch or Elasticsearch (default $NIGHTLY_SEARCH, else the line's)")
	flags.StringVar(&f.cell, "cell", "", "prove this cell of the line's matrix, as --matrix names it")
	flags.StringVar(&f.matrix, "matrix", "", "json: write the matrix for GitHub Actions, after the build, and prove nothing")
	flags.StringVar(&f.services, "services", "", "table of supported services, as mage-os/github-actions has it (default: the program's own)")
	flags.StringVar(&f.upgradeFrom, "upgrade-from", "", "published folder whose newest earlier night is installed and upgraded, too")
	flags.IntVar(&f.parallel, "parallel", max(1, runtime.NumCPU()/2), "cells that are proven at once on each engine")
	flags.BoolVar(&f.sampleData, "sample-data", false, "install the distribution's sample data, too")
	// An error here is a misspelt flag name, which the tests would show.
	_ = cmd.RegisterFlagCompletionFunc("level", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return levelNames(), cobra.ShellCompDirectiveNoFileComp
	})
}

func levelNames() []string {
	var names []string
	for _, l := range releases.Levels() {
		names = append(names, string(l))
	}
	return names
}

// check refuses flags that cannot be meant.
func (f installFlags) check() error {
	if f.level != "" && !slices.Contains(levelNames(), f.level) {
		return &usageError{fmt.Errorf("--level %s: no such level; the levels are %s", f.level, strings.Join(levelNames(), ", "))}
	}
	if f.matrix != "" && f.matrix != "json" {
		return &usageError{fmt.Errorf("--matrix %s: want json", f.matrix)}
	}
	if f.search != "" && f.search != releases.NoSearch && f.search != releases.StandInSearch && !strings.Contains(f.search, "://") {
		return &usageError{fmt.Errorf("--search %s: want none, stand-in or a URL such as http://127.0.0.1:9200", f.search)}
	}
	return nil
}

// levelOf is the level for a line.
func (f installFlags) levelOf(line *releases.Line) releases.Level {
	if f.level != "" {
		return releases.Level(f.level)
	}
	return line.Install.Level
}

// servicesOf are the services whose addresses the environment and the flags give.
// The database's stands in the environment alone: it has a password.
func (f installFlags) servicesOf(w *world) (install.Services, error) {
	var v install.Services
	if address := w.getenv("NIGHTLY_DATABASE"); address != "" {
		d, err := install.ParseDatabase(address)
		if err != nil {
			return v, &usageError{fmt.Errorf("NIGHTLY_DATABASE: %w", err)}
		}
		v.Database = d
	}
	if err := addExtras(w, &v); err != nil {
		return v, err
	}
	switch {
	case strings.Contains(f.search, "://"):
		v.Search = f.search
	case f.search == "":
		v.Search = w.getenv("NIGHTLY_SEARCH")
	}
	return v, nil
}

// addExtras adds the cache and the queue whose addresses the environment gives.
func addExtras(w *world, v *install.Services) (err error) {
	if address := w.getenv(cacheAddress); address != "" {
		if v.Cache, err = install.ParseCache(address); err != nil {
			return &usageError{fmt.Errorf("%s: %w", cacheAddress, err)}
		}
	}
	if address := w.getenv(queueAddress); address != "" {
		if v.Queue, err = install.ParseQueue(address); err != nil {
			return &usageError{fmt.Errorf("%s: %w", queueAddress, err)}
		}
	}
	return nil
}

// The variables with the addresses of a cache and a queue.
const (
	cacheAddress = "NIGHTLY_CACHE"
	queueAddress = "NIGHTLY_QUEUE"
)

// ownCell is what this machine can prove by itself or with the services that it
// was given.
func (f installFlags) ownCell(line *releases.Line, v install.Services, php string) releases.Cell {
	cell := releases.Cell{PHP: minor(php), Search: line.Install.Search}
	switch {
	case v.Search != "":
		cell.Search = releases.GivenSearch
	case f.search != "":
		cell.Search = f.search
	}
	return cell
}

// minor is a version's first two parts.
func minor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// candidateOf is what is proven of a night on this machine.
func (f installFlags) candidateOf(ctx context.Context, w *world, plan *releases.Plan, snapshot stages.Snapshot, cells []releases.Cell) (stages.Candidate, install.Services, error) {
	services, err := f.servicesOf(w)
	if err != nil {
		return stages.Candidate{}, services, err
	}
	base, err := install.Tools(ctx)
	if err != nil {
		return stages.Candidate{}, services, err
	}
	cell := f.ownCell(&plan.Line, services, stages.ToolVersion(base, "php"))
	level := f.levelOf(&plan.Line)
	tools, err := services.Tools(ctx, install.Programs{}, level, cell)
	if err != nil {
		return stages.Candidate{}, services, err
	}
	if f.cell != "" {
		if cell, err = chosen(f.cell, cells, cell, tools); err != nil {
			return stages.Candidate{}, services, err
		}
	}
	c := stages.CandidateOf(plan, snapshot, cell, tools)
	c.Install.Level = level
	c.Install.SampleData = c.Install.SampleData || f.sampleData
	return c, services, nil
}

// chosen is the cell of that name, if this machine has what it names.
func chosen(name string, cells []releases.Cell, own releases.Cell, tools []stages.Tool) (releases.Cell, error) {
	i := slices.IndexFunc(cells, func(c releases.Cell) bool { return c.Name() == name })
	if i < 0 {
		var names []string
		for _, c := range cells {
			names = append(names, c.Name())
		}
		return releases.Cell{}, &usageError{fmt.Errorf("--cell %s: the matrix has no such cell; there are %s", name, strings.Join(names, ", "))}
	}
	if why := lacks(cells[i], own, tools); why != "" {
		return releases.Cell{}, &usageError{fmt.Errorf("--cell %s: %s", name, why)}
	}
	return cells[i], nil
}

// lacks says what a machine has not that a cell names; empty: it has all.
func lacks(cell, own releases.Cell, tools []stages.Tool) string {
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

// supported is the table of supported services.
func (f installFlags) supported() (releases.Services, error) {
	if f.services == "" {
		return releases.SupportedServices(), nil
	}
	data, err := readSmall(f.services)
	if err != nil {
		return nil, &usageError{fmt.Errorf("--services: %w", err)}
	}
	services, err := releases.ParseServices(data)
	if err != nil {
		return nil, &usageError{fmt.Errorf("--services %s: %w", f.services, err)}
	}
	return services, nil
}

// previous is the newest night of a published folder before that of the plan, and
// what serves it.
func (f installFlags) previous(ctx context.Context, snapshot stages.Snapshot) (stages.Upgrade, http.Handler, error) {
	if f.upgradeFrom == "" {
		return stages.Upgrade{}, nil, nil
	}
	found, err := earlierSnapshot(f.upgradeFrom, snapshot)
	if err != nil {
		return stages.Upgrade{}, nil, &usageError{fmt.Errorf("--upgrade-from %s: %w", f.upgradeFrom, err)}
	}
	return found, publish.Handler(f.upgradeFrom), ctx.Err()
}

// earlierSnapshot looks into the manifests of a published folder.
func earlierSnapshot(dir string, snapshot stages.Snapshot) (stages.Upgrade, error) {
	files, err := filepath.Glob(filepath.Join(dir, "nights", "*", releases.ManifestName))
	if err != nil {
		return stages.Upgrade{}, err
	}
	candidate, err := releases.ParseSnapshotName(snapshot.Name)
	if err != nil {
		return stages.Upgrade{}, err
	}
	earlier := map[releases.SnapshotName]string{} // to its manifest
	for _, file := range files {
		name, err := releases.ParseSnapshotName(filepath.Base(filepath.Dir(file)))
		if err == nil && releases.NewestFirst(name, candidate) > 0 {
			earlier[name] = file
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(earlier), releases.NewestFirst) {
		file := earlier[name]
		data, err := readInput(file)
		if err != nil {
			return stages.Upgrade{}, err
		}
		m, err := releases.ParseManifest(data)
		if err != nil {
			return stages.Upgrade{}, fmt.Errorf("%s: %w", file, err)
		}
		for _, p := range m.Packages {
			if p.Name == snapshot.Project {
				return stages.Upgrade{Snapshot: string(name), Version: p.Version}, nil
			}
		}
	}
	return stages.Upgrade{}, errors.New("it has no earlier night of " + snapshot.Project)
}
