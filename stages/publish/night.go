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

// A night is one night of the repository.
type snapshot struct {
	name    string
	sum     pipeline.Digest // of its nightly.json
	indexed releases.IndexedSnapshot
	sums    []distSum // of the dists that it has
	// manifest and versions give its nightly.json and its metadata. They are read when
	// asked for: most runs want those of few nights.
	manifest func(context.Context) (*releases.Manifest, error)
	versions func(context.Context) (versions, error)

	// Of the night to publish only: its folder without the dists, rendered, and
	// the dists.
	files map[string][]byte
	dists []pipeline.File
}

// A distSum is the SHA-256 of a dist.
type distSum struct {
	path string
	sum  pipeline.Digest
}

// tagged reports whether a night is a tagged release, which stays for ever: it is
// of a line whose versions are no night's.
func (n *snapshot) tagged() bool {
	return !slices.Contains(nightlyPolicies, n.indexed.Policy)
}

// nightlyPolicies are the releases.Versions.Policy of lines whose versions hold the
// date; the empty one is the default.
var nightlyPolicies = []string{"", "nightly"}

// fromStore reads the night to publish and renders its metadata for its place.
func fromStore(ctx context.Context, store pipeline.Reader, n stages.Snapshot, base string) (*snapshot, error) {
	fail := func(err error) (*snapshot, error) {
		return nil, fmt.Errorf("read night %s: %w; build it again with --fresh", n.Name, err)
	}
	all, err := store.Files(ctx, n.Tree)
	if err != nil {
		return fail(err)
	}
	add := &snapshot{name: n.Name, files: map[string][]byte{}}
	for _, file := range all {
		if file.Mode == pipeline.Symlink {
			return fail(fmt.Errorf("%s is a symbolic link", file.Path))
		}
		if err := pipeline.ValidPath(file.Path); err != nil {
			return fail(err)
		}
		if strings.HasPrefix(file.Path, stages.DistsDir+"/") {
			add.dists = append(add.dists, file)
			continue
		}
		data, err := readAll(ctx, store, file)
		if err != nil {
			return fail(err)
		}
		if add.files[file.Path], err = place(file.Path, data, base, n.Name); err != nil {
			return fail(fmt.Errorf("%s: %w", file.Path, err))
		}
	}
	if err := add.finish(); err != nil {
		return fail(err)
	}
	return add, nil
}

// finish completes a night that was read from a store.
func (n *snapshot) finish() error {
	if _, ok := n.files[stages.PackagesFile]; !ok {
		return fmt.Errorf("it has no %s", stages.PackagesFile)
	}
	if err := n.readManifest(n.files[releases.ManifestName]); err != nil {
		return err
	}
	all, err := versionsOf(below(n.files, stages.MetadataDir))
	if err != nil {
		return err
	}
	n.versions = func(context.Context) (versions, error) { return all, nil }
	if n.files[versionsFile], err = all.encode(); err != nil {
		return err
	}
	return n.complete()
}

// place renders a file of a night's folder for its place in the repository: its
// metadata lies there, its dists in the folder that all nights share.
func place(name string, data []byte, base, snapshot string) ([]byte, error) {
	switch {
	case name == stages.PackagesFile:
		return stages.Render(data, base+snapshotFile(snapshot, "")+"/")
	case stages.IsMetadata(name):
		return stages.Render(data, base)
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

// is reports whether this is the night of an index.
func (n *snapshot) is(i releases.IndexedSnapshot) bool {
	return n.name == i.Snapshot && n.sum == i.SHA256
}

// entries are the versions of the night for merging, by file.
func (n *snapshot) entries(ctx context.Context) (map[string][]*mergedVersion, error) {
	manifest, err := n.manifest(ctx)
	if err != nil {
		return nil, err
	}
	all, err := n.versions(ctx)
	if err != nil {
		return nil, err
	}
	entries := make(map[string][]*mergedVersion, len(all))
	packages := map[string]bool{} // file and version
	var errs []error
	for _, p := range manifest.Packages {
		if p.Dist == nil {
			continue
		}
		file := p.Name
		entry, ok := all[file][p.Version]
		if !ok {
			file += "~dev"
			if entry, ok = all[file][p.Version]; !ok {
				errs = append(errs, fmt.Errorf("night %s: %s %s of its %s has no metadata", n.name, p.Name, p.Version, releases.ManifestName))
				continue
			}
		}
		packages[file+" "+p.Version] = true
		if want := stages.DistPath(p.Name, p.Version); p.Dist.Path != want {
			errs = append(errs, fmt.Errorf("night %s: the dist of %s %s is %s in its %s, and has to be %s", n.name, p.Name, p.Version, p.Dist.Path, releases.ManifestName, want))
		}
		fields, err := composer.ParseFields(entry)
		if err != nil {
			errs = append(errs, fmt.Errorf("night %s: metadata of %s %s: %w", n.name, file, p.Version, err))
			continue
		}
		entries[file] = append(entries[file], &mergedVersion{fields: composer.Fields(nil).Expand(fields), IndexedVersion: releases.IndexedVersion{
			Version: p.Version, SHA256: p.Dist.SHA256, Snapshots: []string{n.name},
		}})
	}
	for _, file := range slices.Sorted(maps.Keys(all)) {
		for version := range all[file] {
			if !packages[file+" "+version] {
				errs = append(errs, fmt.Errorf("night %s: its metadata of %s has the version %s, which is not in %s", n.name, file, version, releases.ManifestName))
			}
		}
	}
	return entries, errors.Join(errs...)
}

// readManifest reads a nightly.json. It tolerates keys that it does not know: a
// repository holds nights that other versions of this program made.
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
	if string(m.Snapshot) != n.name {
		return fmt.Errorf("%s is of night %s", releases.ManifestName, m.Snapshot)
	}
	n.sum, n.sums = pipeline.DigestOf(data), make([]distSum, 0, len(m.Packages))
	for _, p := range m.Packages {
		if p.Dist != nil {
			n.sums = append(n.sums, distSum{p.Dist.Path, p.Dist.SHA256})
		}
	}
	n.indexed = m.Indexed(n.sum)
	n.manifest = func(context.Context) (*releases.Manifest, error) { return &m, nil }
	return nil
}

// complete compares the night to publish with its manifest: nobody shall get a
// night whose files are not those that were proven.
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

// distContents are the dists of the night to publish, as files of the target.
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

// fromTarget reads a night that the target has. Its packages.json was written
// last, so that what is missing was taken away by others.
func fromTarget(ctx context.Context, s target.Source, name string) (*snapshot, error) {
	n := &snapshot{name: name}
	data, err := target.Read(ctx, s, snapshotFile(name, releases.ManifestName))
	if err == nil {
		err = n.readManifest(data)
	}
	if err != nil {
		return nil, unreadable(s, name, err)
	}
	n.versions = versionsFrom(s, name)
	return n, nil
}

// laterFrom is a night of which the target's index says enough.
func laterFrom(s target.Source, i releases.IndexedSnapshot) *snapshot {
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

// versionsFrom reads the metadata of a night that the target has.
func versionsFrom(s target.Source, name string) func(context.Context) (versions, error) {
	return func(ctx context.Context) (versions, error) {
		data, err := target.Read(ctx, s, snapshotFile(name, versionsFile))
		if err != nil {
			return nil, unreadable(s, name, err)
		}
		all, err := parseVersions(data)
		if err != nil {
			return nil, unreadable(s, name, err)
		}
		return all, nil
	}
}

// unreadable says what to do about a night that cannot be read.
func unreadable(s target.Source, name string, err error) error {
	return fmt.Errorf("night %s of the repository: %w; put back %s/%s, or remove it to give it up", name, err, s, snapshotFile(name, ""))
}

// below gives the files of a folder, by their paths from there.
func below(files map[string][]byte, dir string) map[string][]byte {
	found := map[string][]byte{}
	for name, data := range files {
		if rest, ok := strings.CutPrefix(name, dir+"/"); ok {
			found[rest] = data
		}
	}
	return found
}
