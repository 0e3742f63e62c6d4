package dependencies

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// carriedOver is the evidence of what the official list has and no code uses.
// It must not be dropped: other packages use some of it without saying so.
const carriedOver = "carried over, no reference"

// A base is a base package whose requires are still to be found.
type base struct {
	name  string
	in    *repository
	entry releases.Package
	root  *composer.Manifest // the composer.json of its directory
}

// requireBases finds the requires of the base packages among all packages.
func (a *analysis) requireBases(ctx context.Context) error {
	if len(a.bases) == 0 {
		return nil
	}
	locked, lockErr := a.installed(ctx)
	var errs []error
	for i, p := range a.packages {
		b, ok := a.bases[p.Name]
		if p.Kind != stages.Base || !ok {
			continue
		}
		var err error
		if a.packages[i].Requires, err = a.requires(ctx, b, locked, lockErr); err != nil {
			errs = append(errs, fmt.Errorf("repository %s: base package: %w", b.in.Name, err))
		}
	}
	return errors.Join(errs...)
}

// requires finds those of one base package, in the way that the line wants. Only
// the official list can do without a lock; it has no evidence then.
func (a *analysis) requires(ctx context.Context, b base, locked *installed, lockErr error) ([]releases.Requirement, error) {
	mode, wanted := b.entry.Base.Require, productionFile
	switch mode {
	case releases.OfficialRequire:
		if errors.Is(lockErr, errNoLock) {
			return official(b.root), nil
		}
	case releases.NightlyRequire:
	case releases.ScanRequire:
		wanted = everyFile
	default:
		return nil, fmt.Errorf("require %q is not known; it can be %q, %q or %q", mode,
			releases.OfficialRequire, releases.NightlyRequire, releases.ScanRequire)
	}
	if lockErr != nil {
		return nil, fmt.Errorf("require %q: %w", mode, lockErr)
	}
	uses, err := a.uses(ctx, b, locked, wanted)
	if err != nil {
		return nil, err
	}
	if mode == releases.ScanRequire {
		return scanned(b.root, locked, uses), nil
	}
	requires := official(b.root)
	if mode == releases.NightlyRequire {
		requires = append(requires, extras(b.root, uses, requires)...)
		a.noteTransitive(b, locked, uses)
	}
	for i, q := range requires {
		if u, ok := uses[strings.ToLower(q.Name)]; ok {
			requires[i].Evidence = u.String()
		}
	}
	return requires, nil
}

// extras are what the code uses of the root's requires beside the official list,
// in the root's order. The package's own are none: they are pinned elsewhere.
func extras(root *composer.Manifest, uses map[string]use, list []releases.Requirement) []releases.Requirement {
	own := names(root.Links(composer.Replace))
	var links []composer.Link
	for _, l := range root.Links(composer.Require) {
		name := strings.ToLower(l.Name)
		_, used := uses[name]
		listed := slices.ContainsFunc(list, func(r releases.Requirement) bool { return strings.EqualFold(r.Name, name) })
		if used && !listed && !own[name] && !composer.IsPlatform(name) {
			links = append(links, l)
		}
	}
	return declared(links)
}

// noteTransitive names the packages that the code uses although the root does
// not require them: they are there only as long as another package wants them.
func (a *analysis) noteTransitive(b base, locked *installed, uses map[string]use) {
	known := names(slices.Concat(b.root.Links(composer.Require), b.root.Links(composer.RequireDev), b.root.Links(composer.Replace)))
	for _, name := range slices.Sorted(maps.Keys(uses)) {
		if known[name] || locked.development[name] || composer.IsPlatform(name) {
			continue
		}
		a.note("base package %s uses %s (%s, %s), which is there only because another package requires it; add it to the root composer.json, or ignore it",
			b.name, name, uses[name].class, uses[name])
	}
}

// scanned is what a scan of all classes gives, in byte order: the root's
// constraint, else that of its require-dev, else the locked version and above.
func scanned(root *composer.Manifest, locked *installed, uses map[string]use) []releases.Requirement {
	own := names(root.Links(composer.Replace))
	constraints := map[string]string{}
	for _, l := range slices.Concat(root.Links(composer.RequireDev), root.Links(composer.Require)) {
		constraints[strings.ToLower(l.Name)] = l.Constraint
	}
	requires := []releases.Requirement{}
	for _, name := range slices.Sorted(maps.Keys(uses)) {
		if own[name] || locked.development[name] || composer.IsPlatform(name) {
			continue
		}
		requires = append(requires, releases.Requirement{
			Name: name, Constraint: cmp.Or(constraints[name], locked.above(name)), Evidence: uses[name].String(),
		})
	}
	return requires
}

// names are those of links, in lower case.
func names(links []composer.Link) map[string]bool {
	set := make(map[string]bool, len(links))
	for _, l := range links {
		set[strings.ToLower(l.Name)] = true
	}
	return set
}
