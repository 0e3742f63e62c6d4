package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/releases/composer"
)

// mergedNights is the file in a metadata folder that says of what it was made.
type mergedNights struct {
	URL    string   `json:"url"`
	Nights []string `json:"nights"` // newest first
}

// merge makes the metadata of all kept nights: every version of a package that
// one of them has. The folder is named by its content, so that what is behind an
// address never changes.
func (r *repository) merge(ctx context.Context) error {
	nights, err := r.readNights(ctx)
	if err != nil {
		return err
	}
	files := map[string]*versions{}
	var errs []error
	for i, n := range r.nights {
		metadata := nights[i]
		for _, name := range sorted(metadata) {
			pkg, ok := strings.CutSuffix(name, ".json")
			if !ok {
				continue
			}
			if files[pkg] == nil {
				files[pkg] = &versions{entries: map[string]versionOf{}}
			}
			if err := files[pkg].add(n.name, strings.TrimSuffix(pkg, "~dev"), metadata[name]); err != nil {
				errs = append(errs, fmt.Errorf("metadata %s of night %s: %w", name, n.name, err))
			}
		}
	}
	r.metadata = map[string][]byte{}
	for pkg, all := range files {
		// Composer asks for both files of a package, whichever have versions.
		other, isDev := strings.CutSuffix(pkg, "~dev")
		if !isDev {
			other += "~dev"
		}
		if files[other] == nil {
			errs = append(errs, r.encodeVersions(other, &versions{}))
		}
		errs = append(errs, r.encodeVersions(pkg, all))
	}
	names, err := encode(mergedNights{r.base, r.names()})
	r.metadata[mergedFile] = names
	r.meta = contentName(r.metadata)
	return errors.Join(append(errs, err)...)
}

// readNights gives the metadata of each kept night.
func (r *repository) readNights(ctx context.Context) ([]map[string][]byte, error) {
	nights := make([]map[string][]byte, len(r.nights))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4) // thousands of small files
	for i, n := range r.nights {
		group.Go(func() (err error) {
			nights[i], err = n.metadata(ctx)
			return err
		})
	}
	return nights, group.Wait()
}

func (r *repository) encodeVersions(pkg string, all *versions) error {
	list := make([]composer.PackageVersion, 0, len(all.entries))
	for _, v := range all.entries {
		list = append(list, v.PackageVersion)
	}
	data, err := composer.EncodeMetadata(composer.Name(strings.TrimSuffix(pkg, "~dev")), list)
	r.metadata[pkg+".json"] = data
	return err
}

// versions are those of one package, by their text.
type versions struct{ entries map[string]versionOf }

// A versionOf is one version and the first night in which it was found.
type versionOf struct {
	composer.PackageVersion
	night string
	text  string // its entry, for the comparison
}

// add adds the versions of one file of a night. The same version in two nights
// is one, and has to be the same in both.
func (v *versions) add(night, pkg string, data []byte) error {
	var file struct {
		Packages map[string][]json.RawMessage `json:"packages"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return err
	}
	for name := range file.Packages {
		if name != pkg {
			return fmt.Errorf("holds the package %q", name)
		}
	}
	for _, raw := range file.Packages[pkg] {
		entry, err := readVersion(raw)
		if err != nil {
			return err
		}
		entry.night, entry.text = night, string(raw)
		version := entry.Manifest.Version()
		if old, ok := v.entries[version]; ok && old.text != entry.text {
			return fmt.Errorf("version %s is not what it is in night %s; plan the night again to get the next free number", version, old.night)
		}
		v.entries[version] = entry
	}
	return nil
}

func readVersion(raw []byte) (versionOf, error) {
	m, err := composer.ParseManifest(raw)
	if err != nil {
		return versionOf{}, err
	}
	entry := versionOf{PackageVersion: composer.PackageVersion{Manifest: m}}
	if dist, ok := m.Get("dist"); ok {
		entry.Dist = &composer.Dist{}
		err = json.Unmarshal(dist, entry.Dist)
	}
	return entry, err
}

// contentName is a SHA-256 over paths, sizes and contents.
func contentName(files map[string][]byte) string {
	hash := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		_, _ = io.WriteString(hash, name+"\x00"+strconv.Itoa(len(files[name]))+"\x00") // a hash takes everything
		_, _ = hash.Write(files[name])
	}
	return hex.EncodeToString(hash.Sum(nil))
}
