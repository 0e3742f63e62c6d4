package integrity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages/diff"
)

// installed is where Composer 2 says what it installed.
const installed = "vendor/composer/installed.json"

// A shop is what Composer installed in a folder: one version of each package.
type shop struct{ dir, name string }

// String is the folder.
func (s *shop) String() string { return s.name }

// Whole implements Catalogue.
func (s *shop) Whole() bool { return false }

// Packages implements Catalogue.
func (s *shop) Packages(context.Context) ([]Package, error) {
	data, err := files.Read(filepath.Join(s.dir, filepath.FromSlash(installed)), maxList)
	if err != nil {
		return nil, err
	}
	var list struct{ Packages []json.RawMessage }
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", installed, err)
	}
	var all []Package
	var errs []error
	for _, raw := range list.Packages {
		var at struct {
			Path string `json:"install-path"`
			Dist struct {
				SHA1 string `json:"shasum"`
			} `json:"dist"`
		}
		m, err := composer.ParseManifest(raw)
		if err == nil {
			err = json.Unmarshal(raw, &at)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", installed, err))
			continue
		}
		dir := ""
		if at.Path != "" && m.Type() != "metapackage" {
			dir = filepath.Join(s.dir, "vendor", "composer", filepath.FromSlash(at.Path))
		}
		all = append(all, newPackage(m, dir, at.Dist.SHA1))
	}
	return all, errors.Join(errs...)
}

// Files implements Catalogue. The shop's root itself is no package.
func (s *shop) Files(ctx context.Context, p Package) (map[string]string, error) {
	if p.At == "" {
		return nil, nil
	}
	files := map[string]string{}
	err := filepath.WalkDir(p.At, func(file string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if !d.Type().IsRegular() {
			return nil
		}
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		sum, err := diff.Sum(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		name, err := filepath.Rel(p.At, file)
		files[filepath.ToSlash(name)] = sum
		return err
	})
	return files, err
}
