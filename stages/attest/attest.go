// Package attest says in formats that others read how a snapshot was made, what was
// proven of it, what it consists of, and which snapshots a repository has: in-toto
// statements (https://in-toto.io/Statement/v1), among them SLSA v1 provenance, and a
// CycloneDX bill of materials. With a key they are signed, in DSSE envelopes.
//
// The promise of the same bytes everywhere does not cover these files: they name who
// built and for which URL.
package attest

import (
	"context"
	"fmt"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// The files beside a snapshot, in its folder of the repository. A signed one is a DSSE
// envelope of the statement of the same name.
const (
	ProvenanceFile         = "nightly.intoto.json" // how nightly.json and its dists were made
	SignedProvenanceFile   = "nightly.dsse.json"
	InstallationFile       = "installation.json" // what was proven: stages.Installation
	SBOMFile               = "sbom.cdx.json"
	ProvenInstallationFile = "installation.intoto.json" // names both, and nightly.json
	SignedInstallationFile = "installation.dsse.json"
)

// RepositoryFile at the root of a repository is the signed statement of which snapshots
// it has.
const RepositoryFile = "packages.dsse.json"

// SnapshotFiles are all files that may lie beside a snapshot.
func SnapshotFiles() []string {
	return []string{ProvenanceFile, SignedProvenanceFile, InstallationFile, SBOMFile, ProvenInstallationFile, SignedInstallationFile}
}

// A Builder is who ran the build.
type Builder struct {
	ID         string // a URI; empty: DefaultBuilder
	Invocation string // of the run, a URI; empty: not told
}

// DefaultBuilder is the builder where none is given.
const DefaultBuilder = "https://github.com/mage-os/nightly"

// Options are what is said about a snapshot.
type Options struct {
	Key     *SigningKey // nil: statements are written, but not signed
	Former  []PublicKey // by which published snapshots may be signed
	Builder Builder
	// Installation is what was proven of the snapshot; nil: nothing is said of it.
	Installation *stages.Installation
}

// Trusted are the keys that may have signed what is published already.
func (o Options) Trusted() []PublicKey { return append([]PublicKey{o.Key.Public()}, o.Former...) }

// A Subject is a snapshot as it is published.
type Subject struct {
	Manifest *releases.Manifest
	// Files are its files but the dists, by their paths in its folder: nightly.json
	// and the metadata with the packages' licences.
	Files map[string][]byte
	URL   string // base URL of the repository
}

// Snapshot makes the files that lie beside a snapshot.
func (o Options) Snapshot(ctx context.Context, s Subject) (map[string][]byte, error) {
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
	if o.Key == nil {
		return files, nil
	}
	for statement, signed := range map[string]string{ProvenanceFile: SignedProvenanceFile, ProvenInstallationFile: SignedInstallationFile} {
		if files[statement] == nil {
			continue
		}
		if files[signed], err = o.Key.Sign(ctx, files[statement]); err != nil {
			return nil, err
		}
	}
	return files, nil
}
