package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// A night is one night of the repository.
type night struct {
	name     string
	manifest *releases.Manifest
	sum      pipeline.Digest // of its nightly.json
	// metadata gives the rendered files below stages.MetadataDir, by their path
	// from there. It reads them when asked: most nights' are wanted once.
	metadata func(context.Context) (map[string][]byte, error)

	// Of the night to publish only: its folder without the dists, rendered, and
	// the dists.
	files map[string][]byte
	dists []pipeline.File
}

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
	if _, ok := add.files[stages.PackagesFile]; !ok {
		return fail(fmt.Errorf("it has no %s", stages.PackagesFile))
	}
	if err := add.readManifest(add.files[releases.ManifestName]); err != nil {
		return fail(err)
	}
	add.metadata = func(context.Context) (map[string][]byte, error) { return below(add.files, stages.MetadataDir), nil }
	if err := add.complete(); err != nil {
		return fail(err)
	}
	return add, nil
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
	if digest(data) != file.Digest {
		return nil, fmt.Errorf("%s in the store is damaged", file.Path)
	}
	return data, nil
}

// readManifest reads a nightly.json. It tolerates keys that it does not know: a
// repository holds nights that other versions of this program made.
func (n *night) readManifest(data []byte) error {
	if data == nil {
		return fmt.Errorf("it has no %s", releases.ManifestName)
	}
	n.sum = digest(data)
	n.manifest = &releases.Manifest{}
	if err := json.Unmarshal(data, n.manifest); err != nil {
		return fmt.Errorf("%s: %w", releases.ManifestName, err)
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

// fromDisk reads a night that the target has. The folder came there by one
// rename, so what is missing was taken away by others.
func fromDisk(dir, name, base string) (*night, error) {
	folder := filepath.Join(dir, nightsDir, name)
	fail := func(err error) (*night, error) {
		return nil, fmt.Errorf("night %s of the repository: %w; put back %s, or remove it to give the night up", name, err, folder)
	}
	data, err := os.ReadFile(filepath.Join(folder, releases.ManifestName))
	if err != nil {
		return fail(err)
	}
	n := &night{name: name}
	if err := n.readManifest(data); err != nil {
		return fail(err)
	}
	s, err := readSwitch(folder)
	if err != nil {
		return fail(err)
	}
	if at, ok := strings.CutSuffix(s.MetadataURL, nightsDir+"/"+name+"/"+stages.MetadataDir+"/%package%.json"); !ok || at != base {
		return nil, otherBase(dir, name, s.MetadataURL, base)
	}
	n.metadata = func(ctx context.Context) (map[string][]byte, error) {
		files, err := readFolder(ctx, filepath.Join(folder, stages.MetadataDir))
		if err != nil {
			_, err = fail(err)
		}
		return files, err
	}
	return n, nil
}

func otherBase(dir, night, url, base string) error {
	return fmt.Errorf("night %s in %s has its metadata at %s, which is not below %s; publish with the URL that the repository has, or to an empty folder", night, dir, url, base)
}

// readFolder reads all files below a folder, by their slash-separated paths.
func readFolder(ctx context.Context, dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return errors.Join(err, ctx.Err())
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = data
		return err
	})
	return files, err
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
