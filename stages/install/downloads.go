package install

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/mage-os/nightly/pipeline"
)

// Each installation has a cache of Composer's of its own, since package code may write to
// it. What it downloaded before any package code ran is kept for the next one, and is
// checked when it is taken: by its digest, as many zips come without a checksum.

const (
	downloadsKey  = "downloads" // in the cache: the paths of what is kept, the newest first
	keptDownloads = 4           // of a package: cells of a matrix may lock other versions
	maxDownloads  = 8 << 20     // bytes of that list
)

func downloadKey(file string) string { return "zip/" + string(pipeline.DigestOf([]byte(file))) }

// composerCache is Composer's cache folder, and below it those of the packages' zips.
func (s *shop) composerCache(elem ...string) string {
	return s.dir.path(filepath.Join(append([]string{"cache"}, elem...)...))
}

// keptFiles lists the zips that are kept from earlier installations, by their paths in
// Composer's cache. A list that is not there or damaged is an empty one.
func (s *shop) keptFiles(ctx context.Context) []string {
	var kept []string
	if s.options.Cache == nil {
		return nil
	}
	if list, err := s.options.Cache.Get(ctx, downloadsKey); err == nil {
		data, err := io.ReadAll(io.LimitReader(list, maxDownloads))
		if errors.Join(err, list.Close(), json.Unmarshal(data, &kept)) != nil {
			return nil
		}
	}
	return slices.DeleteFunc(kept, func(file string) bool { return !filepath.IsLocal(filepath.FromSlash(file)) })
}

// takeDownloads fills Composer's cache with what is kept and still what it was. What is not
// is downloaded again.
func (s *shop) takeDownloads(ctx context.Context) error {
	for _, file := range s.keptFiles(ctx) {
		content, err := s.options.Cache.Get(ctx, downloadKey(file))
		if err != nil {
			continue
		}
		to := s.composerCache("files", filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return errors.Join(err, content.Close())
		}
		out, err := os.Create(to)
		if err != nil {
			return errors.Join(err, content.Close())
		}
		_, err = io.Copy(out, content) // whose digest the cache checks on the way
		if err := errors.Join(err, content.Close(), out.Close()); err != nil {
			if err := os.Remove(to); err != nil {
				return err
			}
		}
	}
	return nil
}

// download downloads the locked packages, without a script or plugin of any, and keeps those
// that are not the snapshot's.
func (s *shop) download(ctx context.Context) error {
	if s.options.Cache == nil {
		return nil
	}
	if err := s.packagesBy(ctx, "download", "install", "--prefer-dist", "--download-only", "--no-plugins", "--no-scripts"); err != nil {
		return err
	}
	ours := s.ours()
	kept := s.keptFiles(ctx)
	wanted := map[string]int{} // of each locked package
	for _, p := range s.locked {
		if _, our := ours[string(p.Name)]; !our {
			wanted[string(p.Name)] = keptDownloads
		}
	}
	downloaded, err := s.keepNew(ctx, wanted, kept)
	if err != nil {
		return err
	}
	var list []string
	for _, file := range append(downloaded, kept...) {
		if name := path.Dir(file); wanted[name] > 0 {
			wanted[name]--
			list = append(list, file)
		}
	}
	data, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return s.options.Cache.Put(ctx, downloadsKey, bytes.NewReader(data))
}

// keepNew keeps the zips in Composer's cache of the wanted packages that are not kept yet.
func (s *shop) keepNew(ctx context.Context, wanted map[string]int, kept []string) (downloaded []string, err error) {
	folder := os.DirFS(s.composerCache("files"))
	err = fs.WalkDir(folder, ".", func(file string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // nothing was downloaded
		}
		if err != nil || !d.Type().IsRegular() || wanted[path.Dir(file)] == 0 || slices.Contains(kept, file) {
			return err
		}
		content, err := folder.Open(file)
		if err != nil {
			return err
		}
		downloaded = append(downloaded, file)
		return errors.Join(s.options.Cache.Put(ctx, downloadKey(file), content), content.Close())
	})
	return downloaded, err
}
