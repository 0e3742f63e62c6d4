package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases/composer"
)

// A candidate is one version of an upstream package.
type candidate struct {
	version  composer.Version
	manifest *composer.Manifest
}

// versions are those of a package that have a number, lowest first.
func (w *upstreamWalk) versions(ctx context.Context, name composer.Name) ([]candidate, error) {
	all, err := w.repository.Versions(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; correct \"upstream\" in the release line", err)
	}
	if err != nil {
		return nil, err
	}
	var candidates []candidate
	for _, v := range all {
		version, err := composer.ParseVersion(v.Manifest.Version())
		if err == nil && version.Stability() != composer.Dev {
			candidates = append(candidates, candidate{version, v.Manifest})
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int {
		return cmp.Or(a.version.Compare(b.version), strings.Compare(a.version.String(), b.version.String()))
	})
	return candidates, nil
}

// choose takes the highest stable version that meets all constraints. Only where
// constraints are met by none but less stable ones, it is the highest of those.
func choose(candidates []candidate, name composer.Name, constraints []string) (*composer.Manifest, error) {
	var unstable *composer.Manifest
	var parsed []composer.Constraint
	for _, text := range constraints {
		constraint, err := composer.ParseConstraint(text)
		if err != nil {
			return nil, fmt.Errorf("package %s: %w", name, err)
		}
		parsed = append(parsed, constraint)
	}
	for _, c := range slices.Backward(candidates) {
		if slices.ContainsFunc(parsed, func(want composer.Constraint) bool { return !want.Matches(c.version) }) {
			continue
		}
		if c.version.Stability() == composer.Stable {
			return c.manifest, nil
		}
		if unstable == nil && len(parsed) > 0 {
			unstable = c.manifest
		}
	}
	if unstable != nil {
		return unstable, nil
	}
	wanted := "that is stable"
	if len(constraints) > 0 {
		wanted = "that meets " + strings.Join(constraints, " and ")
	}
	return nil, fmt.Errorf("package %s: no version there %s (has %s); correct \"upstream\" in the release line", name, wanted, highest(candidates))
}

// highest names a few versions for a message.
func highest(candidates []candidate) string {
	var names []string
	for _, c := range slices.Backward(candidates) {
		if len(names) == maxNamed {
			names = append(names, "…")
			break
		}
		names = append(names, c.version.String())
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
