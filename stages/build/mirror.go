package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math"
	"runtime"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// MirrorStage gives the stage that puts tags together to a snapshot of a mirror: a
// Composer repository of what the published nights before do not have, and maybe of
// nothing. Of two packages with the same name and version the first one is taken, as
// upstream does; a published one stays for ever. Published is the index that the input
// names.
func MirrorStage(o Options, published *releases.Index) pipeline.Stage[stages.Mirror, stages.Snapshot] {
	o = o.withDefaults()
	return pipeline.Stage[stages.Mirror, stages.Snapshot]{Name: "mirror", Version: 4, Run: func(ctx context.Context, in stages.Mirror) (stages.Snapshot, error) {
		return o.mirror(ctx, in, published)
	}}
}

func (o Options) mirror(ctx context.Context, in stages.Mirror, published *releases.Index) (stages.Snapshot, error) {
	m := &mirror{Options: o, in: in, published: published, byName: map[string][]mirrored{}, there: map[string]releases.IndexedVersion{}, provided: map[string]bool{}}
	// Read a few at a time: a mirror has more of it than fits into memory.
	for tags := range slices.Chunk(in.Tags, runtime.GOMAXPROCS(0)) {
		lists, err := m.readTags(ctx, tags)
		if err != nil {
			return stages.Snapshot{}, err
		}
		for i, t := range tags {
			if err := m.add(t, lists[i]); err != nil {
				return stages.Snapshot{}, fmt.Errorf("%s: %w", tagText(t), err)
			}
		}
	}
	if err := m.aliases(ctx); err != nil {
		return stages.Snapshot{}, err
	}
	if len(m.byName) == 0 {
		return stages.Snapshot{Packages: []stages.SnapshotPackage{}, Notes: releases.GroupNotes(m.notes)}, nil
	}
	return m.snapshot(ctx)
}

func tagText(t stages.TagPackages) string {
	if t.Tag == "" {
		return "zips of " + t.Repository
	}
	return fmt.Sprintf("tag %s of %s", t.Tag, t.Repository)
}

// A mirrored package is one version of a package. Its composer.json is kept as text:
// a mirror has tens of thousands of them.
type mirrored struct {
	version  string
	kind     string                 // its type
	manifest json.RawMessage        // compact
	replace  []composer.Link        // of the vendor that the line has aliases for
	requires []releases.Requirement // of an alias
	from     stages.TagPackages
	dist     stages.TagPackage // without its manifest
}

// A mirror is an addition to a mirror while it is put together.
type mirror struct {
	Options
	in        stages.Mirror
	published *releases.Index
	byName    map[string][]mirrored
	there     map[string]releases.IndexedVersion // of byName, by versionKey
	files     []pipeline.File                    // dists
	notes     []releases.Note
	provided  map[string]bool // what some of byName replace or provide
	unmet     unmet
}

// readTags reads what the tags have, all at a time.
func (m *mirror) readTags(ctx context.Context, tags []stages.TagPackages) ([][]stages.TagPackage, error) {
	lists := make([][]stages.TagPackage, len(tags))
	return lists, pipeline.Each(len(tags), len(tags), func(i int) (err error) {
		if lists[i], err = readTag(ctx, m.Store, tags[i]); err != nil {
			return fmt.Errorf("%s: %w", tagText(tags[i]), err)
		}
		return nil
	})
}

// add takes what a tag has and nothing before it.
func (m *mirror) add(t stages.TagPackages, list []stages.TagPackage) error {
	for _, n := range t.Notes {
		m.note(t, n)
	}
	for _, p := range list {
		name, version := p.Manifest.Name(), p.Manifest.Version()
		if m.known(name, version, p.SHA256, t) {
			continue
		}
		manifest, err := p.Manifest.MarshalJSON()
		if err != nil {
			return err
		}
		next := mirrored{version: version, kind: p.Manifest.Type(), manifest: manifest, from: t, dist: p, replace: m.replaced(p.Manifest)}
		next.dist.Manifest = nil
		m.byName[name] = append(m.byName[name], next)
		for _, l := range slices.Concat(p.Manifest.Links(composer.Replace), p.Manifest.Links(composer.Provide)) {
			m.provided[l.Name] = true
		}
		m.there[versionKey(name, version)] = releases.IndexedVersion{Version: version, SHA256: p.SHA256}
		m.files = append(m.files, pipeline.File{Path: p.Path, Mode: pipeline.Regular, Size: p.Size, Digest: p.SHA256})
	}
	return nil
}

// note adds a note about what a tag has.
func (m *mirror) note(t stages.TagPackages, n releases.Note) {
	n.Repository, n.Tags = t.Repository, nil
	if t.Tag != "" {
		n.Tags = []string{t.Tag}
	}
	m.notes = append(m.notes, n)
}

// known says whether a version is taken already, maybe as Composer reads it only: v1.0.0
// and 1.0.0 are one. One with another content is told: upstream changed a package without
// giving it a new version.
func (m *mirror) known(name, version string, dist pipeline.Digest, t stages.TagPackages) bool {
	first, ok := m.there[versionKey(name, version)]
	where := "an earlier tag"
	if published := m.published.Version(name, version); published != nil {
		first, ok, where = *published, true, "what is published"
	}
	if ok && first.Version != version {
		m.note(t, releases.Note{Packages: []string{name + " " + version}, What: fmt.Sprintf("to Composer it is %s, which is there: the first one stays", first.Version)})
	} else if ok && first.SHA256 != dist {
		m.Log.Info("a package has other content under the same version: the first one stays", slog.String("package", name), slog.String("version", version),
			slog.String("tag", tagText(t)), slog.String("differs from", where))
	}
	return ok
}

// versionKey is the same for what is one version of a package to Composer.
func versionKey(name, version string) string {
	v, _ := composer.ParseVersion(version) // it was read before
	return name + " " + v.Key()
}

func (m *mirror) replaced(manifest *composer.Manifest) []composer.Link {
	vendor := m.in.Plan.Line.Aliases
	if vendor == "" {
		return nil
	}
	return slices.DeleteFunc(manifest.Links(composer.Replace), func(l composer.Link) bool {
		return composer.Name(l.Name).Vendor() != vendor
	})
}

func readTag(ctx context.Context, store pipeline.Reader, t stages.TagPackages) (list []stages.TagPackage, err error) {
	if t.Packages == 0 {
		return nil, nil
	}
	tree, err := pipeline.List(ctx, store, t.Tree)
	if err != nil {
		return nil, err
	}
	data, err := tree.Read(ctx, stages.PackagesOfTag, math.MaxInt64)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("its tree has no %s; run again with --fresh", stages.PackagesOfTag)
	}
	if err == nil {
		err = json.Unmarshal(data, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", stages.PackagesOfTag, err)
	}
	return list, nil
}

// snapshot writes the snapshot's folder.
func (m *mirror) snapshot(ctx context.Context) (stages.Snapshot, error) {
	f := folder{store: m.Store, files: m.files}
	var packages []releases.ManifestPackage
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(m.byName)) {
		versions, err := m.versions(ctx, &f, name)
		errs = append(errs, err)
		for _, v := range versions {
			packages = append(packages, releases.ManifestPackage{
				Name: name, Version: v.version, Type: v.kind, Repository: v.from.Repository, Directory: v.dist.Directory,
				Commit: v.from.Commit, Tag: v.from.Tag, Requires: append([]releases.Requirement{}, v.requires...),
				Dist: &releases.ManifestDist{Path: v.dist.Path, Size: v.dist.Size, SHA1: v.dist.SHA1, SHA256: v.dist.SHA256},
			})
		}
	}
	if err := errors.Join(errs...); err != nil {
		return stages.Snapshot{}, err
	}
	return f.save(ctx, releases.Manifest{
		Program: m.in.Program, Stages: m.in.Stages, Packages: packages, Plan: m.in.Plan, Notes: releases.GroupNotes(append(m.notes, m.unmet.notes...)),
	})
}

// versions writes the metadata of one package and gives its versions, newest first.
func (m *mirror) versions(ctx context.Context, f *folder, name string) ([]mirrored, error) {
	all := m.byName[name]
	slices.SortStableFunc(all, func(a, b mirrored) int { return compareVersions(b.version, a.version) })
	list := make([]composer.PackageVersion, len(all))
	for i, v := range all {
		manifest, err := composer.ParseManifest(v.manifest)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", name, v.version, err)
		}
		m.look(v, manifest)
		list[i] = composer.PackageVersion{Manifest: manifest, Dist: &composer.Dist{Type: "zip", URL: v.dist.Path, Reference: v.dist.SHA1, SHASum: v.dist.SHA1}}
	}
	return all, f.metadata(ctx, name, list...)
}

// compareVersions orders versions that were read before.
func compareVersions(a, b string) int {
	x, _ := composer.ParseVersion(a)
	y, _ := composer.ParseVersion(b)
	return x.Compare(y)
}
