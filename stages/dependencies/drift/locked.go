package drift

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

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
func (w *world) lock(ctx context.Context) (*composer.Lock, error) {
	merged := &composer.Lock{}
	if w.in.Lock == "" {
		return merged, nil
	}
	if text, err := w.read(ctx, w.in.Lock, "composer.json"); err == nil {
		if w.root, err = composer.ParseManifest(text); err != nil {
			return nil, fmt.Errorf("%s:composer.json: %w", w.in.Lock, err)
		}
	}
	known := map[composer.Name]bool{}
	for _, from := range []struct {
		file  string
		parse func([]byte) (*composer.Lock, error)
	}{{lockFile, composer.ParseLock}, {installedFile, parseInstalled}} {
		text, err := w.read(ctx, w.in.Lock, from.file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%s: %w", w.in.Lock, from.file, err)
		}
		lock, err := from.parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s:%s: %w", w.in.Lock, from.file, err)
		}
		w.locked = true
		for _, p := range append(lock.Packages, lock.PackagesDev...) {
			if !known[p.Name] {
				known[p.Name] = true
				merged.Packages = append(merged.Packages, p)
			}
		}
	}
	return merged, nil
}

// parseInstalled reads an installed.json, which is a list of packages since
// Composer 1 and an object with that list since Composer 2.
func parseInstalled(text []byte) (*composer.Lock, error) {
	var file struct {
		Packages json.RawMessage `json:"packages"`
	}
	if strings.HasPrefix(strings.TrimLeft(string(text), " \t\r\n"), "[") {
		file.Packages = text
	} else if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("read installed.json: %w", err)
	}
	if len(file.Packages) == 0 {
		return nil, errors.New(`read installed.json: it has no "packages"`)
	}
	lock, err := json.Marshal(map[string]json.RawMessage{"packages": file.Packages})
	if err != nil {
		return nil, fmt.Errorf("read installed.json: %w", err)
	}
	return composer.ParseLock(lock)
}

// connect makes the index of classes and the graph of requires.
func (w *world) connect(ctx context.Context, lock *composer.Lock) error {
	w.graph = newGraph(w.in.Vendors)
	var packages []autoload.Package
	var errs []error
	for _, s := range w.own {
		w.graph.add(nodeOf(s))
		if s.Kind != stages.Plain && s.Kind != stages.Base {
			continue // no code
		}
		p, err := w.autoloadOf(ctx, s)
		if err != nil {
			errs = append(errs, fmt.Errorf("package %s: %w", s.Name, err))
		}
		packages = append(packages, p)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	packages = append(packages, w.lockedPackages(lock)...)
	for _, p := range packages {
		w.registerModules(p)
	}
	w.index = autoload.New(packages)
	for _, b := range w.index.BlindSpots() {
		w.blind[b.Package] = b.Reason
	}
	return nil
}

// lockedPackages adds the third-party packages to the graph and gives what the
// index needs of them. One with a broken autoload section is a blind spot.
func (w *world) lockedPackages(lock *composer.Lock) []autoload.Package {
	var packages []autoload.Package
	for _, p := range lock.Packages {
		// What is in the sources is newer than what was locked.
		if w.isOwn(w.graph.own(string(p.Name))) || slices.ContainsFunc(p.Replace, func(l composer.Link) bool { return w.isOwn(l.Name) }) {
			continue
		}
		w.graph.add(nodeOfLocked(p))
		section, err := p.Manifest.Autoload()
		if err != nil {
			w.blind[string(p.Name)] = err.Error()
			continue
		}
		packages = append(packages, autoload.Package{Name: string(p.Name), Type: p.Type, Autoload: section})
	}
	return packages
}

// autoloadOf is what the index needs of one of the distribution's packages. That
// of a base package stands in the root composer.json, for what of it lies in the
// base.
func (w *world) autoloadOf(ctx context.Context, s *source) (autoload.Package, error) {
	if s.Kind != stages.Base {
		p, err := autoload.FromManifest(s.manifest)
		p.Name, p.AutoloadDev = s.Name, composer.Autoload{}
		return p, err
	}
	p := autoload.Package{Name: s.Name, Type: "magento2-component"}
	text, err := w.read(ctx, s.Repository, path.Join(s.Directory, "composer.json"))
	if err != nil {
		return p, err
	}
	root, err := composer.ParseManifest(text)
	if err != nil {
		return p, err
	}
	all, err := root.Autoload()
	if err != nil {
		return p, err
	}
	for _, row := range all.PSR4 {
		var inside []string
		for _, dir := range row.Paths {
			if !excludes(s.Exclude, dir) {
				inside = append(inside, dir)
			}
		}
		if len(inside) > 0 && row.Prefix != "" {
			p.Autoload.PSR4 = append(p.Autoload.PSR4, composer.NamespacePaths{Prefix: row.Prefix, Paths: inside})
		}
	}
	return p, nil
}

func excludes(exclude []string, dir string) bool {
	for _, e := range exclude {
		if isBelow(path.Clean(dir), e) || isBelow(strings.TrimSuffix(e, "/"), dir) {
			return true
		}
	}
	return false
}

// registerModules notes the module that a package of modules holds: Magento
// names it as the namespace, with '_'.
func (w *world) registerModules(p autoload.Package) {
	if p.Type != "magento2-module" {
		return
	}
	for _, row := range p.Autoload.PSR4 {
		id := strings.ReplaceAll(strings.Trim(row.Prefix, `\`), `\`, "_")
		if _, known := w.modules[id]; !known && id != "" {
			w.modules[id] = p.Name
		}
	}
}
