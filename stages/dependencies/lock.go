package dependencies

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/dependencies/autoload"
)

const lockFile = "composer.lock"

// errNoLock says that there is no composer.lock to read.
var errNoLock = errors.New("there is no composer.lock")

// installed is what is known of all packages of a distribution: those of the
// composer.lock and those that are built.
type installed struct {
	index *autoload.Index
	// locked are the versions of the packages of the lock, for everybody and for
	// development. Names are in lower case.
	locked      map[string]string
	development map[string]bool
}

// installed reads the composer.lock that the line names, and indexes its packages
// and those that were found. It reports errNoLock.
func (a *analysis) installed(ctx context.Context) (*installed, error) {
	lock, err := a.lock(ctx)
	if err != nil {
		return nil, err
	}
	i := &installed{locked: map[string]string{}, development: map[string]bool{}}
	for _, p := range lock.Packages {
		i.locked[string(p.Name)] = p.Version
	}
	for _, p := range lock.PackagesDev {
		i.locked[string(p.Name)] = p.Version
		i.development[string(p.Name)] = true
	}
	packages, err := autoload.FromLock(lock)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", stages.Place(a.in.Lock, lockFile), err)
	}
	own, err := a.ownPackages(i.locked)
	if err != nil {
		return nil, err
	}
	i.index = autoload.New(append(packages, own...))
	for _, spot := range i.index.BlindSpots() {
		if _, ok := i.locked[spot.Package]; !ok || i.development[spot.Package] {
			continue
		}
		a.note("package %s: it cannot be told from the composer.lock which classes are in it (%s); a require of it may be missing", spot.Package, spot.Reason)
	}
	return i, nil
}

func (a *analysis) lock(ctx context.Context) (*composer.Lock, error) {
	const instead = "or take the official list (base: require: official)"
	if a.in.Lock == "" {
		return nil, fmt.Errorf("%w: the release line names none; write lock: and the name of the repository that has it, %s", errNoLock, instead)
	}
	r, ok := a.repositories[a.in.Lock]
	if !ok {
		return nil, fmt.Errorf("repository %s, whose composer.lock is needed, could not be listed", a.in.Lock)
	}
	data, err := r.head.Read(ctx, lockFile, stages.MaxText)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w at the root of repository %s; run composer update there and commit it, %s", errNoLock, r.Name, instead)
	}
	var lock *composer.Lock
	if err == nil {
		lock, err = composer.ParseLock(data)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", stages.Place(r.Name, lockFile), err)
	}
	return lock, nil
}

// ownPackages are those found in the sources, but for what the lock has as well,
// under its name there or in its built one.
func (a *analysis) ownPackages(locked map[string]string) ([]autoload.Package, error) {
	var own []autoload.Package
	var errs []error
	for _, layout := range a.in.Repositories {
		r, ok := a.repositories[layout.Name]
		if !ok {
			continue // it could not be listed, which was reported
		}
		known := map[string]bool{}
		for name := range locked {
			known[r.same(name)] = true
		}
		for _, m := range r.manifests {
			section, err := m.Autoload()
			if err != nil {
				errs = append(errs, fmt.Errorf("repository %s: package %s: %w", r.Name, m.Name(), err))
			}
			if !known[r.same(strings.ToLower(m.Name()))] {
				own = append(own, autoload.Package{Name: m.Name(), Type: m.Type(), Autoload: section})
			}
		}
	}
	return own, errors.Join(errs...)
}

// above is the constraint that allows a package's locked version and what follows
// it, as the generator that Mage-OS had before writes it.
func (i *installed) above(name string) string {
	version := i.locked[name]
	v, err := composer.ParseVersion(version)
	if err != nil {
		return version
	}
	normalized := v.Normalized()
	last := strings.LastIndexByte(normalized, '.')
	if last < 0 {
		return version
	}
	return "^" + normalized[:last]
}
