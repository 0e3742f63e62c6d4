package build

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// maxRead bounds what is read of one composer.json or composer.lock, in bytes.
const maxRead = 8 << 20

// sourceTrees are the listed heads of the repositories, by their names.
type sourceTrees map[string]pipeline.Listing

func listSources(ctx context.Context, store pipeline.Reader, in stages.Sources) (sourceTrees, error) {
	trees := sourceTrees{}
	var errs []error
	for _, r := range in.Repositories {
		var err error
		if trees[r.Name], err = pipeline.List(ctx, store, r.Head); err != nil {
			errs = append(errs, fmt.Errorf("repository %s: list the files: %w", r.Name, err))
		}
	}
	return trees, errors.Join(errs...)
}

// read gives a file of a repository. It reports fs.ErrNotExist.
func (s sourceTrees) read(ctx context.Context, repository, file string) ([]byte, error) {
	data, err := s[repository].Read(ctx, file, maxRead)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place(repository, file), err)
	}
	return data, nil
}

func (s sourceTrees) manifest(ctx context.Context, repository, dir string) (*composer.Manifest, error) {
	file := path.Join(dir, "composer.json")
	data, err := s.read(ctx, repository, file)
	if err != nil {
		return nil, err
	}
	m, err := composer.ParseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place(repository, file), err)
	}
	return m, nil
}

// below gives the files of a directory without those excluded and without its
// composer.json, with paths relative to it.
func (s sourceTrees) below(repository, dir string, exclude []string) []pipeline.File {
	var inside []pipeline.File
	for rest, f := range s[repository].Below(dir) {
		if rest != "composer.json" && !pipeline.Within(exclude, rest) {
			f.Path = rest
			inside = append(inside, f)
		}
	}
	return inside
}

// place names a file of a repository.
func place(repository, file string) string { return repository + ":" + file }
