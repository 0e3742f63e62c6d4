package stages

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/composer"
)

// MaxText bounds what is read of one text of the sources, in bytes.
const MaxText = 16 << 20

// SourceTrees are the listed trees of the repositories, by their names.
type SourceTrees map[string]pipeline.Listing

// Trees lists the planned trees of all repositories.
func (s Sources) Trees(ctx context.Context, store pipeline.Reader) (SourceTrees, error) {
	trees := SourceTrees{}
	var errs []error
	for _, r := range s.Repositories {
		var err error
		if trees[r.Name], err = pipeline.List(ctx, store, r.Head); err != nil {
			errs = append(errs, fmt.Errorf("repository %s: list the files: %w", r.Name, err))
		}
	}
	return trees, errors.Join(errs...)
}

// Read reads a file of a repository. It reports fs.ErrNotExist.
func (t SourceTrees) Read(ctx context.Context, repository, file string) ([]byte, error) {
	data, err := t[repository].Read(ctx, file, MaxText)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Place(repository, file), err)
	}
	return data, nil
}

// Manifest reads the composer.json of a directory, also as text. It reports
// fs.ErrNotExist.
func (t SourceTrees) Manifest(ctx context.Context, repository, dir string) (text []byte, m *composer.Manifest, err error) {
	file := path.Join(dir, "composer.json")
	if text, err = t.Read(ctx, repository, file); err != nil {
		return nil, nil, err
	}
	if m, err = composer.ParseManifest(text); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", Place(repository, file), err)
	}
	return text, m, nil
}

// Place names a file or a directory of a repository.
func Place(repository, path string) string { return repository + ":" + path }
