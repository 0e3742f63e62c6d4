package dependencies

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// anyVersion stands in the requires of packages that are built: they are pinned
// to the version that they get.
const anyVersion = "*"

// addEditions computes the product and project editions from what was found.
func (a *analysis) addEditions(ctx context.Context) error {
	var editions []stages.Package
	var errs []error
	for _, e := range a.in.Editions {
		r, ok := a.repositories[e.Repository]
		if !ok {
			continue // it could not be listed, which was reported
		}
		p, err := a.edition(ctx, r, e)
		if err != nil {
			errs = append(errs, fmt.Errorf("edition %s: %w", e.Name, err))
			continue
		}
		editions = append(editions, p)
	}
	a.packages = append(a.packages, editions...)
	return errors.Join(errs...)
}

func (a *analysis) edition(ctx context.Context, r *repository, e releases.Edition) (stages.Package, error) {
	root, err := r.manifest(ctx, ".")
	if err != nil {
		return stages.Package{}, fmt.Errorf("it is computed from the root composer.json: %w", err)
	}
	rootName := composer.Name(root.Name())
	if err := a.checkName(root.Name()); err != nil {
		return stages.Package{}, fmt.Errorf("%s: %w", stages.Place(r.Name, "composer.json"), err)
	}
	p := stages.Package{Repository: r.Name, Directory: ".", Kind: stages.Kind(e.Type), Edition: e.Name, Name: rootName.Vendor() + "/" + e.Name}
	p.BaseVersion = r.rootVersion(ctx, ".", p.Name)
	added, err := addedRequires(e, a.in.LatestTags)
	if err != nil {
		return stages.Package{}, err
	}
	switch p.Kind {
	case stages.Product:
		base, err := basePackage(e, a.packages)
		p.Requires = merge(declared(root.Links(composer.Require)), declared(ownReplaced(root, a.in.Vendors, a.packages)), added, declared(base))
		return p, err
	case stages.Project:
		product := composer.Link{Name: rootName.Vendor() + "/" + e.Product, Constraint: anyVersion}
		if !slices.ContainsFunc(a.in.Editions, func(o releases.Edition) bool { return o.Name == e.Product }) {
			return stages.Package{}, fmt.Errorf("its product %q is no edition of the release line", e.Product)
		}
		p.Requires = merge(declared([]composer.Link{product}), added)
		return p, nil
	}
	return stages.Package{}, fmt.Errorf("type %q is not known; it can be %q or %q", e.Type, stages.Product, stages.Project)
}

// ownReplaced are the packages of a monorepo: the entries of its replace of the
// line's own vendors, and those that are built. Third-party ones, such as
// components/jquery, are copies that lie in the tree: to require them would
// install them once more.
func ownReplaced(root *composer.Manifest, vendors []string, built []stages.Package) []composer.Link {
	var own []composer.Link
	for _, l := range root.Links(composer.Replace) {
		isBuilt := slices.ContainsFunc(built, func(p stages.Package) bool { return p.Name == l.Name })
		if isBuilt || slices.Contains(vendors, composer.Name(l.Name).Vendor()) {
			own = append(own, l)
		}
	}
	return own
}

// addedRequires are those that the line adds to an edition.
func addedRequires(e releases.Edition, latest map[string]string) ([]releases.Requirement, error) {
	var links []composer.Link
	var errs []error
	for _, r := range e.Require {
		constraint := r.Constraint
		if r.LatestTag != "" {
			if constraint = latest[r.LatestTag]; constraint == "" {
				errs = append(errs, fmt.Errorf("require %s: the plan has no latest tag of %s; make the plan again", r.Package, r.LatestTag))
				continue
			}
		}
		links = append(links, composer.Link{Name: r.Package, Constraint: constraint})
	}
	return declared(links), errors.Join(errs...)
}

// basePackage is the require of the product's base package, if it has one.
func basePackage(e releases.Edition, built []stages.Package) ([]composer.Link, error) {
	if e.Base == "" {
		return nil, nil
	}
	for _, p := range built {
		if p.Kind == stages.Base && composer.Name(p.Name).Project() == e.Base {
			return []composer.Link{{Name: p.Name, Constraint: anyVersion}}, nil
		}
	}
	return nil, fmt.Errorf("its base package %q is not among the packages of the release line", e.Base)
}
