package dependencies

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"path"
	"regexp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// A repository is one source with its two trees listed.
type repository struct {
	stages.Source
	log  *slog.Logger
	note func(format string, values ...any)
	// vendors are those of the line's own packages, in the sources and built.
	vendors      []string
	head, tagged pipeline.Listing
	manifests    []*composer.Manifest // of the packages found
	// released maps the tagged packages, as same names them, to their
	// composer.json; nil until somebody asks.
	released map[string]string
}

// open lists the trees of a source.
func (a *analysis) open(ctx context.Context, name string) (*repository, error) {
	source, ok := a.in.Sources.Source(name)
	if !ok {
		return nil, fmt.Errorf("repository %s was not checked out", name)
	}
	r := &repository{Source: source, log: a.Log.With(slog.String("repository", name)), note: a.note, vendors: a.in.Vendors}
	var err error
	if r.head, err = pipeline.List(ctx, a.Store, source.Head); err != nil {
		return nil, fmt.Errorf("repository %s: list the files: %w", name, err)
	}
	if source.Tag == "" {
		return r, nil
	}
	if r.tagged, err = pipeline.List(ctx, a.Store, source.Tagged); err != nil {
		return nil, fmt.Errorf("repository %s: list the files of %s: %w", name, source.Tag, err)
	}
	return r, nil
}

// manifest reads the composer.json of a directory of the head. It reports
// fs.ErrNotExist.
func (r *repository) manifest(ctx context.Context, dir string) (*composer.Manifest, error) {
	file := path.Join(dir, "composer.json")
	m, err := readManifest(ctx, r.head, file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", stages.Place(r.Name, file), err)
	}
	return m, nil
}

func readManifest(ctx context.Context, files pipeline.Listing, file string) (*composer.Manifest, error) {
	data, err := files.Read(ctx, file, stages.MaxText)
	if err != nil {
		return nil, err
	}
	return composer.ParseManifest(data)
}

// baseVersion is the version that a package had at the latest tag: the field of
// its composer.json there, else the tag itself; empty for a package that is not
// in the tag, and for what is no version.
func (r *repository) baseVersion(ctx context.Context, dir, name string) string {
	m, err := readManifest(ctx, r.tagged, path.Join(dir, "composer.json"))
	if err != nil || r.same(m.Name()) != r.same(name) {
		if m, err = readManifest(ctx, r.tagged, r.wasAt(ctx, name)); err != nil {
			return ""
		}
	}
	return r.numeric(cmp.Or(m.Version(), r.Tag), name)
}

// same is what a package's name has in common before and after the renaming: at
// a tag that a release made, composer.json bears the built name already.
func (r *repository) same(name string) string {
	return stages.WithoutVendor(name, r.vendors)
}

// rootVersion is the base version of what is computed from a directory: the
// field of the composer.json there at the latest tag, whatever its name, else
// the tag.
func (r *repository) rootVersion(ctx context.Context, dir, name string) string {
	version := r.Tag
	if m, err := readManifest(ctx, r.tagged, path.Join(dir, "composer.json")); err == nil {
		version = cmp.Or(m.Version(), r.Tag)
	}
	return r.numeric(version, name)
}

// number is the beginning of what the existing generator takes for a version.
var number = regexp.MustCompile(`^v?(?:\d+\.){0,3}\d+`)

func (r *repository) numeric(version, name string) string {
	if version == "" || number.MatchString(version) {
		return version
	}
	r.note("package %s: its version %q at the latest tag %s of %s is no number with dots; it counts as new", name, version, r.Tag, r.Name)
	return ""
}

// wasAt gives the composer.json of a package at the latest tag; empty if it was
// not there. A broken one is passed over: a tag cannot be corrected, and fixtures
// of tests are broken on purpose. Of several with one name that with the shortest
// path counts: the others are such fixtures.
func (r *repository) wasAt(ctx context.Context, name string) string {
	if r.released == nil {
		r.released = map[string]string{}
		for _, f := range r.tagged.Below(".") {
			if path.Base(f.Path) != "composer.json" {
				continue
			}
			m, err := readManifest(ctx, r.tagged, f.Path)
			if err != nil {
				continue
			}
			if known, ok := r.released[r.same(m.Name())]; !ok || len(f.Path) < len(known) {
				r.released[r.same(m.Name())] = f.Path
			}
		}
	}
	return r.released[r.same(name)]
}
