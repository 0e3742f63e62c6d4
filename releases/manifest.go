package releases

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/config"
)

// ManifestName is the name of a night's manifest in its folder.
const ManifestName = "nightly.json"

// A Manifest lists what a night holds and from what it was made. It is part of
// the night's folder: no times, no hosts, no reports.
type Manifest struct {
	Format   int            `json:"format"` // ManifestFormat
	Snapshot SnapshotName   `json:"snapshot"`
	Program  string         `json:"program"`
	Stages   map[string]int `json:"stages"` // version of each stage that made it
	// Local says that a source was replaced by --with: not a night of the line.
	Local    bool              `json:"local"`
	Packages []ManifestPackage `json:"packages"` // in byte order of their names
	Files    []ManifestFile    `json:"files"`    // all others of the folder, by path
	// Notes are of the tags of a mirror: what was left out of them, for one.
	Notes []Note `json:"notes,omitempty"`
	// Kept are all other files of a repository that was adopted, by their path in it: they
	// stay where they lay.
	Kept []ManifestFile `json:"kept,omitempty"`
	Plan Plan           `json:"plan"`
}

// ManifestFormat is the format of manifests that this program reads and writes.
const ManifestFormat = 1

// A ManifestPackage is one built package.
type ManifestPackage struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Type    string `json:"type"`
	// Repository, Directory and Commit say where it was built from.
	Repository string `json:"repository"`
	Directory  string `json:"directory"`
	Commit     string `json:"commit"`
	Tag        string `json:"tag,omitempty"` // of a line that builds tags
	// Requires are empty for a line that builds tags: they stand in its metadata.
	Requires []Requirement `json:"requires"`
	// Dist is nil only of an adopted version that has none in the repository: a metapackage,
	// or one whose dist lies elsewhere.
	Dist *ManifestDist `json:"dist"`
}

// A ManifestDist is the zip of a package.
type ManifestDist struct {
	Path   string          `json:"path"` // dists/<vendor>/<name>-<version>.zip; of an adopted version where it lay
	Size   int64           `json:"size"` // in bytes
	SHA1   string          `json:"sha1"` // what Composer checks
	SHA256 pipeline.Digest `json:"sha256"`
}

// A ManifestFile is a file of the night's folder that is no dist.
type ManifestFile struct {
	Path   string          `json:"path"`
	Size   int64           `json:"size"` // in bytes
	SHA256 pipeline.Digest `json:"sha256"`
}

// A Requirement is one require of a package and why it is there.
type Requirement struct {
	Name       string `json:"name"`
	Constraint string `json:"constraint"`
	// Evidence is "declared", a file and line that use it, or "carried over, no
	// reference".
	Evidence string `json:"evidence"`
}

// Encode writes the manifest as a file: indented, its maps in byte order, so that
// the same manifest is the same file.
func (m *Manifest) Encode() ([]byte, error) { return pipeline.EncodeJSON(m, "  ") }

// ParseManifest reads a manifest, as strictly as ParsePlan a plan. Paths in it stay
// below the night's folder.
func ParseManifest(data []byte) (*Manifest, error) {
	var m Manifest
	if err := decodeFile(ManifestName, ManifestFormat, data, &m, &m.Format); err != nil {
		return nil, err
	}
	if err := m.check(); err != nil {
		return nil, config.Errorf("%s: %w", ManifestName, err)
	}
	return &m, nil
}

func (m *Manifest) check() error {
	problems := []error{m.Plan.Validate()}
	if m.Snapshot != m.Plan.Snapshot() {
		problems = append(problems, fmt.Errorf("snapshot %s, but its plan is of %s", m.Snapshot, m.Plan.Snapshot()))
	}
	for _, p := range m.Packages {
		if p.Dist == nil {
			if !m.Plan.Adopted {
				problems = append(problems, fmt.Errorf("package %q has no dist", p.Name))
			}
			continue
		}
		if !hexSHA1.MatchString(p.Dist.SHA1) {
			problems = append(problems, fmt.Errorf("package %q: sha1 %.50q: want 40 hexadecimal digits", p.Name, p.Dist.SHA1))
		}
		problems = append(problems, ManifestFile{p.Dist.Path, p.Dist.Size, p.Dist.SHA256}.check())
	}
	for _, f := range slices.Concat(m.Files, m.Kept) {
		problems = append(problems, f.check())
	}
	return errors.Join(problems...)
}

func (f ManifestFile) check() error {
	if err := pipeline.ValidPath(f.Path); err != nil {
		return err
	}
	switch {
	case f.Size < 0:
		return fmt.Errorf("path %q: its size is %d bytes", f.Path, f.Size)
	case f.SHA256.Valid() != nil:
		return fmt.Errorf("path %q: sha256 %.80q: want 64 hexadecimal digits", f.Path, f.SHA256)
	}
	return nil
}
