// Package attest says in formats that others read how a snapshot was made, what was
// proven of it, and what it consists of: in-toto statements
// (https://in-toto.io/Statement/v1), among them SLSA v1 provenance, and a CycloneDX bill
// of materials. Package trust signs them with all else that is published.
//
// The promise of the same bytes everywhere does not cover these files: they name who
// built and for which URL.
package attest

import (
	"fmt"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// The files beside a snapshot, in its folder of the repository.
const (
	ProvenanceFile         = "nightly.intoto.json" // how nightly.json and its dists were made
	InstallationFile       = "installation.json"   // what was proven: stages.Installation
	SBOMFile               = "sbom.cdx.json"
	ProvenInstallationFile = "installation.intoto.json" // names both, and nightly.json
)

// SnapshotFiles are all files that may lie beside a snapshot.
func SnapshotFiles() []string {
	return []string{ProvenanceFile, InstallationFile, SBOMFile, ProvenInstallationFile}
}

// A Builder is who ran the build.
type Builder struct {
	ID         string // a URI; empty: DefaultBuilder
	Invocation string // of the run, a URI; empty: not told
}

// DefaultBuilder is the builder where none is given.
const DefaultBuilder = "https://github.com/mage-os/nightly"

// Options are the facts that the attestations of a snapshot state.
type Options struct {
	Builder Builder
	// Installation is the proof of the snapshot; nil leaves it out.
	Installation *stages.Installation
}

// A Subject is a snapshot as it is published.
type Subject struct {
	Manifest *releases.Manifest
	// Files are its files but the dists, by their paths in its folder: nightly.json
	// and the metadata with the packages' licences.
	Files map[string][]byte
	URL   string // base URL of the repository
}

// Snapshot makes the files that lie beside a snapshot.
func (o Options) Snapshot(s Subject) (map[string][]byte, error) {
	files := map[string][]byte{}
	var err error
	if files[ProvenanceFile], err = o.provenance(s); err != nil {
		return nil, fmt.Errorf("provenance of %s: %w", s.Manifest.Snapshot.Title(), err)
	}
	if o.Installation != nil {
		if o.Installation.Snapshot != s.Manifest.Snapshot {
			return nil, fmt.Errorf("the installation is of %s, not of %s", o.Installation.Snapshot.Title(), s.Manifest.Snapshot.Title())
		}
		if err := o.proven(s, files); err != nil {
			return nil, fmt.Errorf("statement on the installation of %s: %w", s.Manifest.Snapshot.Title(), err)
		}
	}
	return files, nil
}
