package releases

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/config"
)

// IndexName is the name of the index in a folder of merged metadata.
const IndexName = "index.json"

// An Index says which snapshots the merged metadata of a repository is made of, and for
// each version its dist and the snapshots that have it. So a snapshot can be added or
// taken out without reading the others, whose number does not matter. The index is
// derived: one that is lost is made of the snapshots' manifests and metadata again.
//
// The SHA-256 of its index names a folder of metadata; the index has those of all other
// files of the folder.
type Index struct {
	Format    int               `json:"format"`    // IndexFormat
	URL       string            `json:"url"`       // base URL for which the metadata was merged
	Snapshots []IndexedSnapshot `json:"snapshots"` // newest first
	Files     []IndexedFile     `json:"files"`     // of metadata, in byte order of their names
}

// IndexFormat is the format of indexes that this program reads and writes.
const IndexFormat = 1

// An IndexedSnapshot is what the index says of a snapshot.
type IndexedSnapshot struct {
	Snapshot SnapshotName    `json:"snapshot"`
	SHA256   pipeline.Digest `json:"sha256"` // of its manifest
	Line     string          `json:"line"`   // name of its line
	// Tags are those that are whole in it, by repository. None: its line builds branches.
	Tags []IndexedTags `json:"tags"`
	// Notes are the manifest's.
	Notes []Note `json:"notes,omitempty"`
	// Data is the commit of the line's data, and Directories those of it whose zips the
	// snapshot took over. Both are empty where the line has none.
	Data        string   `json:"data"`
	Directories []string `json:"directories"`
}

// IndexedTags are the tags of one repository.
type IndexedTags struct {
	Repository string       `json:"repository"`
	Tags       []PlannedTag `json:"tags"`
}

// An IndexedFile is one file of metadata: acme/shop.json or acme/shop~dev.json.
type IndexedFile struct {
	Name     string           `json:"name"` // without .json
	SHA256   pipeline.Digest  `json:"sha256"`
	Type     string           `json:"type"`     // of the package, in the newest version
	Versions []IndexedVersion `json:"versions"` // newest first, as in the file
	// Said is what the file says of versions beside them.
	Said composer.Said `json:"said,omitzero"`
}

// An IndexedVersion is one version of a package.
type IndexedVersion struct {
	Version   string          `json:"version"`
	SHA256    pipeline.Digest `json:"sha256"`              // of its dist; empty: an adopted one has none here
	Snapshots []SnapshotName  `json:"snapshots"`           // that have it, newest first
	Dist      string          `json:"dist,omitempty"`      // path of the dist of an adopted version; of all others it is known
	Withdrawn bool            `json:"withdrawn,omitempty"` // it is not in the file
}

// Encode writes the index as a file, on one line: the same index is the same file.
func (i *Index) Encode() ([]byte, error) {
	versions := 0
	for _, file := range i.Files {
		versions += 1 + len(file.Versions)
	}
	b := bytes.NewBuffer(make([]byte, 0, indexedBytes*(versions+len(i.Snapshots))))
	if err := jsonv2.MarshalWrite(b, i); err != nil {
		return nil, fmt.Errorf("encode %s: %w", IndexName, err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// indexedBytes is how many bytes an index has for each version, about.
const indexedBytes = 160

// ParseIndex reads an index. Whether it is the one that was written, its folder's name
// tells.
func ParseIndex(data []byte) (*Index, error) {
	var i Index
	if err := decodeBounded(IndexName, maxIndex, IndexFormat, data, &i, &i.Format); err != nil {
		return nil, err
	}
	for n, s := range i.Snapshots {
		if s.Snapshot.Kind() == 0 {
			return nil, config.Errorf("%s: snapshots[%d] has no name", IndexName, n)
		}
	}
	return &i, nil
}

// maxIndex bounds an index, in bytes; see indexedBytes.
const maxIndex = 512 << 20

// Indexed is the entry of an index for the snapshot whose manifest has that SHA-256.
func (m *Manifest) Indexed(sum pipeline.Digest) IndexedSnapshot {
	line := m.Plan.Line
	n := IndexedSnapshot{
		Snapshot: m.Snapshot, SHA256: sum, Line: line.Name,
		Tags: []IndexedTags{}, Directories: []string{}, Notes: m.Notes,
	}
	for _, r := range m.Plan.Repositories {
		tags := slices.DeleteFunc(slices.Clone(r.Tags), func(t PlannedTag) bool {
			return slices.ContainsFunc(m.Notes, func(note Note) bool {
				return note.LeftOut && note.Repository == r.Name && slices.Contains(note.Tags, t.Tag)
			})
		})
		if len(tags) > 0 {
			n.Tags = append(n.Tags, IndexedTags{r.Name, tags})
		}
	}
	if line.Data != nil {
		n.Data = line.Data.Commit
	}
	for _, from := range line.Prebuilt {
		if from.Directory != "" {
			n.Directories = append(n.Directories, from.Directory)
		}
	}
	return n
}

// File is the file of that name; nil if there is none.
func (i *Index) File(name string) *IndexedFile {
	at, ok := slices.BinarySearchFunc(i.Files, name, func(f IndexedFile, name string) int { return strings.Compare(f.Name, name) })
	if !ok {
		return nil
	}
	return &i.Files[at]
}

// Version is what the index has of a version, however that is written; nil if it has none.
func (i *Index) Version(name, version string) *IndexedVersion {
	want, _ := composer.ParseVersion(version) // the empty one is nowhere
	for _, file := range []string{name, name + "~dev"} {
		f := i.File(file)
		if f == nil {
			continue
		}
		at, ok := slices.BinarySearchFunc(f.Versions, want, func(v IndexedVersion, want composer.Version) int {
			has, _ := composer.ParseVersion(v.Version)
			return want.Compare(has)
		})
		if ok {
			return &f.Versions[at]
		}
	}
	return nil
}

// Keep is the index of only those snapshots that a plan names. Its files are no longer
// those of a folder.
func (i *Index) Keep(snapshots []Continued) *Index {
	named := func(snapshot SnapshotName) bool {
		return slices.ContainsFunc(snapshots, func(c Continued) bool { return c.Snapshot == snapshot })
	}
	part := &Index{Format: i.Format, URL: i.URL}
	for _, n := range i.Snapshots {
		if named(n.Snapshot) {
			part.Snapshots = append(part.Snapshots, n)
		}
	}
	for _, file := range i.Files {
		file.Versions = slices.DeleteFunc(slices.Clone(file.Versions), func(v IndexedVersion) bool { return !slices.ContainsFunc(v.Snapshots, named) })
		if len(file.Versions) > 0 {
			part.Files = append(part.Files, file)
		}
	}
	return part
}

// NextNumber is the number of the next snapshot of a kind and a day: 0 for the first one.
func (i *Index) NextNumber(day SnapshotName) int {
	next := 0
	for _, n := range i.Snapshots {
		if n.Snapshot.SameDay(day) {
			next = max(next, n.Snapshot.Number()+1)
		}
	}
	return next
}
