package publish

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

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
	pkg := packageOf(file)
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

// files are the files of metadata that a night has, as composer.EncodeMetadata wrote
// them.
func (v versions) files() (map[string][]byte, error) {
	files := make(map[string][]byte, 2*len(v))
	parse := versionParser()
	for file := range v {
		// Composer asks for both files of a package, whichever have versions.
		pkg := packageOf(file)
		if files[pkg+".json"] != nil {
			continue
		}
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
	size := len(head) + len(name) + 32
	for _, entry := range entries {
		size += len(entry) + 1
	}
	text := append(make([]byte, 0, size), "{"+head+`"packages":{`+string(name)+":["...)
	for i, entry := range entries {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, entry...)
	}
	return append(text, metadataEnd...)
}

// metadataEnd is what a file of metadata ends with.
const metadataEnd = "]}}\n"
