package integrity

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
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

// installed is where Composer 2 says what it installed in a shop.
const installed = "vendor/composer/installed.json"

// Open opens what an address names: the URL or folder of a Composer repository, a
// folder of zips, or one of a shop that Composer installed.
func Open(ctx context.Context, address string, f composer.Fetcher) (*Catalogue, error) {
	c := &Catalogue{name: address, Whole: true}
	if strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://") {
		return c, c.openRepository(ctx, address, f)
	}
	dir, err := filepath.Abs(strings.TrimPrefix(address, "file://"))
	switch {
	case err != nil:
		return nil, err
	case exists(dir, "packages.json"):
		return c, c.openFolder(ctx, dir, f)
	case exists(dir, installed):
		c.Whole, c.packages = false, func(context.Context) ([]Package, error) { return shopPackages(dir) }
		return c, nil
	}
	return c, c.openZips(dir)
}

func exists(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
	return err == nil && info.Mode().IsRegular()
}

// asking bounds the requests to a repository at one time.
const asking = 8

// openRepository opens a Composer repository; its development versions are left out.
func (c *Catalogue) openRepository(ctx context.Context, address string, f composer.Fetcher) error {
	r, err := composer.OpenRepository(ctx, address, f)
	c.packages = func(ctx context.Context) ([]Package, error) {
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
					p := newPackage(v.Manifest)
					if v.Dist != nil {
						at, errURL := r.DistURL(v.Dist)
						err = errors.Join(err, errURL)
						p.sha1, p.files = v.Dist.SHASum, func(ctx context.Context) (map[string]string, error) { return fetchDist(ctx, f, at) }
					}
					found[i] = append(found[i], p)
				}
				return err
			})
		}
		err = group.Wait()
		return slices.Concat(found...), err
	}
	return err
}

func fetchDist(ctx context.Context, f composer.Fetcher, at string) (map[string]string, error) {
	body, err := composer.FetchDist(ctx, f, at)
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

// openFolder opens a repository in its folder. What was published there for a URL is read
// as if the folder were served at it; what others published is read as it is.
func (c *Catalogue) openFolder(ctx context.Context, dir string, f composer.Fetcher) error {
	data, err := files.Read(filepath.Join(dir, "packages.json"), maxList)
	if err != nil {
		return err
	}
	var s struct {
		Nightly struct {
			URL string `json:"url"`
		} `json:"x-nightly"`
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("packages.json of %s: %w", dir, err)
	}
	folder := (&url.URL{Scheme: "file", Path: filepath.ToSlash(dir) + "/"}).String()
	if s.Nightly.URL == "" {
		return c.openRepository(ctx, folder, f)
	}
	return c.openRepository(ctx, s.Nightly.URL, inFolder{f, s.Nightly.URL, folder})
}

// An inFolder fetcher reads in a folder what lies below a URL.
type inFolder struct {
	composer.Fetcher
	base, folder string // URLs, with a slash at their ends
}

// Fetch implements composer.Fetcher.
func (f inFolder) Fetch(ctx context.Context, address string) (io.ReadCloser, error) {
	if rest, ok := strings.CutPrefix(address, f.base); ok {
		address = f.folder + rest
	}
	return f.Fetcher.Fetch(ctx, address)
}

// zipFiles returns the SHA-256 of the files of a package's zip. Some lie in one folder
// in it, which is no part of the package.
func zipFiles(r io.ReaderAt, size int64) (map[string]string, error) {
	files, err := diff.ZipSums(r, size)
	if err != nil {
		return nil, fmt.Errorf("its dist %w", err)
	}
	maps.DeleteFunc(files, func(name, _ string) bool { return strings.HasPrefix(name, "__MACOSX/") })
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

// openZips opens a folder of zips.
func (c *Catalogue) openZips(dir string) error {
	var found []string
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && composer.IsZip(filepath.ToSlash(file)) {
			found = append(found, file)
		}
		return err
	})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s is neither a Composer repository (packages.json) nor an installed shop (%s), and holds no zip", dir, installed)
	}
	c.packages = func(ctx context.Context) (all []Package, err error) {
		for _, file := range found {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			m, e := readZip(file, func(r io.ReaderAt, size int64) (*composer.Manifest, error) {
				m, _, err := composer.ZipManifest(r, size)
				return m, err
			})
			if e != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", file, e))
				continue
			}
			p := newPackage(m)
			p.files = func(context.Context) (map[string]string, error) { return readZip(file, zipFiles) }
			all = append(all, p)
		}
		return all, err
	}
	return err
}

func readZip[T any](file string, read func(io.ReaderAt, int64) (T, error)) (found T, err error) {
	f, err := files.Open(file)
	if err != nil {
		return found, err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return found, err
	}
	return read(f, info.Size())
}

// shopPackages are what Composer installed in a folder: one version of each package.
func shopPackages(dir string) (all []Package, err error) {
	data, err := files.Read(filepath.Join(dir, filepath.FromSlash(installed)), maxList)
	if err != nil {
		return nil, err
	}
	lock, err := composer.ParseInstalled(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	for _, installed := range lock.Packages {
		p := newPackage(installed.Manifest)
		var dist composer.Dist
		if raw, ok := installed.Manifest.Get("dist"); ok {
			err = errors.Join(err, json.Unmarshal(raw, &dist))
		}
		p.sha1 = dist.SHASum
		if installed.Type != "metapackage" {
			path := "../" + installed.Manifest.Name() // Composer 1 says no other
			if raw, ok := installed.Manifest.Get("install-path"); ok {
				err = errors.Join(err, json.Unmarshal(raw, &path))
			}
			folder := filepath.Join(dir, "vendor", "composer", filepath.FromSlash(path))
			p.files = func(ctx context.Context) (map[string]string, error) { return folderFiles(ctx, os.DirFS(folder)) }
		}
		all = append(all, p)
	}
	return all, err
}

// folderFiles returns the SHA-256 of the files of a package in a shop.
func folderFiles(ctx context.Context, folder fs.FS) (map[string]string, error) {
	sums := map[string]string{}
	return sums, fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil || !d.Type().IsRegular() {
			return errors.Join(err, ctx.Err())
		}
		f, err := folder.Open(name)
		if err != nil {
			return err
		}
		sums[name], err = diff.Sum(f)
		return errors.Join(err, f.Close())
	})
}
