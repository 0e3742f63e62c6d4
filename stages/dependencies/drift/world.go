package drift

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/dependencies/autoload"
	"github.com/mage-os/nightly/stages/dependencies/platform"
	"github.com/mage-os/nightly/stages/dependencies/scan"
)

// maxText bounds what is read of one file outside the scanner, in bytes.
const maxText = 16 << 20

// A world is all that is known: the distribution's packages, the third-party
// ones of the lock file, who holds which class, and what requires what.
type world struct {
	in    Input
	store pipeline.Reader
	files map[string][]pipeline.File // of repositories, in byte order of their paths
	own   []*source                  // in byte order of their names
	root  *composer.Manifest         // of the repository with the lock; nil: none
	graph *graph
	index *autoload.Index
	// blind are the packages whose classes cannot be known, with the reason.
	blind   map[string]string
	modules map[string]string // component as Magento names it: package
	classes map[string]string // class that is declared outside every prefix, in lower case: package
	// locked says that the third-party packages are known.
	locked bool
}

// A source is one of the distribution's packages.
type source struct {
	stages.Package
	manifest *composer.Manifest
	text     []byte          // composer.json
	files    []pipeline.File // paths in the repository
	found    []scan.File     // what was read of them
	tests    testPaths
	php      platform.Version // the oldest that it allows
}

// judged reports whether somebody writes the package's requires by hand: those
// of editions and base packages are computed, and a metapackage has no code.
func (s *source) judged() bool { return s.Kind == stages.Plain && s.manifest.Type() != "metapackage" }

// open reads the manifests of all packages and the lock file.
func open(ctx context.Context, store pipeline.Reader, in Input) (*world, error) {
	w := &world{
		in: in, store: store, files: map[string][]pipeline.File{}, blind: map[string]string{},
		modules: map[string]string{}, classes: map[string]string{},
	}
	var errs []error
	for _, r := range in.Sources.Repositories {
		files, err := store.Files(ctx, r.Head)
		if err != nil {
			errs = append(errs, fmt.Errorf("repository %s: list the files: %w", r.Name, err))
		}
		w.files[r.Name] = files
	}
	for _, p := range in.Dependencies.Packages {
		s, err := w.source(ctx, p)
		if err != nil {
			errs = append(errs, fmt.Errorf("package %s: %w", p.Name, err))
			continue
		}
		w.own = append(w.own, s)
	}
	slices.SortFunc(w.own, func(a, b *source) int { return cmp.Compare(a.Name, b.Name) })
	lock, err := w.lock(ctx)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	return w, w.connect(ctx, lock)
}

// source reads one package's composer.json and lists its files.
func (w *world) source(ctx context.Context, p stages.Package) (*source, error) {
	s := &source{Package: p, manifest: composer.NewManifest()}
	if p.Kind != stages.Plain && p.Kind != stages.Metapackage {
		return s, nil
	}
	file := path.Join(p.Directory, "composer.json")
	text, err := w.read(ctx, p.Repository, file)
	if err != nil {
		return nil, fmt.Errorf("%s:%s: %w", p.Repository, file, err)
	}
	s.text = text
	if s.manifest, err = composer.ParseManifest(text); err != nil {
		return nil, fmt.Errorf("%s:%s: %w", p.Repository, file, err)
	}
	if !s.judged() {
		return s, nil
	}
	dev, err := s.manifest.AutoloadDev()
	if err != nil {
		return nil, fmt.Errorf("%s:%s: %w", p.Repository, file, err)
	}
	s.tests = testPathsOf(s.manifest.Type(), dev)
	s.files = w.below(p)
	return s, nil
}

// below gives the files of a package: those of its directory, without what is
// excluded and without the directories of other packages.
func (w *world) below(p stages.Package) []pipeline.File {
	prefix := inDirectory(p.Directory)
	var others []string
	for _, other := range w.in.Dependencies.Packages {
		d := inDirectory(other.Directory)
		if other.Repository == p.Repository && other.Name != p.Name && len(d) > len(prefix) && strings.HasPrefix(d, prefix) {
			others = append(others, d)
		}
	}
	for _, e := range p.Exclude {
		others = append(others, prefix+strings.TrimSuffix(e, "/"))
	}
	files := w.files[p.Repository]
	from, _ := slices.BinarySearchFunc(files, prefix, func(f pipeline.File, path string) int { return cmp.Compare(f.Path, path) })
	var inside []pipeline.File
	for _, f := range files[from:] {
		if !strings.HasPrefix(f.Path, prefix) {
			break
		}
		if !slices.ContainsFunc(others, func(o string) bool { return isBelow(f.Path, o) }) {
			inside = append(inside, f)
		}
	}
	return inside
}

// inDirectory is what the paths below a directory begin with.
func inDirectory(dir string) string {
	if dir = path.Clean(dir); dir == "." {
		return ""
	}
	return dir + "/"
}

// isBelow reports whether a file is the path, or lies below it.
func isBelow(file, dir string) bool {
	rest, ok := strings.CutPrefix(file, strings.TrimSuffix(dir, "/"))
	return ok && (rest == "" || rest[0] == '/')
}

// isOwn reports whether a package is one of the distribution's.
func (w *world) isOwn(name string) bool {
	_, ok := slices.BinarySearchFunc(w.own, name, func(s *source, name string) int { return cmp.Compare(s.Name, name) })
	return ok
}

// find gives the entry of a repository's file.
func (w *world) find(repository, file string) (pipeline.File, bool) {
	files := w.files[repository]
	i, ok := slices.BinarySearchFunc(files, file, func(f pipeline.File, path string) int { return cmp.Compare(f.Path, path) })
	if !ok {
		return pipeline.File{}, false
	}
	return files[i], true
}

// read reads a file of a repository. It reports fs.ErrNotExist.
func (w *world) read(ctx context.Context, repository, file string) ([]byte, error) {
	f, ok := w.find(repository, file)
	if !ok {
		return nil, fs.ErrNotExist
	}
	if f.Mode == pipeline.Symlink {
		return nil, errors.New("it is a symbolic link, and those are not followed")
	}
	return w.content(ctx, f)
}

func (w *world) content(ctx context.Context, f pipeline.File) ([]byte, error) {
	content, err := w.store.Open(ctx, f.Digest)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Path, err)
	}
	defer content.Close()
	if content.Size() > maxText {
		return nil, fmt.Errorf("read %s: it has more than %d MiB", f.Path, maxText>>20)
	}
	return io.ReadAll(content)
}
