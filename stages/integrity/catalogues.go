package integrity

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages/diff"
)

// The bounds of what is read of repositories and shops, in bytes.
const (
	maxList = 64 << 20 // packages.json, installed.json
	maxDist = 512 << 20
)

// Open opens what an address names: the URL or folder of a Composer repository, a
// folder of zips, or one of a shop that Composer installed.
func Open(ctx context.Context, address string, f composer.Fetcher) (Catalogue, error) {
	if strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://") {
		return openRepository(ctx, address, address, f)
	}
	dir, err := filepath.Abs(strings.TrimPrefix(address, "file://"))
	if err != nil {
		return nil, err
	}
	if exists(dir, "packages.json") {
		return openRepository(ctx, address, (&url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}).String(), f)
	}
	if exists(dir, installed) {
		return &shop{dir: dir, name: address}, nil
	}
	return openZips(dir, address)
}

func exists(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
	return err == nil && info.Mode().IsRegular()
}

// A repository is a Composer repository.
type repository struct {
	*composer.Repository
	fetcher composer.Fetcher
	name    string
	// local is the folder that the repository lies in, and base the URL that its
	// dists are recorded under: they are read in the folder.
	local, base string
}

func openRepository(ctx context.Context, name, address string, f composer.Fetcher) (*repository, error) {
	r := &repository{fetcher: f, name: name}
	if dir, ok := strings.CutPrefix(address, "file://"); ok {
		r.local = dir
		var err error
		if r.base, f, err = relocated(dir, f); err != nil {
			return nil, err
		}
	}
	var err error
	r.Repository, err = composer.OpenRepository(ctx, address, f)
	return r, err
}

// String is the address.
func (r *repository) String() string { return r.name }

// Whole implements Catalogue.
func (r *repository) Whole() bool { return true }

// asking bounds the requests to a repository at one time.
const asking = 8

// Packages implements Catalogue; development versions are left out.
func (r *repository) Packages(ctx context.Context) ([]Package, error) {
	names, err := r.Names()
	if err != nil {
		return nil, err
	}
	found := make([][]Package, len(names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(asking)
	for i, name := range names {
		group.Go(func() error {
			versions, err := r.Versions(ctx, name)
			for _, v := range versions {
				if v.Dist == nil {
					found[i] = append(found[i], newPackage(v.Manifest, "", ""))
					continue
				}
				at, errURL := r.DistURL(v.Dist)
				err = errors.Join(err, errURL)
				found[i] = append(found[i], newPackage(v.Manifest, at, v.Dist.SHASum))
			}
			return err
		})
	}
	err = group.Wait()
	var all []Package
	for _, part := range found {
		all = append(all, part...)
	}
	return all, err
}

// Files implements Catalogue.
func (r *repository) Files(ctx context.Context, p Package) (map[string]string, error) {
	if p.At == "" {
		return nil, nil
	}
	at := p.At
	if rest, ok := strings.CutPrefix(at, r.base); ok && r.base != "" {
		at = (&url.URL{Scheme: "file", Path: path.Join(r.local, rest)}).String()
	}
	body, err := r.fetcher.Fetch(ctx, at)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := files.ReadAll(body, at, maxDist)
	if err != nil {
		return nil, err
	}
	return zipFiles(bytes.NewReader(data), int64(len(data)))
}

// relocated reads a published repository in its folder: the metadata and dists that
// it records under its public URL are there. What was published by others is read
// as it is.
func relocated(dir string, f composer.Fetcher) (string, composer.Fetcher, error) {
	data, err := files.Read(filepath.Join(filepath.FromSlash(dir), "packages.json"), maxList)
	if err != nil {
		return "", nil, err
	}
	var s struct {
		Nightly struct {
			URL string `json:"url"`
		} `json:"x-nightly"`
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return "", nil, fmt.Errorf("packages.json of %s: %w", dir, err)
	}
	if s.Nightly.URL == "" {
		return "", f, nil
	}
	return s.Nightly.URL, &inFolder{f, s.Nightly.URL, dir}, nil
}

// An inFolder fetcher reads in a folder what is recorded under its public URL.
type inFolder struct {
	composer.Fetcher
	base, dir string
}

// Fetch implements composer.Fetcher. The metadata-url of packages.json is made one
// of the folder, so that the repository points nowhere else.
func (f *inFolder) Fetch(ctx context.Context, address string) (io.ReadCloser, error) {
	body, err := f.Fetcher.Fetch(ctx, address)
	if err != nil || !strings.HasSuffix(address, "/packages.json") {
		return body, err
	}
	defer body.Close()
	data, err := files.ReadAll(body, address, maxList)
	if err != nil {
		return nil, err
	}
	local := (&url.URL{Scheme: "file", Path: f.dir + "/"}).String()
	return io.NopCloser(bytes.NewReader(bytes.ReplaceAll(data, []byte(f.base+"meta/"), []byte(local+"meta/")))), nil
}

// zipFiles returns the SHA-256 of the files of a package's zip. Some lie in one folder
// in it, which is no part of the package.
func zipFiles(r io.ReaderAt, size int64) (map[string]string, error) {
	files, err := diff.ZipSums(r, size)
	if err != nil {
		return nil, fmt.Errorf("its dist %w", err)
	}
	return withoutFolder(files), nil
}

// withoutFolder takes away the one folder that all files lie in, unless the package
// is at the root.
func withoutFolder(files map[string]string) map[string]string {
	folder := ""
	for name := range files {
		first, _, inside := strings.Cut(name, "/")
		if !inside || folder != "" && first != folder {
			return files
		}
		folder = first
	}
	if files[folder+"/"+manifest] == "" {
		return files
	}
	stripped := make(map[string]string, len(files))
	for name, sum := range files {
		stripped[strings.TrimPrefix(name, folder+"/")] = sum
	}
	return stripped
}

// zips is a folder of zips.
type zips struct {
	name  string
	files []string
}

func openZips(dir, name string) (*zips, error) {
	z := &zips{name: name}
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.HasSuffix(file, ".zip") {
			z.files = append(z.files, file)
		}
		return err
	})
	if err == nil && len(z.files) == 0 {
		err = fmt.Errorf("%s is neither a Composer repository (packages.json) nor an installed shop (%s), and holds no zip", dir, installed)
	}
	return z, err
}

// String is the folder.
func (z *zips) String() string { return z.name }

// Whole implements Catalogue.
func (z *zips) Whole() bool { return true }

// Packages implements Catalogue.
func (z *zips) Packages(ctx context.Context) ([]Package, error) {
	var all []Package
	var errs []error
	for _, file := range z.files {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		m, err := manifestOfZip(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", file, err))
			continue
		}
		all = append(all, newPackage(m, file, ""))
	}
	return all, errors.Join(errs...)
}

func manifestOfZip(file string) (m *composer.Manifest, err error) {
	err = withZip(file, func(r io.ReaderAt, size int64) (err error) {
		m, err = composer.ZipManifest(r, size)
		return err
	})
	return m, err
}

// Files implements Catalogue.
func (z *zips) Files(_ context.Context, p Package) (files map[string]string, err error) {
	err = withZip(p.At, func(r io.ReaderAt, size int64) (err error) {
		files, err = zipFiles(r, size)
		return err
	})
	return files, err
}

func withZip(file string, read func(io.ReaderAt, int64) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return read(f, info.Size())
}
