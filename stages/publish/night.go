package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// A night is one night of the repository.
type night struct {
	name     string
	manifest *releases.Manifest
	sum      pipeline.Digest // of its nightly.json
	// versions gives its metadata. It is read when asked: of nights that are no
	// longer resolved, nobody wants it.
	versions func(context.Context) (versions, error)

	// Of the night to publish only: its folder without the dists, rendered, and
	// the dists.
	files map[string][]byte
	dists []pipeline.File
}

// tagged reports whether a night is a tagged release, which stays for ever: it is
// of a line whose versions are no night's.
func (n *night) tagged() bool {
	return !slices.Contains(nightlyPolicies, n.manifest.Plan.Line.Versions.Policy)
}

// nightlyPolicies are the releases.Versions.Policy of lines whose versions hold the
// date; the empty one is the default.
var nightlyPolicies = []string{"", "nightly"}

// fromStore reads the night to publish and renders its metadata for its place.
func fromStore(ctx context.Context, store pipeline.Reader, n stages.Night, base string) (*night, error) {
	fail := func(err error) (*night, error) {
		return nil, fmt.Errorf("read night %s: %w; build it again with --fresh", n.Name, err)
	}
	all, err := store.Files(ctx, n.Tree)
	if err != nil {
		return fail(err)
	}
	add := &night{name: n.Name, files: map[string][]byte{}}
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
func (n *night) finish() error {
	if _, ok := n.files[stages.PackagesFile]; !ok {
		return fmt.Errorf("it has no %s", stages.PackagesFile)
	}
	if err := n.readManifest(n.files[releases.ManifestName], nil); err != nil {
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

// place renders a file of a night's folder for nights/<name>/: the night's
// metadata lies there, its dists in the folder that all nights share.
func place(name string, data []byte, base, night string) ([]byte, error) {
	switch {
	case name == stages.PackagesFile:
		return stages.Render(data, base+nightsDir+"/"+night+"/")
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

// readManifest reads a nightly.json. It tolerates keys that it does not know: a
// repository holds nights that other versions of this program made. One that is
// known by its sum is not read again.
func (n *night) readManifest(data []byte, known Manifests) error {
	if data == nil {
		return fmt.Errorf("it has no %s", releases.ManifestName)
	}
	n.sum = pipeline.DigestOf(data)
	if n.manifest = known[n.sum]; n.manifest == nil {
		n.manifest = &releases.Manifest{}
		if err := json.Unmarshal(data, n.manifest); err != nil {
			return fmt.Errorf("%s: %w", releases.ManifestName, err)
		}
	}
	if n.manifest.Format != releases.ManifestFormat {
		return fmt.Errorf("%s has format %d, this program knows %d", releases.ManifestName, n.manifest.Format, releases.ManifestFormat)
	}
	if n.manifest.Night != n.name {
		return fmt.Errorf("%s is of night %s", releases.ManifestName, n.manifest.Night)
	}
	return nil
}

// distSums gives the SHA-256 of each dist that the manifest names, by its path.
func (n *night) distSums() map[string]pipeline.Digest {
	sums := make(map[string]pipeline.Digest, len(n.manifest.Packages))
	for _, p := range n.manifest.Packages {
		if p.Dist != nil {
			sums[p.Dist.Path] = p.Dist.SHA256
		}
	}
	return sums
}

// complete compares the night to publish with its manifest: nobody shall get a
// night whose files are not those that were proven.
func (n *night) complete() error {
	var errs []error
	sums := n.distSums()
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
func (n *night) distContents(store pipeline.Reader) map[string]target.Content {
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
func fromTarget(ctx context.Context, s target.Source, name string, known Manifests) (*night, error) {
	fail := func(err error) (*night, error) {
		return nil, fmt.Errorf("night %s of the repository: %w; put back %s/%s/%s, or remove it to give the night up", name, err, s, nightsDir, name)
	}
	data, err := target.Read(ctx, s, nightFile(name, releases.ManifestName))
	if err != nil {
		return fail(err)
	}
	n := &night{name: name}
	if err := n.readManifest(data, known); err != nil {
		return fail(err)
	}
	n.versions = func(ctx context.Context) (versions, error) {
		data, err := target.Read(ctx, s, nightFile(name, versionsFile))
		if err == nil {
			var all versions
			if all, err = parseVersions(data); err == nil {
				return all, nil
			}
		}
		_, err = fail(err)
		return nil, err
	}
	return n, nil
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
