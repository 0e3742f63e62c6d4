package build

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// A Rewritten is a composer.json that a release commit changes.
type Rewritten struct {
	Repository string
	Path       string // in the repository
	Data       []byte
}

// Rewritten gives the composer.json files that a release commit changes: of every
// package that has one in the sources, as it will be published. They are written
// by what the stage itself writes, and all that a package cannot have is reported
// as by the stage, so that no commit is made of what cannot be built. The base package and
// the editions have no composer.json of their own in the sources. In the order of
// their paths.
func (o Options) Rewritten(ctx context.Context, in stages.Build) ([]Rewritten, error) {
	trees, err := in.Sources.Trees(ctx, o.Store)
	if err != nil {
		return nil, err
	}
	packages, err := compose(ctx, o.Store, in, trees)
	if err != nil {
		return nil, err
	}
	if err := o.closure(ctx, in, trees, packages); err != nil {
		return nil, err
	}
	var changed []Rewritten
	for _, p := range packages {
		if p.Kind != stages.Plain && p.Kind != stages.Metapackage {
			continue
		}
		r := Rewritten{p.Repository, path.Join(p.Directory, manifestFile), p.manifest.Encode()}
		old, err := trees.Read(ctx, r.Repository, r.Path)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(old, r.Data) {
			changed = append(changed, r)
		}
	}
	slices.SortFunc(changed, func(a, b Rewritten) int {
		return cmp.Or(cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Path, b.Path))
	})
	return changed, nil
}

// unknown names what a tagged release requires of the line's own packages although
// it is neither built nor declared independent.
func (w *writer) unknown(packages []composed) []error {
	var errs []error
	for _, p := range packages {
		for _, l := range p.manifest.Links(composer.Require) {
			if name := composer.Name(l.Name); !composer.IsPlatform(l.Name) && w.rules.Unknown(w.plan, name) {
				errs = append(errs, fmt.Errorf("%s (%s): require %s: it is neither built in this release nor declared independent; "+
					"add its repository to the release line, or its name under \"independent\"", p.manifest.Name(), p.origin(l.Name), name))
			}
		}
	}
	return errs
}

// keepAllowed takes out of a product what its line does not allow: all requires of
// the root composer.json that are not listed. What the line itself adds stays.
func (w *writer) keepAllowed(c *composed) {
	edition, _ := w.plan.Line.Edition(c.Edition)
	if c.Kind != stages.Product || len(edition.Allow) == 0 {
		return
	}
	base := composer.Name(c.Name).Vendor() + "/" + edition.Base
	keep := append(slices.Concat(edition.Allow, c.added), string(w.rules.Rename(composer.Name(base))))
	links := slices.DeleteFunc(c.manifest.Links(composer.Require), func(l composer.Link) bool { return !slices.Contains(keep, l.Name) })
	c.manifest.SetLinks(composer.Require, links)
}

// standIns are the metapackages under the names that packages of a tagged release
// replace: each in the version that is replaced, requiring ours exactly. A
// pre-release has none: the release itself shall be what the name stands for. One
// that an earlier release has published is not written again.
func standIns(plan releases.Plan, packages []composed) ([]composed, error) {
	if plan.Release == nil || plan.Line.Aliases == "" {
		return nil, nil
	}
	version, err := releases.ParseReleaseVersion(plan.Release.Version)
	if err != nil || version.IsPrerelease() {
		return nil, err
	}
	var all []composed
	var errs []error
	for _, p := range packages {
		for _, l := range p.manifest.Links(composer.Replace) {
			if composer.Name(l.Name).Vendor() != plan.Line.Aliases || !aliasable(l) || slices.Contains(plan.Release.Aliased, l.Name+" "+l.Constraint) {
				continue
			}
			c, err := standIn(p, l)
			errs = append(errs, err)
			all = append(all, c)
		}
	}
	return all, errors.Join(errs...)
}

func standIn(p composed, replaced composer.Link) (composed, error) {
	a := alias{replaced.Name, replaced.Constraint, p.manifest.Name(), p.manifest.Version()}
	m, err := a.manifest()
	return composed{
		Package:  stages.Package{Repository: p.Repository, Directory: p.Directory, Kind: stages.Metapackage, Name: a.name},
		manifest: m,
		requires: []releases.Requirement{{Name: a.target, Constraint: a.requires, Evidence: "declared"}},
	}, err
}
