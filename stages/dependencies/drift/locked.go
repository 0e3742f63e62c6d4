package drift

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/dependencies/autoload"
)

// The files that say which third-party packages there are. The second is there
// in a folder where Composer has installed, and in no repository.
const (
	lockFile      = "composer.lock"
	installedFile = "vendor/composer/installed.json"
)

// lock reads what is known of third-party packages, and the root composer.json
// beside it. No such file is no error: then third-party classes stay unknown,
// which the report says.
func (d *distribution) lock(ctx context.Context) (*composer.Lock, error) {
	merged := &composer.Lock{}
	if d.in.Lock == "" {
		return merged, nil
	}
	var err error
	if _, d.root, err = d.trees.Manifest(ctx, d.in.Lock, "."); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	known := map[composer.Name]bool{}
	for _, from := range []struct {
		file  string
		parse func([]byte) (*composer.Lock, error)
	}{{lockFile, composer.ParseLock}, {installedFile, composer.ParseInstalled}} {
		text, err := d.trees.Read(ctx, d.in.Lock, from.file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		lock, err := from.parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s:%s: %w", d.in.Lock, from.file, err)
		}
		d.locked = true
		for _, p := range append(lock.Packages, lock.PackagesDev...) {
			if !known[p.Name] {
				known[p.Name] = true
				merged.Packages = append(merged.Packages, p)
			}
		}
	}
	return merged, nil
}

// connect makes the index of classes and the graph of requires.
func (d *distribution) connect(ctx context.Context, lock *composer.Lock) error {
	var packages []autoload.Package
	var errs []error
	for _, m := range d.own {
		d.graph.add(nodeOf(m))
		if m.Kind != stages.Plain && m.Kind != stages.Base {
			continue // no code
		}
		if _, ok := m.manifest.Get("autoload"); !ok && m.isProject() {
			continue // nobody requires it
		}
		p, err := d.autoloadOf(ctx, m)
		if err != nil {
			errs = append(errs, fmt.Errorf("package %s: %w", m.Name, err))
		}
		packages = append(packages, p)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, m := range d.own {
		for _, l := range m.manifest.Links(composer.Require) {
			name := d.graph.own(l.Name)
			if d.users[name] == nil {
				d.users[name] = map[string]int{}
			}
			d.users[name][l.Constraint]++
		}
	}
	packages = append(packages, d.addLocked(lock)...)
	for _, p := range packages {
		d.registerModules(p)
	}
	d.index = autoload.New(packages)
	for _, b := range d.index.BlindSpots() {
		d.blind[b.Package] = b.Reason
	}
	return nil
}

// addLocked adds the third-party packages to the graph and gives what the index
// needs of them. One with a broken autoload section is a blind spot.
func (d *distribution) addLocked(lock *composer.Lock) []autoload.Package {
	var packages []autoload.Package
	for _, p := range lock.Packages {
		// What is in the sources is newer than what was locked.
		if d.graph.isOwn(d.graph.own(string(p.Name))) || slices.ContainsFunc(p.Replace, func(l composer.Link) bool { return d.graph.isOwn(l.Name) }) {
			continue
		}
		d.graph.add(node{name: string(p.Name), kind: p.Type, version: p.Version, requires: p.Require, replaces: p.Replace, provides: p.Provide})
		section, err := p.Manifest.Autoload()
		if err != nil {
			d.blind[string(p.Name)] = err.Error()
			continue
		}
		packages = append(packages, autoload.Package{Name: string(p.Name), Type: p.Type, Autoload: section})
	}
	return packages
}

// autoloadOf is what the index needs of one of the distribution's packages. That
// of a base package stands in the root composer.json, for what of it lies in the
// base.
func (d *distribution) autoloadOf(ctx context.Context, m *member) (autoload.Package, error) {
	if m.Kind != stages.Base {
		section, err := m.manifest.Autoload()
		return autoload.Package{Name: m.Name, Type: m.manifest.Type(), Autoload: section}, err
	}
	p := autoload.Package{Name: m.Name, Type: "magento2-component"}
	_, root, err := d.trees.Manifest(ctx, m.Repository, m.Directory)
	if err != nil {
		return p, err
	}
	all, err := root.Autoload()
	for _, row := range all.PSR4 {
		row.Paths = slices.DeleteFunc(slices.Clone(row.Paths), func(dir string) bool { return overlaps(m.Exclude, dir) })
		if len(row.Paths) > 0 && row.Prefix != "" {
			p.Autoload.PSR4 = append(p.Autoload.PSR4, row)
		}
	}
	return p, err
}

// overlaps reports whether a directory is one of these paths, or above or below it.
func overlaps(paths []string, dir string) bool {
	return pipeline.Within(paths, path.Clean(dir)) || slices.ContainsFunc(paths, func(p string) bool {
		return pipeline.Within([]string{dir}, strings.TrimSuffix(p, "/"))
	})
}

// registerModules notes the module that a package of modules holds: Magento
// names it as the namespace, with '_'.
func (d *distribution) registerModules(p autoload.Package) {
	if p.Type != "magento2-module" {
		return
	}
	for _, row := range p.Autoload.PSR4 {
		id := strings.ReplaceAll(strings.Trim(row.Prefix, `\`), `\`, "_")
		if _, known := d.modules[id]; !known && id != "" {
			d.modules[id] = p.Name
		}
	}
}
