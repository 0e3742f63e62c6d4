package releases

import "github.com/mage-os/nightly/pipeline"

// ManifestName is the name of a night's manifest in its folder.
const ManifestName = "nightly.json"

// A Manifest lists what a night holds and from what it was made. It is part of
// the night's folder: no times, no hosts, no reports.
type Manifest struct {
	Format  int            `json:"format"` // ManifestFormat
	Night   string         `json:"night"`
	Program string         `json:"program"`
	Stages  map[string]int `json:"stages"` // version of each stage that made it
	// Local says that a source was replaced by --with: not a night of the line.
	Local    bool              `json:"local"`
	Packages []ManifestPackage `json:"packages"` // in byte order of their names
	Files    []ManifestFile    `json:"files"`    // all others of the folder, by path
	Plan     Plan              `json:"plan"`
}

// ManifestFormat is the format of manifests that this program reads and writes.
const ManifestFormat = 1

// A ManifestPackage is one built package.
type ManifestPackage struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Type    string `json:"type"`
	// Repository, Directory and Commit say where it was built from.
	Repository string        `json:"repository"`
	Directory  string        `json:"directory"`
	Commit     string        `json:"commit"`
	Requires   []Requirement `json:"requires"`
	Dist       *ManifestDist `json:"dist"`
}

// A ManifestDist is the zip of a package.
type ManifestDist struct {
	Path   string          `json:"path"` // dists/<vendor>/<name>-<version>.zip
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
