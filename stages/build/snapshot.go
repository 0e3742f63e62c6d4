package build

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// snapshot writes the snapshot's folder around the dists, which are in the order of
// the packages.
func (o Options) snapshot(ctx context.Context, in stages.Build, packages []composed, dists []packed) (stages.Snapshot, error) {
	f := folder{store: o.Store}
	built := make([]builtPackage, len(packages))
	for i, p := range packages {
		f.files = append(f.files, dists[i].File)
		built[i] = builtPackage{p, dists[i]}
	}
	slices.SortFunc(built, func(a, b builtPackage) int { return cmp.Compare(a.manifest.Name(), b.manifest.Name()) })
	if err := f.metadata(ctx, built); err != nil {
		return stages.Snapshot{}, err
	}
	if err := f.manifest(ctx, o.manifest(in, built, f.written)); err != nil {
		return stages.Snapshot{}, err
	}
	tree, err := o.Store.Save(ctx, f.files)
	if err != nil {
		return stages.Snapshot{}, fmt.Errorf("save the snapshot: %w", err)
	}
	return describe(in, built, tree)
}

// A builtPackage is a package with its dist.
type builtPackage struct {
	composed
	dist packed
}

// A folder is the snapshot's folder while it is written.
type folder struct {
	store   pipeline.Store
	files   []pipeline.File
	written []releases.ManifestFile // those that are no dists
}

func (f *folder) add(ctx context.Context, name string, data []byte) error {
	digest, size, err := f.store.Add(ctx, bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("store %s: %w", name, err)
	}
	f.files = append(f.files, pipeline.File{Path: name, Mode: pipeline.Regular, Size: size, Digest: digest})
	f.written = append(f.written, releases.ManifestFile{Path: name, Size: size, SHA256: digest})
	return nil
}

// An entryPoint is packages.json. "packages" is empty: each package has its own
// file.
type entryPoint struct {
	Packages    []string `json:"packages"`
	MetadataURL string   `json:"metadata-url"`
	Available   []string `json:"available-packages"`
}

// metadata writes a Composer repository of this snapshot alone. The files of
// development versions are there, and empty, because Composer asks for them.
func (f *folder) metadata(ctx context.Context, built []builtPackage) error {
	entry := entryPoint{Packages: []string{}, MetadataURL: stages.MetadataDir + "/%package%.json", Available: []string{}}
	for _, p := range built {
		name := composer.Name(p.manifest.Name())
		entry.Available = append(entry.Available, string(name))
		dist := &composer.Dist{Type: "zip", URL: p.dist.File.Path, Reference: p.dist.SHA1, SHASum: p.dist.SHA1}
		stable, err := composer.EncodeMetadata(name, []composer.PackageVersion{{Manifest: p.manifest, Dist: dist}})
		if err != nil {
			return err
		}
		dev, err := composer.EncodeMetadata(name, nil)
		if err != nil {
			return err
		}
		if err := f.add(ctx, path.Join(stages.MetadataDir, string(name)+".json"), stable); err != nil {
			return err
		}
		if err := f.add(ctx, path.Join(stages.MetadataDir, string(name)+"~dev.json"), dev); err != nil {
			return err
		}
	}
	data, err := pipeline.EncodeJSON(entry, "")
	if err != nil {
		return err
	}
	return f.add(ctx, stages.PackagesFile, data)
}

// manifest writes nightly.json, which lists all others.
func (f *folder) manifest(ctx context.Context, m *releases.Manifest) error {
	data, err := m.Encode()
	if err != nil {
		return fmt.Errorf("write %s: %w", releases.ManifestName, err)
	}
	return f.add(ctx, releases.ManifestName, data)
}

func (o Options) manifest(in stages.Build, built []builtPackage, files []releases.ManifestFile) *releases.Manifest {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b releases.ManifestFile) int { return cmp.Compare(a.Path, b.Path) })
	versions := map[string]int{Name: Version}
	maps.Copy(versions, in.Stages)
	m := &releases.Manifest{
		Format: releases.ManifestFormat, Snapshot: in.Plan.Snapshot(), Program: in.Program, Stages: versions,
		Local: in.Plan.Local(), Files: files, Plan: in.Plan,
	}
	for _, p := range built {
		repository, _ := in.Plan.Repository(p.Repository)
		m.Packages = append(m.Packages, releases.ManifestPackage{
			Name: p.manifest.Name(), Version: p.manifest.Version(), Type: p.manifest.Type(),
			Repository: p.Repository, Directory: p.Directory, Commit: repository.Commit, Requires: p.requires,
			Dist: &releases.ManifestDist{
				Path: p.dist.File.Path, Size: p.dist.File.Size, SHA1: p.dist.SHA1, SHA256: p.dist.File.Digest,
			},
		})
	}
	return m
}

// describe is what the next stages need to know of the snapshot.
func describe(in stages.Build, built []builtPackage, tree pipeline.Tree) (stages.Snapshot, error) {
	snapshot := stages.Snapshot{
		Name: in.Plan.Snapshot(), Local: in.Plan.Local(), URL: in.Plan.Line.URL, Keep: in.Plan.Line.Keep, Tree: tree,
	}
	project := projectOf(in)
	for _, p := range built {
		if p.Kind == stages.Project && p.Edition == project {
			snapshot.Project, snapshot.Version = p.manifest.Name(), p.manifest.Version()
		}
		snapshot.Packages = append(snapshot.Packages, stages.SnapshotPackage{
			Name: p.manifest.Name(), Version: p.manifest.Version(), Type: p.manifest.Type(), Dist: p.dist.File.Path,
		})
	}
	if snapshot.Project == "" && project != "" {
		return stages.Snapshot{}, fmt.Errorf("project edition %q, to be installed, was not built; correct \"install\" in the release line", project)
	}
	return snapshot, nil
}

// projectOf is the edition that is installed: the line's, or its first project.
func projectOf(in stages.Build) string {
	if in.Plan.Line.Install.Project != "" {
		return in.Plan.Line.Install.Project
	}
	for _, e := range in.Plan.Line.Editions {
		if e.Type == string(stages.Project) {
			return e.Name
		}
	}
	return ""
}
