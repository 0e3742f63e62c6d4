package publish

import (
	"bytes"
	"cmp"
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

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/releases/composer"
)

// Versions are entries of Composer metadata, as they stand in a package's file: by
// the file's name without .json (acme/shop, acme/shop~dev), then by version.
type versions map[string]map[string]jsontext.Value

// A versionsForm is a versionsFile. Packages lies where it does in Composer's own
// files, so that whoever changes a base URL finds the entries.
type versionsForm struct {
	Format   int      `json:"format"` // versionsFormat
	Packages versions `json:"packages"`
}

const versionsFormat = 1

func (v versions) encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(versionsForm{versionsFormat, v})
	return b.Bytes(), err
}

// parseVersions reads a versionsFile.
func parseVersions(data []byte) (versions, error) {
	var form versionsForm
	if err := jsonv2.Unmarshal(data, &form); err != nil {
		return nil, fmt.Errorf("%s: %w", versionsFile, err)
	}
	if form.Format != versionsFormat {
		return nil, fmt.Errorf("%s has format %d, this program knows %d", versionsFile, form.Format, versionsFormat)
	}
	return form.Packages, nil
}

// versionsOf takes the entries out of the metadata of a night.
func versionsOf(metadata map[string][]byte) (versions, error) {
	all := versions{}
	var errs []error
	for _, name := range sorted(metadata) {
		file, ok := strings.CutSuffix(name, ".json")
		if !ok {
			continue
		}
		if err := all.add(file, metadata[name]); err != nil {
			errs = append(errs, fmt.Errorf("metadata %s: %w", name, err))
		}
	}
	return all, errors.Join(errs...)
}

func (v versions) add(file string, data []byte) error {
	var form struct {
		Packages map[string][]jsontext.Value `json:"packages"`
	}
	if err := jsonv2.Unmarshal(data, &form); err != nil {
		return err
	}
	pkg := strings.TrimSuffix(file, "~dev")
	for name := range form.Packages {
		if name != pkg {
			return fmt.Errorf("holds the package %q", name)
		}
	}
	v[file] = make(map[string]jsontext.Value, len(form.Packages[pkg]))
	for _, raw := range form.Packages[pkg] {
		var entry struct {
			Version string `json:"version"`
		}
		if err := jsonv2.Unmarshal(raw, &entry); err != nil {
			return err
		}
		if _, twice := v[file][entry.Version]; twice {
			return fmt.Errorf("holds the version %s twice", entry.Version)
		}
		v[file][entry.Version] = raw
	}
	return nil
}

// mergedNights is the file in a metadata folder that says of what it was made.
type mergedNights struct {
	URL    string   `json:"url"`
	Nights []string `json:"nights"` // newest first
}

// merge makes the metadata of nights: every version of a package that one of them
// has. The folder's name is its content's, so that what is behind an address never
// changes.
func merge(ctx context.Context, nights []*night, base string) (name string, files map[string][]byte, err error) {
	all, err := readVersions(ctx, nights)
	if err != nil {
		return "", nil, err
	}
	merged := map[string]*mergedPackage{}
	var errs []error
	for i, n := range nights {
		for file, entries := range all[i] {
			if merged[file] == nil {
				merged[file] = &mergedPackage{entries: make(map[string]mergedVersion, len(nights))}
			}
			if err := merged[file].add(file, n.name, entries); err != nil {
				errs = append(errs, err)
			}
		}
	}
	if len(errs) > 0 {
		slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		return "", nil, errors.Join(errs...)
	}
	files = map[string][]byte{}
	parse := versionParser()
	for file, pkg := range merged {
		// Composer asks for both files of a package, whichever have versions.
		other, isDev := strings.CutSuffix(file, "~dev")
		if !isDev {
			other += "~dev"
		}
		if merged[other] == nil {
			files[other+".json"], err = (&mergedPackage{}).encode(other, parse)
			errs = append(errs, err)
		}
		files[file+".json"], err = pkg.encode(file, parse)
		errs = append(errs, err)
	}
	files[mergedFile], err = encode(mergedNights{base, names(nights)})
	return contentName(files), files, errors.Join(append(errs, err)...)
}

// readVersions gives the metadata of each night.
func readVersions(ctx context.Context, nights []*night) ([]versions, error) {
	all := make([]versions, len(nights))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for i, n := range nights {
		group.Go(func() (err error) {
			all[i], err = n.versions(ctx)
			return err
		})
	}
	return all, group.Wait()
}

// A mergedPackage is what all nights have of one file of metadata.
type mergedPackage struct{ entries map[string]mergedVersion }

// A mergedVersion is one version and the first night in which it was found.
type mergedVersion struct {
	entry jsontext.Value
	night string
}

// add adds the versions of a night. The same version in two nights is one, and has
// to be the same in both.
func (p *mergedPackage) add(file, night string, entries map[string]jsontext.Value) error {
	var errs []error
	for version, entry := range entries {
		if old, ok := p.entries[version]; ok && !bytes.Equal(old.entry, entry) {
			errs = append(errs, fmt.Errorf("version %s of %s in night %s is not what it is in night %s; plan the night again to get the next free number", version, file, night, old.night))
		}
		p.entries[version] = mergedVersion{entry, night}
	}
	return errors.Join(errs...)
}

// encode writes a file of metadata as composer.EncodeMetadata does, of entries
// that it wrote: newest first.
func (p *mergedPackage) encode(file string, parse func(string) (composer.Version, error)) ([]byte, error) {
	list := make([]composer.Version, 0, len(p.entries))
	for text := range p.entries {
		version, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("metadata of %s: %w", file, err)
		}
		list = append(list, version)
	}
	slices.SortFunc(list, func(a, b composer.Version) int {
		return cmp.Or(b.Compare(a), strings.Compare(b.String(), a.String()))
	})
	name, err := json.Marshal(strings.TrimSuffix(file, "~dev"))
	if err != nil {
		return nil, err
	}
	b := bytes.NewBufferString(`{"packages":{` + string(name) + `:[`)
	for i, version := range list {
		if i > 0 {
			b.WriteByte(',')
			if list[i-1].Compare(version) == 0 {
				return nil, fmt.Errorf("metadata of %s: Composer cannot tell version %s of night %s from %s of night %s",
					file, list[i-1], p.entries[list[i-1].String()].night, version, p.entries[version.String()].night)
			}
		}
		b.Write(p.entries[version.String()].entry)
	}
	b.WriteString("]}}\n")
	return b.Bytes(), nil
}

// versionParser is composer.ParseVersion that knows what it parsed: the packages of a night
// have nearly all the same version.
func versionParser() func(string) (composer.Version, error) {
	known := map[string]composer.Version{}
	return func(text string) (composer.Version, error) {
		version, ok := known[text]
		if ok {
			return version, nil
		}
		version, err := composer.ParseVersion(text)
		if err == nil {
			known[text] = version
		}
		return version, err
	}
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

func names(nights []*night) []string {
	list := make([]string, len(nights))
	for i, n := range nights {
		list[i] = n.name
	}
	return list
}
