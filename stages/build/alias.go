package build

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// An alias is a metapackage under the name and version of a package that one of
// ours stands in for; it requires ours. Who asks for the old name gets the new one.
type alias struct {
	name, version    string // of the old one
	target, requires string // ours, and its version
}

// aliases adds a metapackage for each package of the line's vendor that one of
// these replaces in an exact version. Where several versions of ours replace the
// same one, the highest is meant. A package that is there is never overwritten.
func (m *mirror) aliases(ctx context.Context) error {
	if m.in.Plan.Line.Aliases == "" {
		return nil
	}
	found := aliasesOf(m.byName)
	packings := make([]packing, 0, len(found))
	manifests := make([]*composer.Manifest, 0, len(found))
	var errs []error
	for _, a := range found {
		if _, there := m.there[versionKey(a.name, a.version)]; there || m.published.Version(a.name, a.version) != nil {
			continue
		}
		manifest, err := a.manifest()
		errs = append(errs, err)
		manifests = append(manifests, manifest)
		packings = append(packings, packing{Name: a.name, Version: a.version, Manifest: manifest.Encode()})
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	dists, err := m.packAll(ctx, packings)
	if err != nil {
		return fmt.Errorf("pack the aliases: %w", err)
	}
	for i, manifest := range manifests {
		raw, err := manifest.MarshalJSON()
		if err != nil {
			return err
		}
		dist, of := tagPackage(".", nil, dists[i]), manifest.Links(composer.Require)[0]
		m.byName[manifest.Name()] = append(m.byName[manifest.Name()], mirrored{
			version: manifest.Version(), kind: manifest.Type(), manifest: raw, from: stages.TagPackages{Repository: "aliases"}, dist: dist,
			requires: []releases.Requirement{{Name: of.Name, Constraint: of.Constraint, Evidence: "declared"}},
		})
		m.files = append(m.files, pipeline.File{Path: dist.Path, Mode: pipeline.Regular, Size: dist.Size, Digest: dist.SHA256})
	}
	return nil
}

// aliasesOf are in the order of their names and versions.
func aliasesOf(byName map[string][]mirrored) []alias {
	best := map[string]alias{}
	for _, target := range slices.Sorted(maps.Keys(byName)) {
		for _, v := range byName[target] {
			for _, l := range v.replace {
				if !aliasable(l) {
					continue
				}
				a := alias{name: l.Name, version: l.Constraint, target: target, requires: v.version}
				key := versionKey(a.name, a.version)
				if known, ok := best[key]; !ok || compareVersions(a.requires, known.requires) > 0 {
					best[key] = a
				}
			}
		}
	}
	return slices.SortedFunc(maps.Values(best), func(a, b alias) int {
		return cmp.Or(cmp.Compare(a.name, b.name), compareVersions(a.version, b.version))
	})
}

// aliasable reports whether a replace means one version of a package, not a range.
func aliasable(l composer.Link) bool {
	_, errName := composer.ParseName(l.Name)
	_, errVersion := composer.ParseVersion(l.Constraint)
	return errName == nil && errVersion == nil
}

func (a alias) manifest() (*composer.Manifest, error) {
	m := composer.NewManifest()
	err := set(m,
		field{"name", a.name}, field{"version", a.version}, field{"type", "metapackage"},
		field{"description", "Alias of " + a.target},
	)
	m.SetLinks(composer.Require, []composer.Link{{Name: a.target, Constraint: a.requires}})
	return m, err
}
