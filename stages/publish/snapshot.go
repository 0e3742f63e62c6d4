package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// A snapshot is one snapshot of the repository, or the one to publish.
type snapshot struct {
	name    releases.SnapshotName
	sum     pipeline.Digest // of its nightly.json
	indexed releases.IndexedSnapshot
	sums    []distSum // of its dists
	// manifest and versions read its nightly.json and its metadata. Most runs ask few
	// snapshots for them.
	manifest func(context.Context) (*releases.Manifest, error)
	versions func(context.Context) (versionsForm, error)

	// Of the snapshot to publish only: its folder without the dists, rendered, and the
	// dists.
	files map[string][]byte
	dists []pipeline.File
}

// A distSum is the SHA-256 of a package's dist. An adopted version may have none in the
// repository; then it has no path.
type distSum struct {
	path, pkg, version string
	sum                pipeline.Digest
}

// fromStore reads the snapshot to publish and renders its metadata for its place.
func fromStore(ctx context.Context, store pipeline.Reader, n stages.Snapshot, base string) (*snapshot, error) {
	add := &snapshot{name: n.Name, files: map[string][]byte{}}
	err := add.read(ctx, store, n.Tree, base)
	if err == nil {
		err = add.finish()
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w; build it again with --fresh", n.Name.Title(), err)
	}
	return add, nil
}

func (n *snapshot) read(ctx context.Context, store pipeline.Reader, tree pipeline.Tree, base string) error {
	all, err := store.Files(ctx, tree)
	if err != nil {
		return err
	}
	for _, file := range all {
		if file.Mode == pipeline.Symlink {
			return fmt.Errorf("%s is a symbolic link", file.Path)
		}
		if err := pipeline.ValidPath(file.Path); err != nil {
			return err
		}
		if strings.HasPrefix(file.Path, stages.DistsDir+"/") {
			n.dists = append(n.dists, file)
			continue
		}
		data, err := readAll(ctx, store, file)
		if err != nil {
			return err
		}
		if n.files[file.Path], err = place(file.Path, data, base, n.name); err != nil {
			return fmt.Errorf("%s: %w", file.Path, err)
		}
	}
	return nil
}

// finish completes a snapshot that was read from a store.
func (n *snapshot) finish() error {
	if _, ok := n.files[stages.PackagesFile]; !ok {
		return fmt.Errorf("it has no %s", stages.PackagesFile)
	}
	if err := n.readManifest(n.files[releases.ManifestName]); err != nil {
		return err
	}
	all, err := versionsOf(n.files, false)
	if err != nil {
		return err
	}
	return errors.Join(n.setVersions(versionsForm{Format: versionsFormat, Packages: all}), n.complete())
}

// setVersions gives the snapshot to publish its metadata in one file.
func (n *snapshot) setVersions(all versionsForm) (err error) {
	n.versions = func(context.Context) (versionsForm, error) { return all, nil }
	n.files[versionsFile], err = all.encode()
	return err
}

// place renders a file of a snapshot for its folder in the repository. Its metadata lies
// there, its dists in the folder that all snapshots share.
func place(name string, data []byte, base string, n releases.SnapshotName) ([]byte, error) {
	switch {
	case name == stages.PackagesFile:
		return stages.Render(data, base+n.Dir()+"/")
	case stages.IsMetadata(name):
		return stages.Render(data, base)
	}
	return data, nil
}

// unplace undoes place.
func unplace(name string, data []byte, base string, n releases.SnapshotName) ([]byte, error) {
	switch {
	case name == stages.PackagesFile:
		return stages.Unrender(data, base+n.Dir())
	case stages.IsMetadata(name):
		return stages.Unrender(data, base)
	}
	return data, nil
}

func readAll(ctx context.Context, store pipeline.Reader, file pipeline.File) ([]byte, error) {
	content, err := store.Open(ctx, file.Digest)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(content)
	if err = errors.Join(err, content.Close()); err != nil {
		return nil, err
	}
	if pipeline.DigestOf(data) != file.Digest {
		return nil, fmt.Errorf("%s in the store is damaged", file.Path)
	}
	return data, nil
}

// is reports whether this is the snapshot of an index.
func (n *snapshot) is(i releases.IndexedSnapshot) bool {
	return n.name == i.Snapshot && n.sum == i.SHA256
}

// entries are the versions of the snapshot for merging, by file of metadata. Manifest and
// metadata have to name the same versions.
func (n *snapshot) entries(ctx context.Context) (map[string][]*mergedVersion, error) {
	manifest, errManifest := n.manifest(ctx)
	form, err := n.versions(ctx)
	if err := errors.Join(errManifest, err); err != nil {
		return nil, err
	}
	all := form.Packages
	entries := make(map[string][]*mergedVersion, len(all))
	packages := map[string]bool{} // file and version
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: "+format, append([]any{n.name.Title()}, args...)...))
	}
	for _, p := range manifest.Packages {
		file := p.Name
		if all[file][p.Version] == nil {
			file += "~dev"
		}
		entry := all[file][p.Version]
		if entry == nil {
			bad("%s %s of its %s has no metadata", p.Name, p.Version, releases.ManifestName)
			continue
		}
		packages[file+" "+p.Version] = true
		version := releases.IndexedVersion{Version: p.Version, Snapshots: []releases.SnapshotName{n.name}}
		if p.Dist != nil {
			version.SHA256 = p.Dist.SHA256
		}
		if want := stages.DistPath(p.Name, p.Version); manifest.Plan.Adopted && p.Dist != nil {
			version.Dist = p.Dist.Path
		} else if p.Dist != nil && p.Dist.Path != want {
			bad("the dist of %s %s is %s in its %s, and has to be %s", p.Name, p.Version, p.Dist.Path, releases.ManifestName, want)
		}
		fields, err := composer.ParseFields(entry)
		if err != nil {
			bad("metadata of %s %s: %w", file, p.Version, err)
			continue
		}
		entries[file] = append(entries[file], &mergedVersion{fields: composer.Fields(nil).Expand(fields).At(form.Times[p.Commit]), IndexedVersion: version})
	}
	for _, file := range slices.Sorted(maps.Keys(all)) {
		for version := range all[file] {
			if !packages[file+" "+version] {
				bad("its metadata of %s has the version %s, which is not in %s", file, version, releases.ManifestName)
			}
		}
	}
	return entries, errors.Join(errs...)
}

// readManifest reads a nightly.json. It tolerates keys that it does not know: a
// repository holds snapshots that other versions of this program made.
func (n *snapshot) readManifest(data []byte) error {
	if data == nil {
		return fmt.Errorf("it has no %s", releases.ManifestName)
	}
	var m releases.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("%s: %w", releases.ManifestName, err)
	}
	if m.Format != releases.ManifestFormat {
		return fmt.Errorf("%s has format %d, this program knows %d", releases.ManifestName, m.Format, releases.ManifestFormat)
	}
	if m.Snapshot != n.name {
		return fmt.Errorf("%s is of %s", releases.ManifestName, m.Snapshot.Title())
	}
	n.sum, n.sums = pipeline.DigestOf(data), make([]distSum, len(m.Packages))
	for i, p := range m.Packages {
		switch {
		case p.Dist != nil:
			n.sums[i] = distSum{p.Dist.Path, p.Name, p.Version, p.Dist.SHA256}
		case m.Plan.Adopted:
			n.sums[i] = distSum{pkg: p.Name, version: p.Version}
		default:
			return fmt.Errorf("%s: package %q has no dist", releases.ManifestName, p.Name)
		}
	}
	n.indexed = m.Indexed(n.sum)
	n.manifest = func(context.Context) (*releases.Manifest, error) { return &m, nil }
	return nil
}

// complete compares the snapshot to publish with its manifest: nobody shall get one
// whose files are not those that were proven.
func (n *snapshot) complete() error {
	var errs []error
	sums := distsOf([]*snapshot{n})
	for _, file := range n.dists {
		if want, ok := sums[file.Path]; !ok || want != file.Digest {
			errs = append(errs, fmt.Errorf("%s has SHA-256 %s, its manifest says %q", file.Path, file.Digest, want))
		}
		delete(sums, file.Path)
	}
	for path := range sums {
		errs = append(errs, fmt.Errorf("%s is in the manifest but not in the folder", path))
	}
	return errors.Join(errs...)
}

// distContents are the dists of the snapshot to publish, as files of the target.
func (n *snapshot) distContents(store pipeline.Reader) map[string]target.Content {
	files := make(map[string]target.Content, len(n.dists))
	for _, dist := range n.dists {
		files[dist.Path] = target.Content{
			Size: dist.Size, SHA256: string(dist.Digest), Type: stages.ContentType(dist.Path), Cache: caching(dist.Path),
			Open: func(ctx context.Context) (io.ReadCloser, error) { return store.Open(ctx, dist.Digest) },
		}
	}
	return files
}

// distsOf are the dists that some of these snapshots name.
func distsOf(snapshots []*snapshot) map[string]pipeline.Digest {
	all := map[string]pipeline.Digest{}
	for _, n := range snapshots {
		for _, dist := range n.sums {
			if dist.path != "" {
				all[dist.path] = dist.sum
			}
		}
	}
	return all
}

// fromTarget reads a snapshot that the target has. Its packages.json was written last, so
// that what is missing was taken away by others.
func fromTarget(ctx context.Context, s target.Source, name releases.SnapshotName) (*snapshot, error) {
	n := &snapshot{name: name, versions: versionsFrom(s, name)}
	data, err := target.Read(ctx, s, snapshotFile(name, releases.ManifestName))
	if err == nil {
		err = n.readManifest(data)
	}
	if err != nil {
		return nil, unreadable(s, name, err)
	}
	return n, nil
}

// fromIndex gives a snapshot that is read from the target's index alone.
func fromIndex(s target.Source, i releases.IndexedSnapshot) *snapshot {
	return &snapshot{
		name: i.Snapshot, sum: i.SHA256, indexed: i, versions: versionsFrom(s, i.Snapshot),
		manifest: func(ctx context.Context) (*releases.Manifest, error) {
			n, err := fromTarget(ctx, s, i.Snapshot)
			if err != nil {
				return nil, err
			}
			if !n.is(i) {
				return nil, unreadable(s, i.Snapshot, fmt.Errorf("%s has SHA-256 %s, and it was published with %s", releases.ManifestName, n.sum, i.SHA256))
			}
			return n.manifest(ctx)
		},
	}
}

// versionsFrom reads the metadata of a snapshot that the target has.
func versionsFrom(s target.Source, name releases.SnapshotName) func(context.Context) (versionsForm, error) {
	return func(ctx context.Context) (versionsForm, error) {
		data, err := target.Read(ctx, s, snapshotFile(name, versionsFile))
		if err != nil {
			return versionsForm{}, unreadable(s, name, err)
		}
		all, err := parseVersions(data)
		if err != nil {
			return all, unreadable(s, name, err)
		}
		return all, nil
	}
}

// unreadable says what to do about a snapshot that cannot be read.
func unreadable(s target.Source, name releases.SnapshotName, err error) error {
	return fmt.Errorf("%s of the repository: %w; put back %s/%s, or remove it to give the snapshot up", name.Title(), err, s, name.Dir())
}

// names are the names of snapshots, in their order.
func names(snapshots []*snapshot) []releases.SnapshotName {
	list := make([]releases.SnapshotName, len(snapshots))
	for i, n := range snapshots {
		list[i] = n.name
	}
	return list
}
