package publish

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// Versions are entries of Composer metadata, as they stand in a package's file: by
// the file's name without .json (acme/shop, acme/shop~dev), then by version.
type versions map[string]map[string]jsontext.Value

// A versionsForm is a versionsFile. Packages lies where it does in Composer's own
// files, so that whoever changes a base URL finds the entries.
type versionsForm struct {
	Format int `json:"format"` // versionsFormat
	// Times are the times of the commits from which the packages were built, as RFC 3339:
	// merged metadata says it of each version.
	Times    map[string]string `json:"times,omitempty"`
	Packages versions          `json:"packages"`
}

const versionsFormat = 1

func (f versionsForm) encode() ([]byte, error) { return pipeline.EncodeJSON(f, "") }

// parseVersions reads a versionsFile.
func parseVersions(data []byte) (form versionsForm, err error) {
	if err := jsonv2.Unmarshal(data, &form); err != nil {
		return form, fmt.Errorf("%s: %w", versionsFile, err)
	}
	if form.Format != versionsFormat {
		return form, fmt.Errorf("%s has format %d, this program knows %d", versionsFile, form.Format, versionsFormat)
	}
	return form, nil
}

// versionsOf takes the entries out of the metadata of a snapshot that is to be published, or was adopted.
func versionsOf(files map[string][]byte, adopted bool) (versions, error) {
	all := versions{}
	var errs []error
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if file := stages.MetadataName(path); file != "" {
			if err := all.add(file, files[path], adopted); err != nil {
				errs = append(errs, fmt.Errorf("metadata %s.json: %w", file, err))
			}
		}
	}
	return all, errors.Join(errs...)
}

func (v versions) add(file string, data []byte, adopted bool) error {
	entries, err := metadataEntries(file, data)
	if err != nil {
		return err
	}
	v[file] = make(map[string]jsontext.Value, len(entries))
	for _, raw := range entries {
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
		fields, err := composer.ParseFields(raw)
		if err == nil {
			err = fields.Publishable(adopted)
		}
		if err != nil {
			return fmt.Errorf("version %s: %w", entry.Version, err)
		}
	}
	return nil
}

// files are the files of metadata that a snapshot has, as composer.EncodeMetadata wrote
// them.
func (v versions) files() (map[string][]byte, error) {
	files := make(map[string][]byte, 2*len(v))
	parse := versionParser()
	for file := range v {
		pkg := packageOf(file)
		for _, name := range []string{pkg, pkg + "~dev"} {
			list := make([]composer.Version, 0, len(v[name]))
			for text := range v[name] {
				version, err := parse(text)
				if err != nil {
					return nil, fmt.Errorf("metadata of %s: %w", name, err)
				}
				list = append(list, version)
			}
			slices.SortFunc(list, newestVersion)
			entries := make([]jsontext.Value, len(list))
			for i, version := range list {
				entries[i] = v[name][version.String()]
			}
			files[name+".json"] = metadataFile("", pkg, entries)
		}
	}
	return files, nil
}

// metadataFile writes a file of metadata as composer.EncodeMetadata does; head is what
// comes before the packages.
func metadataFile[T ~[]byte](head, pkg string, entries []T) []byte {
	name, _ := json.Marshal(pkg) // a string always can be written
	var text bytes.Buffer
	text.WriteString("{" + head + `"packages":{` + string(name) + ":[")
	for i, entry := range entries {
		if i > 0 {
			text.WriteByte(',')
		}
		text.Write(entry)
	}
	text.WriteString("]}}\n")
	return text.Bytes()
}

// metadataEntries reads the versions in a file of metadata.
func metadataEntries(file string, data []byte) ([]jsontext.Value, error) {
	var form struct {
		Packages map[string][]jsontext.Value `json:"packages"`
	}
	if err := jsonv2.Unmarshal(data, &form); err != nil {
		return nil, err
	}
	for name := range form.Packages {
		if name != packageOf(file) {
			return nil, fmt.Errorf("holds the package %q", name)
		}
	}
	return form.Packages[packageOf(file)], nil
}
