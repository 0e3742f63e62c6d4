package dependencies

import (
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

// discover finds the packages of a repository by the entries of its layout.
func (a *analysis) discover(ctx context.Context, layout releases.Repository) error {
	r, err := a.open(ctx, layout.Name)
	if err != nil {
		return err
	}
	a.repositories[layout.Name] = r
	var errs []error
	for _, entry := range layout.Packages {
		switch {
		case entry.Base != nil:
			err = a.findBase(ctx, r, entry)
		case entry.Each != "":
			err = a.findEach(ctx, r, entry)
		case entry.Metapackage != "":
			err = a.findOne(ctx, r, entry, entry.Metapackage, stages.Metapackage)
		default:
			err = a.findOne(ctx, r, entry, entry.Directory, stages.Plain)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// findEach finds a package in every visible subdirectory that has a composer.json.
func (a *analysis) findEach(ctx context.Context, r *repository, entry releases.Package) error {
	subdirectories := map[string]bool{} // whether they have one
	for file := range r.head.Below(entry.Each) {
		if sub, rest, isDir := strings.Cut(file, "/"); isDir && sub[0] != '.' {
			subdirectories[sub] = subdirectories[sub] || rest == "composer.json"
		}
	}
	var errs []error
	found := false
	for _, sub := range slices.Sorted(maps.Keys(subdirectories)) {
		exclude, all := below(entry.Exclude, sub)
		switch dir := path.Join(entry.Each, sub); {
		case all:
		case !subdirectories[sub]:
			r.log.Info("directory has no composer.json; it is no package", slog.String("directory", dir))
		default:
			found = true
			errs = append(errs, a.add(ctx, r, dir, stages.Plain, exclude))
		}
	}
	if !found && !entry.Optional {
		return fmt.Errorf("%s: no subdirectory has a composer.json; correct \"each\" of repository %s in the release line, or mark the entry optional",
			stages.Place(r.Name, entry.Each), r.Name)
	}
	return errors.Join(errs...)
}

// below gives the excludes that lie below a subdirectory, relative to it, or
// says that all of it is excluded.
func below(exclude []string, sub string) (rest []string, all bool) {
	for _, e := range exclude {
		if strings.TrimSuffix(e, "/") == sub {
			return nil, true
		}
		if inner, ok := strings.CutPrefix(e, sub+"/"); ok {
			rest = append(rest, inner)
		}
	}
	return rest, false
}

// findOne finds the package of a single directory.
func (a *analysis) findOne(ctx context.Context, r *repository, entry releases.Package, dir string, kind stages.Kind) error {
	err := a.add(ctx, r, dir, kind, entry.Exclude)
	switch {
	case errors.Is(err, fs.ErrNotExist) && entry.Optional:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w; correct the packages of repository %s in the release line, or mark the entry optional", err, r.Name)
	}
	return err
}

// add adds the package whose composer.json lies in dir.
func (a *analysis) add(ctx context.Context, r *repository, dir string, kind stages.Kind, exclude []string) error {
	m, err := r.manifest(ctx, dir)
	if err != nil {
		return err
	}
	if err := a.checkName(m.Name()); err != nil {
		return fmt.Errorf("%s: %w", stages.Place(r.Name, path.Join(dir, "composer.json")), err)
	}
	r.manifests = append(r.manifests, m)
	a.packages = append(a.packages, stages.Package{
		Repository: r.Name, Directory: path.Clean(dir), Kind: kind, Name: m.Name(), Exclude: exclude,
		BaseVersion: r.baseVersion(ctx, dir, m.Name()),
		Requires:    declared(m.Links(composer.Require)),
	})
	return nil
}

// checkName refuses a package that is of none of the line's vendors: whoever requires it wants that of its own vendor.
func (a *analysis) checkName(text string) error {
	name, err := composer.ParseName(text)
	if err == nil && !slices.Contains(a.in.Vendors, name.Vendor()) && !slices.Contains(a.in.Foreign, text) {
		err = fmt.Errorf("package %s is of none of the line's vendors (%s); exclude it in the release line, or list it there under \"foreign\" to have it built",
			name, strings.Join(a.in.Vendors, ", "))
	}
	return err
}

// findBase finds a base package: its name comes from the line.
func (a *analysis) findBase(ctx context.Context, r *repository, entry releases.Package) error {
	root, err := r.manifest(ctx, entry.Directory)
	if errors.Is(err, fs.ErrNotExist) && entry.Optional {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the base package's requires come from there: %w", err)
	}
	name := entry.Base.Manifest.Name()
	if err := a.checkName(name); err != nil {
		return fmt.Errorf("repository %s: the base package's manifest in the release line: %w", r.Name, err)
	}
	a.bases[name] = base{name, r, entry, root}
	a.packages = append(a.packages, stages.Package{
		Repository: r.Name, Directory: path.Clean(entry.Directory), Kind: stages.Base, Name: name, Exclude: entry.Exclude,
		BaseVersion: r.rootVersion(ctx, entry.Directory, name),
	})
	return nil
}
