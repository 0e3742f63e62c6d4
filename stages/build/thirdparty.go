package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// asking bounds how many packages a Composer repository is asked for at a time.
const asking = 8

// readLock reads the composer.lock of the line's lock repository; without one there
// are no candidates.
func readLock(ctx context.Context, name string, trees stages.SourceTrees) (candidates, error) {
	if name == "" {
		return lockedCandidates(&composer.Lock{}), nil
	}
	data, err := trees.Read(ctx, name, "composer.lock")
	if err != nil {
		return candidates{}, fmt.Errorf("the release line takes third-party packages from there: %w; correct \"lock\"", err)
	}
	lock, err := composer.ParseLock(data)
	if err != nil {
		return candidates{}, fmt.Errorf("%s: %w", stages.Place(name, "composer.lock"), err)
	}
	return lockedCandidates(lock), nil
}

// found has the versions of one package, and says which repository has them.
type found struct {
	versions []candidate
	where    []string // "https://… has 1.0, 1.1"
	asked    []string // repositories that do not have it
}

// text says what there is of the package, in composer.lock too.
func (f *found) text(locked candidates, name composer.Name) string {
	where := slices.Clone(f.where)
	if at := locked.byName[name]; len(at) > 0 {
		where = append(where, "composer.lock has "+versionList(at))
	}
	if at := locked.replaced[name]; len(at) > 0 {
		where = append(where, "packages of composer.lock replace or provide "+versionList(at))
	}
	switch {
	case len(where) > 0:
		return strings.Join(where, "; ")
	case len(f.asked) == 0:
		return "it is neither built nor in composer.lock, and the release line names no Composer repository"
	}
	return "it is neither built nor in composer.lock, nor in " + strings.Join(f.asked, " or ")
}

// thirdParty asks the line's Composer repositories for the wanted packages,
// each name once. A name that no repository has is found with no version.
func (o Options) thirdParty(ctx context.Context, in stages.Build, wants []*want) (map[composer.Name]*found, error) {
	names := map[composer.Name]*found{}
	for _, w := range wants {
		names[w.name] = &found{}
	}
	if len(names) == 0 {
		return names, nil
	}
	repositories, err := o.openRepositories(ctx, in.Plan.Line.Composer)
	if err != nil {
		return nil, err
	}
	o.Log.Info("asking the Composer repositories", slog.Int("packages", len(names)), slog.Int("repositories", len(repositories)))
	order := slices.Sorted(maps.Keys(names))
	return names, pipeline.Each(len(order), asking, func(i int) error { return names[order[i]].ask(ctx, repositories, order[i]) })
}

// An opened repository keeps the URL that the line names.
type opened struct {
	url string
	*composer.Repository
}

func (o Options) openRepositories(ctx context.Context, wanted []releases.ComposerRepository) ([]opened, error) {
	var repositories []opened
	var errs []error
	for _, r := range wanted {
		address, err := o.locate(r.URL)
		if err == nil {
			var repository *composer.Repository
			if repository, err = composer.OpenRepository(ctx, address, o.Fetcher); err == nil {
				repositories = append(repositories, opened{r.URL, repository})
				continue
			}
		}
		errs = append(errs, sourceError(r.URL, err))
	}
	return repositories, errors.Join(errs...)
}

// locate makes a file:// URL of what the program carries in itself.
func (o Options) locate(address string) (string, error) {
	if _, ok := releases.IsEmbedded(address); !ok {
		return address, nil
	}
	dir, err := o.Locate(address)
	if err != nil {
		return "", err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}).String(), nil
}

// ask takes the versions of the first repository that has the package, as
// Composer does.
func (f *found) ask(ctx context.Context, repositories []opened, name composer.Name) error {
	for _, r := range repositories {
		versions, err := r.Versions(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			f.asked = append(f.asked, r.url)
			continue
		}
		if err != nil {
			return sourceError(r.url, err)
		}
		for _, v := range versions {
			f.versions = append(f.versions, newCandidate(v.Manifest.Version()))
		}
		f.where = append(f.where, r.url+" has "+versionList(f.versions))
		return nil
	}
	return nil
}

func sourceError(address string, err error) error {
	return &releases.SourceError{Repository: "of third-party packages", URL: address, Err: err}
}
