package dependencies

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// maxManifest bounds what is read of one composer.json, in bytes.
const maxManifest = 8 << 20

// A repository is one source with its two trees listed.
type repository struct {
	stages.Source
	store pipeline.Reader
	log   *slog.Logger
	// vendors are those of the line's own packages, in the sources and built.
	vendors []string
	head    map[string]pipeline.File // by path
	tagged  map[string]pipeline.File
	// manifests are the composer.json of the packages found, and bases the base
	// packages, whose requires are found when all packages are known.
	manifests []*composer.Manifest
	bases     []base
	// moved maps the tagged packages, as same names them, to their composer.json;
	// nil until somebody asks.
	moved map[string]string
}

// open lists the trees of a source.
func (o Options) open(ctx context.Context, in stages.Analysis, name string) (*repository, error) {
	source, ok := in.Sources.Source(name)
	if !ok {
		return nil, fmt.Errorf("repository %s was not checked out", name)
	}
	r := &repository{Source: source, store: o.Store, log: o.Log.With(slog.String("repository", name)), vendors: in.Vendors}
	var err error
	if r.head, err = list(ctx, o.Store, source.Head); err != nil {
		return nil, fmt.Errorf("repository %s: list the files: %w", name, err)
	}
	if source.Tag == "" {
		return r, nil
	}
	if r.tagged, err = list(ctx, o.Store, source.Tagged); err != nil {
		return nil, fmt.Errorf("repository %s: list the files of %s: %w", name, source.Tag, err)
	}
	return r, nil
}

func list(ctx context.Context, store pipeline.Reader, tree pipeline.Tree) (map[string]pipeline.File, error) {
	files, err := store.Files(ctx, tree)
	if err != nil {
		return nil, err
	}
	byPath := make(map[string]pipeline.File, len(files))
	for _, f := range files {
		byPath[f.Path] = f
	}
	return byPath, nil
}

// manifest reads the composer.json of a directory of the head. It reports
// fs.ErrNotExist.
func (r *repository) manifest(ctx context.Context, dir string) (*composer.Manifest, error) {
	file := path.Join(dir, "composer.json")
	m, err := read(ctx, r.store, r.head, file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place(r.Name, file), err)
	}
	return m, nil
}

func read(ctx context.Context, store pipeline.Reader, files map[string]pipeline.File, file string) (*composer.Manifest, error) {
	data, err := readFile(ctx, store, files, file)
	if err != nil {
		return nil, err
	}
	return composer.ParseManifest(data)
}

// readFile reads a composer.json or composer.lock, and one byte more of what is
// too long: its parser then says so.
func readFile(ctx context.Context, store pipeline.Reader, files map[string]pipeline.File, file string) ([]byte, error) {
	f, ok := files[file]
	if !ok {
		return nil, fs.ErrNotExist
	}
	if f.Mode == pipeline.Symlink {
		return nil, errors.New("it is a symbolic link; packages need files of their own")
	}
	content, err := store.Open(ctx, f.Digest)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(io.LimitReader(content, maxManifest+1))
}

// baseVersion is the version that a package had at the latest tag: the field of
// its composer.json there, else the tag itself; empty for a package that is not
// in the tag, and for what is no version.
func (r *repository) baseVersion(ctx context.Context, dir, name string) string {
	if r.Tag == "" {
		return ""
	}
	m, err := read(ctx, r.store, r.tagged, path.Join(dir, "composer.json"))
	if err != nil || r.same(m.Name()) != r.same(name) {
		file, ok := r.wasAt(ctx)[r.same(name)]
		if !ok {
			return ""
		}
		if m, err = read(ctx, r.store, r.tagged, file); err != nil {
			return ""
		}
	}
	return r.numeric(cmp.Or(m.Version(), r.Tag), name)
}

// same is what a package's name has in common before and after the renaming: at
// a tag that a release made, composer.json bears the built name already.
func (r *repository) same(name string) string {
	vendor, project, ok := strings.Cut(name, "/")
	if ok && slices.Contains(r.vendors, vendor) {
		return project
	}
	return name
}

// rootVersion is the base version of what is computed from a directory: the
// field of the composer.json there at the latest tag, whatever its name, else
// the tag.
func (r *repository) rootVersion(ctx context.Context, dir, name string) string {
	if r.Tag == "" {
		return ""
	}
	version := r.Tag
	if m, err := read(ctx, r.store, r.tagged, path.Join(dir, "composer.json")); err == nil {
		version = cmp.Or(m.Version(), r.Tag)
	}
	return r.numeric(version, name)
}

// number is the beginning of what the existing generator takes for a version.
var number = regexp.MustCompile(`^v?(?:\d+\.){0,3}\d+`)

func (r *repository) numeric(version, name string) string {
	if number.MatchString(version) {
		return version
	}
	r.log.Warn("the version at the latest tag is no number with dots; the package counts as new",
		slog.String("package", name), slog.String("tag", r.Tag), slog.String("version", version))
	return ""
}

// wasAt maps the name of every package at the latest tag to its composer.json.
// A broken one is passed over: a tag cannot be corrected, and fixtures of tests
// are broken on purpose. Of several with one name that with the shortest path
// counts: the others are such fixtures.
func (r *repository) wasAt(ctx context.Context) map[string]string {
	if r.moved != nil {
		return r.moved
	}
	r.moved = map[string]string{}
	files := make([]string, 0, len(r.tagged))
	for file := range r.tagged {
		if path.Base(file) == "composer.json" {
			files = append(files, file)
		}
	}
	slices.SortFunc(files, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	for _, file := range files {
		m, err := read(ctx, r.store, r.tagged, file)
		if err != nil {
			continue
		}
		if _, ok := r.moved[r.same(m.Name())]; !ok {
			r.moved[r.same(m.Name())] = file
		}
	}
	return r.moved
}
