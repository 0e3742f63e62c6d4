package resolve

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"slices"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

// addPrebuilt finds the zips that the line takes over from folders and Composer
// repositories. Those in its data need no look: the commit says what they are.
func (o Options) addPrebuilt(ctx context.Context, p *releases.Plan) error {
	var errs []error
	for _, from := range p.Line.Prebuilt {
		var zips []releases.PlannedZip
		var err error
		at := from.Repository
		switch {
		case from.Folder != "":
			at = from.Folder
			zips, err = zipsOfFolder(from.Folder)
		case from.Repository != "":
			zips, err = o.zipsOfRepository(ctx, from, &p.Line)
		}
		if err != nil {
			errs = append(errs, &releases.SourceError{Repository: "prebuilt packages", URL: at, Err: err})
		}
		p.Prebuilt = append(p.Prebuilt, zips...)
	}
	return errors.Join(errs...)
}

// zipsOfFolder reads the zips in a folder, at any depth, in the order of their names.
func zipsOfFolder(address string) ([]releases.PlannedZip, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	var files []string
	err = filepath.WalkDir(filepath.FromSlash(u.Path), func(file string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && composer.IsZip(filepath.ToSlash(file)) {
			files = append(files, file)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errors.New("there is no zip in that folder")
	}
	var zips []releases.PlannedZip
	var errs []error
	for _, file := range files {
		z, err := zipFile(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", file, err))
		}
		zips = append(zips, z)
	}
	return zips, errors.Join(errs...)
}

func zipFile(file string) (z releases.PlannedZip, err error) {
	f, err := files.Open(file)
	if err != nil {
		return z, err
	}
	defer func() { _ = f.Close() }() // it was only read
	sum := sha1.New()
	size, err := io.Copy(sum, f)
	if err != nil {
		return z, err
	}
	address := url.URL{Scheme: "file", Path: filepath.ToSlash(file)}
	z = releases.PlannedZip{URL: address.String(), SHA1: hex.EncodeToString(sum.Sum(nil))}
	if m, _, err := composer.ZipManifest(f, size); err == nil { // else the build says that it is no package
		z.Name, z.Version = m.Name(), m.Version()
	}
	return z, nil
}

// zipsOfRepository are all zips of the wanted packages, in byte order of the names,
// newest version first. Development versions have no zip that stays. Where no packages are said
// to be wanted, all are, which then have to be of the line's vendors.
func (o Options) zipsOfRepository(ctx context.Context, from releases.Prebuilt, line *releases.Line) ([]releases.PlannedZip, error) {
	address, err := o.locate(from.Repository)
	if err != nil {
		return nil, err
	}
	repository, err := composer.OpenRepository(ctx, address, o.Fetcher)
	if err != nil {
		return nil, err
	}
	names, err := repository.Names()
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(n composer.Name) bool {
		return len(from.Packages) > 0 && !slices.ContainsFunc(from.Packages, func(pattern string) bool {
			ok, err := path.Match(pattern, string(n))
			return err == nil && ok
		})
	})
	found := make([][]releases.PlannedZip, len(names))
	errs := make([]error, len(names)+1)
	foreign := slices.DeleteFunc(slices.Clone(names), func(n composer.Name) bool { return line.Owns(string(n)) })
	if len(from.Packages) == 0 && len(foreign) > 0 {
		errs[len(names)] = fmt.Errorf("%s of it are of none of the line's vendors; list what you want of it in the line, under \"packages\" of its prebuilt entry", foreign)
	}
	each(names, func(i int, name composer.Name) { found[i], errs[i] = zipsOfPackage(ctx, repository, name) })
	return slices.Concat(found...), errors.Join(errs...)
}

func zipsOfPackage(ctx context.Context, repository *composer.Repository, name composer.Name) ([]releases.PlannedZip, error) {
	versions, err := repository.Versions(ctx, name)
	if err != nil {
		return nil, err
	}
	var zips []releases.PlannedZip
	for _, v := range versions {
		version, err := composer.ParseVersion(v.Manifest.Version())
		if err != nil || v.Dist == nil || v.Dist.Type != "zip" || version.Stability() == composer.Dev {
			continue
		}
		address, err := repository.DistURL(v.Dist)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", name, v.Manifest.Version(), err)
		}
		zips = append(zips, releases.PlannedZip{Name: string(name), Version: v.Manifest.Version(), URL: address, SHA1: v.Dist.SHASum})
	}
	return zips, nil
}
