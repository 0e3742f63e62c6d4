package drift

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/dependencies/autoload"
	"github.com/mage-os/nightly/stages/dependencies/scan"
)

// A distribution has every package that drift knows: its own, the third-party ones of
// the lock file, who holds which class, and what requires what.
type distribution struct {
	in    Input
	trees stages.SourceTrees
	own   []*member          // in byte order of their names
	root  *composer.Manifest // of the repository with the lock; nil: none
	graph *graph
	index *autoload.Index
	// blind are the packages whose classes cannot be known, with the reason.
	blind   map[string]string
	modules map[string]string // component as Magento names it: package
	classes map[string]string // class that is declared outside every prefix, in lower case: package
	// users says how many of the own packages require a package by a constraint.
	users map[string]map[string]int
	// locked says that the third-party packages are known.
	locked bool
}

// A member is one of the distribution's own packages.
type member struct {
	stages.Package
	manifest *composer.Manifest // empty: it is computed
	text     []byte             // composer.json; nil: it is computed
	prefix   string             // of the paths of its files in the repository
	files    []pipeline.File    // paths in the repository
	found    []scan.File        // what was read of them
	tests    testPaths
}

// judged reports whether somebody writes the package's requires by hand: those
// of editions and base packages are computed, and a metapackage has no code.
func (m *member) judged() bool {
	return m.Kind == stages.Plain && m.manifest.Type() != "metapackage"
}

// isProject reports whether it is the root of a shop or of a repository with many packages.
func (m *member) isProject() bool { return m.manifest.Type() == "project" }

func (m *member) manifestPath() string { return path.Join(m.Directory, "composer.json") }

// areTests reports whether a file, by its path in the repository, is test code.
func (m *member) areTests(file string) bool { return m.tests.are(strings.TrimPrefix(file, m.prefix)) }

// open reads the manifests of all packages and the lock file.
func open(ctx context.Context, store pipeline.Reader, in Input) (*distribution, error) {
	d := &distribution{
		in: in, graph: &graph{in.Vendors, map[string]*node{}, map[string]string{}, map[string][]string{}, map[string][]string{}}, blind: map[string]string{},
		modules: map[string]string{}, classes: map[string]string{}, users: map[string]map[string]int{},
	}
	var err error
	d.trees, err = in.Sources.Trees(ctx, store)
	errs := []error{err}
	for _, p := range in.Dependencies.Packages {
		m, err := d.member(ctx, p)
		if err != nil {
			errs = append(errs, fmt.Errorf("package %s: %w", p.Name, err))
			continue
		}
		d.own = append(d.own, m)
	}
	slices.SortFunc(d.own, func(a, b *member) int { return cmp.Compare(a.Name, b.Name) })
	lock, err := d.lock(ctx)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	return d, d.connect(ctx, lock)
}

// member reads one package's composer.json and lists its files.
func (d *distribution) member(ctx context.Context, p stages.Package) (*member, error) {
	m := &member{Package: p, manifest: composer.NewManifest(), prefix: inDirectory(p.Directory)}
	if p.Kind != stages.Plain && p.Kind != stages.Metapackage {
		return m, nil
	}
	var err error
	if m.text, m.manifest, err = d.trees.Manifest(ctx, p.Repository, p.Directory); err != nil || !m.judged() {
		return m, err
	}
	dev, err := m.manifest.AutoloadDev()
	if err != nil {
		return nil, fmt.Errorf("%s:%s: %w", p.Repository, m.manifestPath(), err)
	}
	m.tests = testPathsOf(m.manifest.Type(), dev)
	m.files = d.below(m)
	return m, nil
}

// below gives the files of a package: those of its directory, without what is
// excluded and without the directories of other packages.
func (d *distribution) below(m *member) []pipeline.File {
	exclude := slices.Clone(m.Exclude)
	for _, other := range d.in.Dependencies.Packages {
		if rest, ok := strings.CutPrefix(inDirectory(other.Directory), m.prefix); ok && other.Repository == m.Repository {
			exclude = append(exclude, rest)
		}
	}
	var inside []pipeline.File
	for rest, f := range d.trees[m.Repository].Below(m.Directory) {
		if !pipeline.Within(exclude, rest) {
			inside = append(inside, f)
		}
	}
	return inside
}

// inDirectory is what the paths below a directory begin with.
func inDirectory(dir string) string {
	if dir = path.Clean(dir); dir == "." {
		return ""
	}
	return dir + "/"
}
