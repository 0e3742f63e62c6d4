package build

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/rules"
	"github.com/mage-os/nightly/stages"
)

// A composed package is ready to be packed.
type composed struct {
	stages.Package                    // as found in the sources
	manifest       *composer.Manifest // as it is published
	files          []pipeline.File    // without composer.json
	directories    []string           // empty directories
	requires       []releases.Requirement
	added          []string // requires that the line adds to an edition, by their published names
}

func (c composed) packing() packing {
	return packing{
		Name: c.manifest.Name(), Version: c.manifest.Version(),
		Files: c.files, Manifest: c.manifest.Encode(), Directories: c.directories,
	}
}

// file names where the package's composer.json comes from.
func (c composed) file() string {
	return stages.Place(c.Repository, path.Join(c.Directory, "composer.json"))
}

// missingAutoload is what the package's autoloader would look for in vain, as
// sentences.
func (c composed) missingAutoload() []string {
	paths := []string{manifestFile}
	for _, f := range c.files {
		paths = append(paths, f.Path)
	}
	for _, dir := range c.directories {
		paths = append(paths, dir+"/")
	}
	return unloadable(c.manifest, c.file(), paths)
}

// unloadable is what the autoloader of a package with these paths looks for in vain,
// as sentences that name where its composer.json lies.
func unloadable(m *composer.Manifest, file string, paths []string) []string {
	missing, err := m.MissingAutoload(paths)
	if err != nil {
		missing = []string{err.Error()}
	}
	for i, what := range missing {
		missing[i] = fmt.Sprintf("%s %s (%s): %s is not in the package, and Composer's autoloader fails on it; correct the path there, or exclude less", m.Name(), m.Version(), file, what)
	}
	return missing
}

// origin names where one of its requires is written.
func (c composed) origin(require string) string {
	if slices.Contains(c.added, require) {
		return fmt.Sprintf("edition %s of the release line", c.Edition)
	}
	return c.file()
}

// compose writes the composer.json of every package. All problems are reported
// together.
func compose(ctx context.Context, store pipeline.Writer, in stages.Build, trees stages.SourceTrees) ([]composed, error) {
	built := make(map[composer.Name]string, len(in.Dependencies.Packages))
	for _, p := range in.Dependencies.Packages {
		built[composer.Name(p.Name)] = p.BaseVersion
	}
	set, err := rules.ForPlan(&in.Plan, built)
	if err != nil {
		return nil, err
	}
	w := &writer{plan: &in.Plan, rules: set, trees: trees, store: store}
	var packages []composed
	var errs []error
	for _, p := range in.Dependencies.Packages {
		c, err := w.compose(ctx, p)
		if err != nil {
			errs = append(errs, fmt.Errorf("package %s: %w", p.Name, err))
			continue
		}
		for _, problem := range c.missingAutoload() {
			errs = append(errs, errors.New(problem))
		}
		packages = append(packages, c)
	}
	errs = append(errs, w.unknown(packages)...)
	return packages, errors.Join(errs...)
}

// A writer composes composer.json files.
type writer struct {
	store pipeline.Writer
	plan  *releases.Plan
	rules *rules.Set
	trees stages.SourceTrees
	// released are the composer.json files of packages as they were released, by
	// their names in the sources. Of a tag only.
	released map[string]*composer.Manifest
	// added are keys that editions were released with beside their requires.
	added map[string]*composer.Manifest
}

func (w *writer) compose(ctx context.Context, p stages.Package) (composed, error) {
	c := composed{Package: p}
	var err error
	switch m := w.released[p.Name]; {
	case m != nil:
		err = w.asReleased(ctx, &c, m)
	default:
		err = w.fromSources(ctx, &c)
	}
	if err != nil {
		return composed{}, err
	}
	c.manifest.SetLinks(composer.Require, links(c.Requires))
	w.pinEditions(&c)
	if err := w.rules.Rewrite(c.manifest); err != nil {
		return composed{}, fmt.Errorf("%s: %w", c.file(), err)
	}
	if isEdition := p.Kind == stages.Product || p.Kind == stages.Project; isEdition && w.released[p.Name] == nil {
		links := c.manifest.Links(composer.Require) // by the names that they have now
		slices.SortFunc(links, func(a, b composer.Link) int { return cmp.Compare(a.Name, b.Name) })
		c.manifest.SetLinks(composer.Require, links)
	}
	w.keepAllowed(&c)
	c.requires = w.evidence(c)
	return c, nil
}

// fromSources composes a package of what the sources have of it.
func (w *writer) fromSources(ctx context.Context, c *composed) (err error) {
	p := c.Package
	switch p.Kind {
	case stages.Plain:
		if _, c.manifest, err = w.trees.Manifest(ctx, p.Repository, p.Directory); err == nil {
			c.files, err = w.files(ctx, p, c.manifest)
		}
	case stages.Metapackage:
		_, c.manifest, err = w.trees.Manifest(ctx, p.Repository, p.Directory)
	case stages.Base:
		err = w.base(ctx, c)
	case stages.Product, stages.Project:
		if err = w.edition(ctx, c); err == nil {
			err = w.addReleased(c)
		}
	default:
		err = fmt.Errorf("kind %q is not known", p.Kind)
	}
	return err
}

// below gives the files of a directory without those excluded and without its
// composer.json, with paths relative to it.
func below(trees stages.SourceTrees, repository, dir string, exclude []string) []pipeline.File {
	var inside []pipeline.File
	for rest, f := range trees[repository].Below(dir) {
		if rest != manifestFile && !pipeline.Within(exclude, rest) {
			f.Path = rest
			inside = append(inside, f)
		}
	}
	return inside
}

func links(requires []releases.Requirement) []composer.Link {
	out := make([]composer.Link, len(requires))
	for i, r := range requires {
		out[i] = composer.Link{Name: r.Name, Constraint: r.Constraint}
	}
	return out
}

// evidence says why each require of the published composer.json is there. What
// is only there, and not in the sources, is an edit that the line declares.
func (w *writer) evidence(c composed) []releases.Requirement {
	why := map[string]string{}
	for _, r := range c.Requires {
		why[r.Name] = r.Evidence
		why[string(w.rules.Rename(composer.Name(r.Name)))] = r.Evidence
	}
	requires := []releases.Requirement{}
	for _, l := range c.manifest.Links(composer.Require) {
		evidence, ok := why[l.Name]
		if !ok {
			evidence = "declared"
		}
		requires = append(requires, releases.Requirement{Name: l.Name, Constraint: l.Constraint, Evidence: evidence})
	}
	return requires
}
