package dependencies

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path"
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
	entry releases.Package
	root  *composer.Manifest // the composer.json of its directory
}

// findBase is the base package: its name comes from the line.
func (r *repository) findBase(ctx context.Context, entry releases.Package) ([]stages.Package, error) {
	root, err := r.manifest(ctx, entry.Directory)
	if errors.Is(err, fs.ErrNotExist) && entry.Optional {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the base package's requires come from there: %w", err)
	}
	name := entry.Base.Manifest.Name()
	if _, err := composer.ParseName(name); err != nil {
		return nil, fmt.Errorf("repository %s: the base package's manifest in the release line: %w", r.Name, err)
	}
	r.bases = append(r.bases, base{name, entry, root})
	return []stages.Package{{
		Repository: r.Name, Directory: path.Clean(entry.Directory), Kind: stages.Base, Name: name, Exclude: entry.Exclude,
		BaseVersion: r.rootVersion(ctx, entry.Directory, name),
	}}, nil
}

// requireBases finds the requires of the base packages among all packages.
func (o Options) requireBases(ctx context.Context, in stages.Analysis, repositories map[string]*repository, packages []stages.Package) error {
	var errs []error
	var locked *installed
	var lockErr error
	for i, p := range packages {
		r := repositories[p.Repository]
		at := slices.IndexFunc(r.bases, func(b base) bool { return b.name == p.Name })
		if p.Kind != stages.Base || at < 0 {
			continue
		}
		if locked == nil && lockErr == nil {
			locked, lockErr = o.installed(ctx, in, repositories)
		}
		var err error
		if packages[i].Requires, err = o.requires(ctx, r, r.bases[at], locked, lockErr); err != nil {
			errs = append(errs, fmt.Errorf("repository %s: base package: %w", r.Name, err))
		}
	}
	return errors.Join(errs...)
}

// requires finds those of one base package, in the way that the line wants. Only
// the official list can do without a lock; it has no evidence then.
func (o Options) requires(ctx context.Context, r *repository, b base, locked *installed, lockErr error) ([]releases.Requirement, error) {
	mode := b.entry.Base.Require
	switch mode {
	case releases.OfficialRequire:
		if errors.Is(lockErr, errNoLock) {
			return official(b.root), nil
		}
	case releases.NightlyRequire, releases.ScanRequire:
	default:
		return nil, fmt.Errorf("require %q is not known; it can be %q, %q or %q", mode,
			releases.OfficialRequire, releases.NightlyRequire, releases.ScanRequire)
	}
	if lockErr != nil {
		return nil, fmt.Errorf("require %q: %w", mode, lockErr)
	}
	if mode == releases.ScanRequire {
		uses, err := o.uses(ctx, r, b, locked, everyFile)
		return scanned(b.root, locked, uses), err
	}
	uses, err := o.uses(ctx, r, b, locked, productionFile)
	if err != nil {
		return nil, err
	}
	requires := official(b.root)
	if mode == releases.NightlyRequire {
		requires = append(requires, extras(b.root, uses, requires)...)
		r.warnOfTransitive(b, locked, uses)
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

// warnOfTransitive names the packages that the code uses although the root does
// not require them: they are there only as long as another package wants them.
func (r *repository) warnOfTransitive(b base, locked *installed, uses map[string]use) {
	known := names(slices.Concat(b.root.Links(composer.Require), b.root.Links(composer.RequireDev), b.root.Links(composer.Replace)))
	for _, name := range slices.Sorted(maps.Keys(uses)) {
		if known[name] || locked.development[name] || composer.IsPlatform(name) {
			continue
		}
		r.log.Warn("the base package uses a package that is there only because another one requires it; add it to the root composer.json or ignore it",
			slog.String("base", b.name), slog.String("package", name), slog.String("class", uses[name].class), slog.String("at", uses[name].String()))
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
