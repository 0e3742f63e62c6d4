// Package integrity compares two sets of packages: a mirror with another one, or
// with what was installed from it. It tells what is missing, what requires other
// packages, and which files differ.
package integrity

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages/diff"
)

// A Catalogue is a set of packages that can be read. Several goroutines use it at
// once.
type Catalogue struct {
	// Whole says that what is not in it does not exist. A shop has one version of
	// some packages only.
	Whole    bool
	name     string
	packages func(context.Context) ([]Package, error) // in any order
}

// String is its address.
func (c *Catalogue) String() string { return c.name }

// A Package is one version of a package.
type Package struct {
	Ref
	links map[composer.Section]map[string]string
	sha1  string // of the dist; empty: there is none. The same dist needs no look
	// files gives the SHA-256 of every file, by its path; nil if the package has no files.
	files func(context.Context) (map[string]string, error)
}

// compared are the sections that say what is installed with a package.
var compared = []composer.Section{
	composer.Require, composer.RequireDev, composer.Suggest, composer.Replace, composer.Conflict, composer.Provide,
}

// newPackage takes what is compared out of a composer.json.
func newPackage(m *composer.Manifest) Package {
	p := Package{Ref: Ref{strings.ToLower(m.Name()), m.Version()}, links: map[composer.Section]map[string]string{}}
	for _, section := range compared {
		p.links[section] = map[string]string{}
		for _, l := range m.Links(section) {
			p.links[section][l.Name] = l.Constraint
		}
	}
	return p
}

// Options choose what is compared.
type Options struct {
	// Vendors are whose packages are compared; empty: all are.
	Vendors []string
	// Common leaves out what only one side has.
	Common   bool
	Progress pipeline.Progress // nil: nobody looks
}

// Compare compares ours with theirs. The same version of a package has the same
// requires and files on both sides; composer.json itself is compared by what it
// links to, since each writes it in another form.
func Compare(ctx context.Context, ours, theirs *Catalogue, o Options) (*Report, error) {
	if o.Progress == nil {
		o.Progress = func(pipeline.Step) {}
	}
	a, err := index(ctx, ours, o.Vendors)
	if err != nil {
		return nil, err
	}
	b, err := index(ctx, theirs, o.Vendors)
	if err != nil {
		return nil, err
	}
	report := newReport(ours, theirs)
	var common []diff.Pair[Package]
	for _, p := range diff.Pairs(b, a) {
		switch {
		case p.What == diff.Content:
			common = append(common, p)
		case p.What == diff.OnlyTheirs && !o.Common:
			report.Missing = append(report.Missing, p.Theirs.Ref)
		case p.What == diff.OnlyOurs && !o.Common && theirs.Whole:
			report.Extra = append(report.Extra, p.Ours.Ref)
		}
	}
	report.Compared = len(common)
	found := make([]Report, len(common))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0) + 2) // it waits for servers, too
	for i, p := range common {
		group.Go(func() error {
			err := found[i].compare(groupCtx, ours, theirs, p.Ours, p.Theirs)
			o.Progress(pipeline.Step{Stage: "compare", Item: p.Ours.Name, Done: int64(i + 1), Total: int64(len(common)), Unit: "packages"})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, f := range found {
		report.Links = append(report.Links, f.Links...)
		report.Files = append(report.Files, f.Files...)
	}
	return report, nil
}

// index are a catalogue's packages by "name version", the version as Composer
// normalizes it: 1.0 and 1.0.0 are the same.
func index(ctx context.Context, c *Catalogue, vendors []string) (map[string]Package, error) {
	all, err := c.packages(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the packages of %s: %w", c, err)
	}
	byKey := make(map[string]Package, len(all))
	var errs []error
	for _, p := range all {
		if len(vendors) > 0 && !slices.Contains(vendors, composer.Name(p.Name).Vendor()) {
			continue
		}
		version, err := composer.ParseVersion(p.Version)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", c, p.Name, err))
			continue
		}
		byKey[p.Name+" "+version.Normalized()] = p
	}
	return byKey, errors.Join(errs...)
}

// compare compares one package.
func (r *Report) compare(ctx context.Context, ours, theirs *Catalogue, a, b Package) error {
	for _, section := range compared {
		for _, l := range diff.Sets(b.links[section], a.links[section]) {
			r.Links = append(r.Links, LinkDifference{a.Ref, section, l.Key, l.Ours, l.Theirs})
		}
	}
	if a.sha1 != "" && a.sha1 == b.sha1 {
		return nil
	}
	x, err := a.filesIn(ctx, ours)
	if err != nil {
		return err
	}
	y, err := b.filesIn(ctx, theirs)
	for _, f := range diff.Sets(y, x) {
		if f.Key != manifest {
			r.Files = append(r.Files, FileDifference{a.Ref, diff.Difference{Path: f.Key, What: f.What}})
		}
	}
	return err
}

func (p Package) filesIn(ctx context.Context, c *Catalogue) (map[string]string, error) {
	if p.files == nil {
		return nil, nil
	}
	files, err := p.files(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %s %s: %w", c, p.Name, p.Version, err)
	}
	return files, nil
}

const manifest = "composer.json"
