package install

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// checkPackages compares what Composer locked and installed with the snapshot: each
// package of ours has to be the snapshot's, from the snapshot's folder.
func (s *shop) checkPackages(ctx context.Context) error {
	sums, err := s.sums(ctx)
	if err != nil {
		return err
	}
	ours := s.ours()
	var errs []error
	var installed []composer.LockPackage
	for _, file := range []string{"composer.lock", "vendor/composer/installed.json"} {
		if installed, err = s.readPackages(file); err != nil {
			return err
		}
		for _, p := range installed {
			if err := s.checkPackage(p, ours, sums); err != nil {
				errs = append(errs, fmt.Errorf("%s: %s %s: %w", file, p.Name, p.Version, err))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("the project is not made of this snapshot's packages:\n%w\nsee %s", err, s.project())
	}
	s.provePackages(installed, ours)
	return nil
}

// ours are the snapshot's packages by name.
func (s *shop) ours() map[string]stages.SnapshotPackage {
	ours := map[string]stages.SnapshotPackage{}
	for _, p := range s.candidate.Snapshot.Packages {
		ours[p.Name] = p
	}
	return ours
}

// ourLocked are the locked packages that are the snapshot's.
func (s *shop) ourLocked() []composer.LockPackage {
	ours := s.ours()
	return slices.DeleteFunc(slices.Clone(s.locked), func(p composer.LockPackage) bool {
		_, our := ours[string(p.Name)]
		return !our
	})
}

func (s *shop) provePackages(installed []composer.LockPackage, ours map[string]stages.SnapshotPackage) {
	packages := make([]stages.InstalledPackage, len(installed))
	count := 0
	for i, p := range installed {
		_, our := ours[string(p.Name)]
		license, _ := p.Manifest.Get("license")
		packages[i] = stages.InstalledPackage{Name: string(p.Name), Version: p.Version, Ours: our, License: composer.License(license)}
		if our {
			count++
		}
	}
	slices.SortFunc(packages, func(a, b stages.InstalledPackage) int { return strings.Compare(a.Name, b.Name) })
	s.prove("install", "%d packages", len(packages))
	s.prove("origin", "%d packages are this snapshot's, from its folder", count)
	s.packages = packages
}

// untouched are the snapshot's packages that were not installed, as nothing that was requires them.
func (s *shop) untouched() (names []string) {
	for _, p := range s.candidate.Snapshot.Packages {
		installed := slices.ContainsFunc(s.packages, func(i stages.InstalledPackage) bool { return i.Name == p.Name })
		if len(s.packages) > 0 && !installed && p.Name != s.candidate.Snapshot.Project {
			names = append(names, p.Name)
		}
	}
	return names
}

// readPackages reads a composer.lock or an installed.json.
func (s *shop) readPackages(file string) ([]composer.LockPackage, error) {
	data, err := files.Read(filepath.Join(s.project(), filepath.FromSlash(file)), maxForeign)
	if err != nil {
		return nil, fmt.Errorf("the installed project: %w", err)
	}
	lock, err := composer.ParseLock(data)
	if err != nil {
		return nil, fmt.Errorf("%s of the installed project: %w", file, err)
	}
	return append(lock.Packages, lock.PackagesDev...), nil
}

func (s *shop) checkPackage(p composer.LockPackage, ours map[string]stages.SnapshotPackage, sums map[string]string) error {
	var dist composer.Dist
	if raw, ok := p.Manifest.Get("dist"); ok {
		if err := json.Unmarshal(raw, &dist); err != nil {
			return fmt.Errorf("dist: %w", err)
		}
	}
	our, ok := ours[string(p.Name)]
	switch {
	case !ok && plain(dist.URL):
		return fmt.Errorf("it comes over plain HTTP, from %s", dist.URL)
	case !ok:
		return nil
	case p.Version != our.Version:
		return fmt.Errorf("the snapshot has version %s", our.Version)
	case dist.URL == "" && our.Type == "metapackage":
		return nil // it has no files that could come from elsewhere
	case dist.URL == "":
		return errors.New("it has no dist")
	case !strings.HasPrefix(dist.URL, s.base):
		return fmt.Errorf("it comes from %s and not from the snapshot's folder", dist.URL)
	case dist.SHASum != sums[our.Name]:
		return fmt.Errorf("its shasum is %q, but the snapshot's %s has %s", dist.SHASum, our.Dist, sums[our.Name])
	}
	return nil
}

// sums are the SHA-1 sums of the snapshot's dists by package name, from their bytes
// and not from metadata.
func (s *shop) sums(ctx context.Context) (map[string]string, error) {
	tree, err := pipeline.List(ctx, s.options.Store, s.candidate.Snapshot.Tree)
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for _, p := range s.candidate.Snapshot.Packages {
		dist, ok := tree.Find(p.Dist)
		if !ok {
			continue // a metapackage without files
		}
		content, err := s.options.Store.Open(ctx, dist.Digest)
		if err == nil {
			h := sha1.New()
			_, err = io.Copy(h, content)
			err = errors.Join(err, content.Close())
			sums[p.Name] = hex.EncodeToString(h.Sum(nil))
		}
		if err != nil {
			return nil, fmt.Errorf("read %s of the snapshot: %w", p.Dist, err)
		}
	}
	return sums, nil
}
