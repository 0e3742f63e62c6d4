// Package attest says in formats that others read how a night was made, what was
// proven of it, what it consists of, and which nights a repository has: in-toto
// statements (https://in-toto.io/Statement/v1), among them SLSA v1 provenance, and a
// CycloneDX bill of materials. With a key they are signed, in DSSE envelopes.
//
// All of it lies beside the night's folder promise: it holds who built and where to.
package attest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// The files beside a night, in its folder of the repository. A signed one is a DSSE
// envelope of the statement of the same name.
const (
	ProvenanceFile         = "nightly.intoto.json" // how nightly.json and its dists were made
	SignedProvenanceFile   = "nightly.dsse.json"
	InstallationFile       = "installation.json" // what was proven: stages.Installation
	SBOMFile               = "sbom.cdx.json"
	ProvenInstallationFile = "installation.intoto.json" // names both, and the night
	SignedInstallationFile = "installation.dsse.json"
)

// RepositoryFile at the root of a repository is the signed statement of which nights
// it has.
const RepositoryFile = "packages.dsse.json"

// SnapshotFiles are all files that may lie beside a night.
func SnapshotFiles() []string {
	return []string{ProvenanceFile, SignedProvenanceFile, InstallationFile, SBOMFile, ProvenInstallationFile, SignedInstallationFile}
}

// A Builder is who ran the build.
type Builder struct {
	ID         string // a URI; empty: DefaultBuilder
	Invocation string // of the run, a URI; empty: not told
}

// DefaultBuilder is the builder of who says nothing else.
const DefaultBuilder = "https://github.com/mage-os/nightly"

// Options are what is said about a night.
type Options struct {
	Key     *SigningKey // nil: statements are written, but not signed
	Former  []PublicKey // by which nights that are published already may be signed
	Builder Builder
	// Installation is what was proven of the night; nil: nothing is said of it.
	Installation *stages.Installation
}

// Trusted are the keys of which one has signed what is published already.
func (o Options) Trusted() []PublicKey { return append([]PublicKey{o.Key.Public()}, o.Former...) }

// A Subject is a night as it is published.
type Subject struct {
	Manifest *releases.Manifest
	// Files are its files but the dists, by their paths in its folder: nightly.json
	// and the metadata with the packages' licences.
	Files map[string][]byte
	URL   string // base URL of the repository
}

// Night makes the files that lie beside a night.
func (o Options) Snapshot(ctx context.Context, s Subject) (map[string][]byte, error) {
	files := map[string][]byte{}
	var err error
	if files[ProvenanceFile], err = o.provenance(s); err != nil {
		return nil, fmt.Errorf("provenance of night %s: %w", s.Manifest.Snapshot, err)
	}
	if o.Installation != nil {
		if o.Installation.Snapshot != string(s.Manifest.Snapshot) {
			return nil, fmt.Errorf("the installation is of night %s, not of %s", o.Installation.Snapshot, s.Manifest.Snapshot)
		}
		if err := o.proven(s, files); err != nil {
			return nil, fmt.Errorf("statement on the installation of night %s: %w", s.Manifest.Snapshot, err)
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

func digest(data []byte) pipeline.Digest {
	sum := sha256.Sum256(data)
	return pipeline.Digest(hex.EncodeToString(sum[:]))
}
