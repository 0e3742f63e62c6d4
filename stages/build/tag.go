package build

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/rules"
	"github.com/mage-os/nightly/stages"
)

// TagName is the name of the stage that packages one tag of a mirror.
const TagName = "tag"

// TagVersion is raised when the same tag must give other packages.
const TagVersion = 5

// Tag packages one tag: every package of it in the version that it has there. A
// package without a version gets the tag's if that is its own (the repository's root,
// a metapackage, an edition), and is else left out with a note: nobody could require it.
func (o Options) Tag(ctx context.Context, in stages.TagBuild) (stages.TagPackages, error) {
	o = o.withDefaults()
	trees, err := in.Sources.Trees(ctx, o.Store)
	if err != nil {
		return stages.TagPackages{}, err
	}
	t := &tagWriter{tag: in.Tag, trees: trees, store: o.Store}
	if t.data, err = openData(ctx, o.Store, in.Data); err != nil {
		return stages.TagPackages{}, err
	}
	packages, err := t.compose(ctx, in.Dependencies.Packages)
	if err != nil {
		return stages.TagPackages{}, err
	}
	packings := make([]packing, len(packages))
	for i, p := range packages {
		packings[i] = p.packing()
	}
	dists, err := o.packAll(ctx, packings)
	if err != nil {
		return stages.TagPackages{}, fmt.Errorf("pack the packages: %w", err)
	}
	return t.result(ctx, o.Store, packages, dists)
}

// A tagWriter composes the packages of one tag.
type tagWriter struct {
	tag   stages.Tag
	store pipeline.Writer
	trees stages.SourceTrees
	data  data
	added map[string]*composer.Manifest // as writer.added
	notes []releases.Note
}

// compose gives the packages of the tag, without those that Composer would not load: one
// spoils all versions of its package. All problems are reported together.
func (t *tagWriter) compose(ctx context.Context, found []stages.Package) ([]composed, error) {
	released, err := t.released(ctx, found)
	if err != nil {
		return nil, err
	}
	built, packages, err := t.versions(ctx, found, released)
	if err != nil {
		return nil, err
	}
	set, err := rules.ForTag(&t.tag.Line, built)
	if err != nil {
		return nil, err
	}
	plan := &releases.Plan{Line: t.tag.Line, Repositories: []releases.PlannedRepository{{Name: t.tag.Pin.Name, Commit: t.tag.Pin.Commit}}}
	w := &writer{plan: plan, rules: set, trees: t.trees, store: t.store, released: released, added: t.added}
	var out []composed
	var errs []error
	for _, p := range packages {
		c, err := w.compose(ctx, p)
		if err == nil {
			err = t.replaceFiles(&c)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("package %s: %w", p.Name, err))
			continue
		}
		if err := c.manifest.Loadable(); err != nil {
			t.notes = append(t.notes, notLoadable(c.manifest, err))
			continue
		}
		t.notes = append(t.notes, notesOf(c.manifest, c.missingAutoload())...)
		out = append(out, c)
	}
	return out, errors.Join(errs...)
}

// notLoadable is the note of a package that Composer would not load.
func notLoadable(m *composer.Manifest, err error) releases.Note {
	return releases.Note{
		Packages: []string{m.Name() + " " + m.Version()}, LeftOut: true,
		What: fmt.Sprintf("Composer would not load it (%s); correct it with edits of the release line, or build it no more: name its tags in skip-tags", strings.ReplaceAll(err.Error(), "\n", "; ")),
	}
}

// notesOf are sentences about a package, which begin with its name and version.
func notesOf(m *composer.Manifest, sentences []string) []releases.Note {
	notes, name := make([]releases.Note, len(sentences)), m.Name()+" "+m.Version()
	for i, text := range sentences {
		notes[i] = releases.Note{Packages: []string{name}, What: strings.TrimPrefix(text, name+" ")}
	}
	return notes
}

// versions finds the version of every package, and leaves out those without one.
// What is all of its repository has the version of the tag, as Composer itself has
// it for a repository; so have an edition, a metapackage and the base package.
func (t *tagWriter) versions(ctx context.Context, found []stages.Package, released map[string]*composer.Manifest) (map[composer.Name]string, []stages.Package, error) {
	fixed := map[string]string{}
	for _, r := range t.tag.Line.Repositories {
		for _, fix := range r.FixVersions {
			maps.Copy(fixed, fix.Versions)
		}
	}
	built := map[composer.Name]string{}
	var packages []stages.Package
	var errs []error
	for _, p := range found {
		if e, ok := t.tag.Line.Edition(p.Edition); ok && e.ReleasedOnly && released[p.Name] == nil {
			continue
		}
		version, err := t.version(ctx, p, released[p.Name])
		if err != nil {
			errs = append(errs, fmt.Errorf("package %s: %w", p.Name, err))
			continue
		}
		_, err = composer.ParseVersion(version)
		if fixed[p.Name] == "" && (version == "" || err != nil) {
			t.notes = append(t.notes, releases.Note{
				Packages: []string{p.Name}, LeftOut: version != "", // one without a version is none
				What: fmt.Sprintf("it has the version %q in %s, which Composer cannot read; give it one under fix-versions of the release line to have it built",
					version, stages.Place(p.Repository, p.Directory)),
			})
			continue
		}
		built[composer.Name(p.Name)] = version
		packages = append(packages, p)
	}
	return built, packages, errors.Join(errs...)
}

func (t *tagWriter) version(ctx context.Context, p stages.Package, released *composer.Manifest) (string, error) {
	if released != nil && released.Version() != "" {
		return released.Version(), nil
	}
	_, m, err := t.trees.Manifest(ctx, p.Repository, p.Directory)
	if err != nil {
		return "", err
	}
	if p.Kind == stages.Plain && p.Directory != "." {
		return m.Version(), nil
	}
	return cmp.Or(m.Version(), t.tag.Pin.Tag), nil
}

// replaceFiles puts in the files that the line has for the package.
func (t *tagWriter) replaceFiles(c *composed) error {
	for _, f := range t.tag.Line.Files {
		if !f.Applies(c.manifest.Name(), c.manifest.Version()) {
			continue
		}
		content, err := t.data.file(f.From)
		if err != nil {
			return err
		}
		content.Path, content.Mode = f.Path, pipeline.Regular
		c.files = append(slices.DeleteFunc(slices.Clone(c.files), func(o pipeline.File) bool { return o.Path == f.Path }), content)
	}
	return nil
}

// result saves the dists and their description.
func (t *tagWriter) result(ctx context.Context, store pipeline.Store, packages []composed, dists []packed) (stages.TagPackages, error) {
	list := make([]stages.TagPackage, len(packages))
	files := make([]pipeline.File, 0, len(packages)+1)
	for i, p := range packages {
		files = append(files, dists[i].File)
		list[i] = tagPackage(p.Directory, p.manifest, dists[i])
	}
	tree, err := saveTag(ctx, store, list, files)
	return stages.TagPackages{
		Repository: t.tag.Pin.Name, Tag: t.tag.Pin.Tag, Commit: t.tag.Pin.Commit, Tree: tree, Packages: len(list),
		Notes: append([]releases.Note{}, t.notes...),
	}, err
}

func tagPackage(dir string, m *composer.Manifest, d packed) stages.TagPackage {
	return stages.TagPackage{Directory: dir, Manifest: m, Path: d.File.Path, Size: d.File.Size, SHA1: d.SHA1, SHA256: d.File.Digest}
}

func saveTag(ctx context.Context, store pipeline.Store, list []stages.TagPackage, files []pipeline.File) (pipeline.Tree, error) {
	data, err := json.Marshal(list)
	if err != nil {
		return pipeline.Tree{}, err
	}
	digest, size, err := store.Add(ctx, bytes.NewReader(data))
	if err != nil {
		return pipeline.Tree{}, fmt.Errorf("store %s: %w", stages.PackagesOfTag, err)
	}
	files = append(files, pipeline.File{Path: stages.PackagesOfTag, Mode: pipeline.Regular, Size: size, Digest: digest})
	tree, err := store.Save(ctx, files)
	if err != nil {
		return pipeline.Tree{}, fmt.Errorf("save the dists: %w", err)
	}
	return tree, nil
}

// packAll packs with the options' workers and cache.
func (o Options) packAll(ctx context.Context, packings []packing) ([]packed, error) {
	return (&packer{store: o.Store, cache: o.Cache, workers: o.Workers, progress: o.Progress}).pack(ctx, packings)
}

// A data is the line's data.
type data struct{ pipeline.Listing }

func openData(ctx context.Context, store pipeline.Reader, tree pipeline.Tree) (data, error) {
	if tree.Digest == "" {
		return data{}, nil
	}
	files, err := pipeline.List(ctx, store, tree)
	if err != nil {
		return data{}, fmt.Errorf("list the line's data: %w", err)
	}
	return data{files}, nil
}

func (d data) file(name string) (pipeline.File, error) {
	f, ok := d.Find(name)
	if !ok {
		return f, fmt.Errorf("%s of the line's data: %w; correct the path or the commit of \"data\" in the release line", name, fs.ErrNotExist)
	}
	return f, nil
}

// manifest reads a composer.json of the data; nil where there is none.
func (d data) manifest(ctx context.Context, name string) (*composer.Manifest, error) {
	content, err := d.Read(ctx, name, stages.MaxText)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // documented
	}
	var m *composer.Manifest
	if err == nil {
		m, err = composer.ParseManifest(content)
	}
	if err != nil {
		return nil, fmt.Errorf("%s of the line's data: %w", name, err)
	}
	return m, nil
}
