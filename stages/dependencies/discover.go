package dependencies

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// discover finds the packages of the repository by the entries of its layout.
func (r *repository) discover(ctx context.Context, layout []releases.Package) ([]stages.Package, error) {
	var found []stages.Package
	var errs []error
	for _, entry := range layout {
		var packages []stages.Package
		var err error
		switch {
		case entry.Base != nil:
			packages, err = r.findBase(ctx, entry)
		case entry.Each != "":
			packages, err = r.each(ctx, entry)
		case entry.Metapackage != "":
			packages, err = r.one(ctx, entry, entry.Metapackage, stages.Metapackage)
		default:
			packages, err = r.one(ctx, entry, entry.Directory, stages.Plain)
		}
		found = append(found, packages...)
		errs = append(errs, err)
	}
	return found, errors.Join(errs...)
}

// each finds a package in every visible subdirectory that has a composer.json.
func (r *repository) each(ctx context.Context, entry releases.Package) ([]stages.Package, error) {
	var found []stages.Package
	var errs []error
	for _, sub := range r.subdirectories(entry.Each) {
		exclude, all := below(entry.Exclude, sub)
		if all {
			continue
		}
		dir := path.Join(entry.Each, sub)
		if _, ok := r.head[path.Join(dir, "composer.json")]; !ok {
			r.log.Info("directory has no composer.json; it is no package", slog.String("directory", dir))
			continue
		}
		p, err := r.plain(ctx, dir, stages.Plain, exclude)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found = append(found, p)
	}
	if len(found) == 0 && len(errs) == 0 && !entry.Optional {
		errs = append(errs, fmt.Errorf("%s: no subdirectory has a composer.json; correct \"each\" of repository %s in the release line",
			place(r.Name, entry.Each), r.Name))
	}
	return found, errors.Join(errs...)
}

// one finds the package of a single directory.
func (r *repository) one(ctx context.Context, entry releases.Package, dir string, kind stages.Kind) ([]stages.Package, error) {
	p, err := r.plain(ctx, dir, kind, entry.Exclude)
	switch {
	case errors.Is(err, fs.ErrNotExist) && entry.Optional:
		return nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w; correct the packages of repository %s in the release line, or mark the entry optional", err, r.Name)
	case err != nil:
		return nil, err
	}
	return []stages.Package{p}, nil
}

// plain is the package whose composer.json lies in dir.
func (r *repository) plain(ctx context.Context, dir string, kind stages.Kind, exclude []string) (stages.Package, error) {
	m, err := r.manifest(ctx, dir)
	if err != nil {
		return stages.Package{}, err
	}
	if _, err := composer.ParseName(m.Name()); err != nil {
		return stages.Package{}, fmt.Errorf("%s: %w", place(r.Name, path.Join(dir, "composer.json")), err)
	}
	r.manifests = append(r.manifests, m)
	return stages.Package{
		Repository: r.Name, Directory: path.Clean(dir), Kind: kind, Name: m.Name(), Exclude: exclude,
		BaseVersion: r.baseVersion(ctx, dir, m.Name()),
		Requires:    declared(m.Links(composer.Require)),
	}, nil
}

// subdirectories are the visible ones of a directory, in byte order.
func (r *repository) subdirectories(dir string) []string {
	prefix := path.Clean(dir) + "/"
	if path.Clean(dir) == "." {
		prefix = ""
	}
	seen := map[string]bool{}
	var subs []string
	for file := range r.head {
		rest, ok := strings.CutPrefix(file, prefix)
		if !ok {
			continue
		}
		sub, _, isDir := strings.Cut(rest, "/")
		if isDir && !strings.HasPrefix(sub, ".") && !seen[sub] {
			seen[sub] = true
			subs = append(subs, sub)
		}
	}
	slices.Sort(subs)
	return subs
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
