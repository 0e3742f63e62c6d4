package build

import (
	"bytes"
	"cmp"
	"context"
	"errors"
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
	var built []releases.ManifestPackage
	project := stages.SnapshotPackage{}
	edition := in.Plan.Line.Project()
	for i, p := range packages {
		m, d := p.manifest, dists[i]
		f.files = append(f.files, d.File)
		dist := &composer.Dist{Type: "zip", URL: d.File.Path, Reference: d.SHA1, SHASum: d.SHA1}
		if err := f.metadata(ctx, m.Name(), composer.PackageVersion{Manifest: m, Dist: dist}); err != nil {
			return stages.Snapshot{}, err
		}
		repository, _ := in.Plan.Repository(p.Repository)
		built = append(built, releases.ManifestPackage{
			Name: m.Name(), Version: m.Version(), Type: m.Type(),
			Repository: p.Repository, Directory: p.Directory, Commit: repository.Commit, Requires: p.requires,
			Dist: &releases.ManifestDist{Path: d.File.Path, Size: d.File.Size, SHA1: d.SHA1, SHA256: d.File.Digest},
		})
		if p.Kind == stages.Project && p.Edition == edition {
			project = stages.SnapshotPackage{Name: m.Name(), Version: m.Version()}
		}
	}
	if project.Name == "" && edition != "" {
		return stages.Snapshot{}, fmt.Errorf("project edition %q, to be installed, was not built; correct \"install\" in the release line", edition)
	}
	versions := map[string]int{Name: Version}
	maps.Copy(versions, in.Stages)
	slices.SortFunc(built, func(a, b releases.ManifestPackage) int { return cmp.Compare(a.Name, b.Name) })
	out, err := f.save(ctx, releases.Manifest{Program: in.Program, Stages: versions, Packages: built, Plan: in.Plan})
	out.Project, out.Version = project.Name, project.Version
	return out, err
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

// metadata writes what a Composer repository says of one package. The file of
// development versions is there, and empty, because Composer asks for it.
func (f *folder) metadata(ctx context.Context, name string, versions ...composer.PackageVersion) error {
	stable, err := composer.EncodeMetadata(composer.Name(name), versions)
	if err != nil && len(versions) > 1 { // of a mirror
		err = fmt.Errorf("%w; leave out one of their tags with skip-tags of the release line", err)
	}
	if err != nil {
		return err
	}
	dev, err := composer.EncodeMetadata(composer.Name(name), nil)
	if err != nil {
		return err
	}
	return errors.Join(
		f.add(ctx, path.Join(stages.MetadataDir, name+".json"), stable),
		f.add(ctx, path.Join(stages.MetadataDir, name+"~dev.json"), dev))
}

// An entryPoint is packages.json. "packages" is empty: each package has its own
// file.
type entryPoint struct {
	Packages    []string `json:"packages"`
	MetadataURL string   `json:"metadata-url"`
	Available   []string `json:"available-packages"`
}

// save writes packages.json and the manifest, which lists all other files; the rest of it
// is given, its packages in byte order of their names. It gives the snapshot without its
// project.
func (f *folder) save(ctx context.Context, m releases.Manifest) (stages.Snapshot, error) {
	plan := m.Plan
	out := stages.Snapshot{Name: plan.Snapshot(), Local: plan.Local(), WorkTree: plan.WorkTree(), URL: plan.Line.URL, Keep: plan.Line.Keep, Notes: m.Notes}
	entry := entryPoint{Packages: []string{}, MetadataURL: stages.MetadataDir + "/%package%.json", Available: []string{}}
	for _, p := range m.Packages {
		entry.Available = append(entry.Available, p.Name)
		out.Packages = append(out.Packages, stages.SnapshotPackage{Name: p.Name, Version: p.Version, Type: p.Type, Dist: p.Dist.Path})
	}
	entry.Available = slices.Compact(entry.Available)
	data, err := pipeline.EncodeJSON(entry, "")
	if err == nil {
		err = f.add(ctx, stages.PackagesFile, data)
	}
	if err != nil {
		return stages.Snapshot{}, err
	}
	m.Format, m.Snapshot, m.Local = releases.ManifestFormat, out.Name, out.Local
	m.Files = slices.SortedFunc(slices.Values(f.written), func(a, b releases.ManifestFile) int { return cmp.Compare(a.Path, b.Path) })
	if data, err = m.Encode(); err != nil {
		return stages.Snapshot{}, fmt.Errorf("write %s: %w", releases.ManifestName, err)
	}
	if err := f.add(ctx, releases.ManifestName, data); err != nil {
		return stages.Snapshot{}, err
	}
	if out.Tree, err = f.store.Save(ctx, f.files); err != nil {
		return stages.Snapshot{}, fmt.Errorf("save the snapshot: %w", err)
	}
	return out, nil
}
