package build

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// maxRead bounds what is read of one composer.json or composer.lock, in bytes.
const maxRead = 8 << 20

// heads are the listed heads of the repositories.
type heads struct {
	store pipeline.Reader
	files map[string][]pipeline.File // by repository, in byte order of the path
}

func openHeads(ctx context.Context, store pipeline.Reader, in stages.Sources) (*heads, error) {
	s := &heads{store: store, files: map[string][]pipeline.File{}}
	var errs []error
	for _, r := range in.Repositories {
		files, err := store.Files(ctx, r.Head)
		if err != nil {
			errs = append(errs, fmt.Errorf("repository %s: list the files: %w", r.Name, err))
		}
		s.files[r.Name] = files
	}
	return s, errors.Join(errs...)
}

// read gives a file of a repository. It reports fs.ErrNotExist.
func (s *heads) read(ctx context.Context, repository, file string) ([]byte, error) {
	files := s.files[repository]
	i, ok := slices.BinarySearchFunc(files, file, byPath)
	if !ok {
		return nil, fmt.Errorf("%s: %w", place(repository, file), fs.ErrNotExist)
	}
	data, err := readAll(ctx, s.store, files[i].Digest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place(repository, file), err)
	}
	return data, nil
}

func readAll(ctx context.Context, store pipeline.Reader, digest pipeline.Digest) ([]byte, error) {
	content, err := store.Open(ctx, digest)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return files.ReadAll(content, "it", maxRead)
}

func (s *heads) manifest(ctx context.Context, repository, dir string) (*composer.Manifest, error) {
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
func (s *heads) below(repository, dir string, exclude []string) []pipeline.File {
	prefix := path.Clean(dir) + "/"
	if path.Clean(dir) == "." {
		prefix = ""
	}
	files := s.files[repository]
	from, _ := slices.BinarySearchFunc(files, prefix, byPath)
	var inside []pipeline.File
	for _, f := range files[from:] {
		rest, ok := strings.CutPrefix(f.Path, prefix)
		if !ok {
			break
		}
		if rest == "composer.json" || excluded(exclude, rest) {
			continue
		}
		f.Path = rest
		inside = append(inside, f)
	}
	return inside
}

func byPath(f pipeline.File, target string) int { return cmp.Compare(f.Path, target) }

// excluded reports whether an entry names the path or a directory above it.
func excluded(exclude []string, file string) bool {
	for _, e := range exclude {
		e = strings.TrimSuffix(e, "/")
		if rest, ok := strings.CutPrefix(file, e); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// place names a file of a repository.
func place(repository, file string) string { return repository + ":" + file }
