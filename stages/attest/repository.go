package attest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	intoto "github.com/in-toto/attestation/go/v1"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
)

// RepositoryType is our predicate that says which snapshots a repository has.
const RepositoryType = "https://github.com/mage-os/nightly/blob/main/docs/trust.md#packages-dsse-json"

// A Repository is the predicate. Its time only grows: a statement with an earlier one
// was put back.
type Repository struct {
	URL       string           `json:"url"`
	Published time.Time        `json:"published"`
	Snapshots []SignedSnapshot `json:"snapshots"` // that it resolves, newest first
	Withdrawn []SignedSnapshot `json:"withdrawn"` // by a rollback
	Versions  []string         `json:"withdrawn-versions,omitempty"`
}

// A SignedSnapshot is a snapshot by its manifest.
type SignedSnapshot struct {
	Snapshot releases.SnapshotName `json:"snapshot"`
	SHA256   pipeline.Digest       `json:"sha256"` // of its nightly.json
}

// SignRepository signs which snapshots a repository has, and the files at its root. Before
// is the statement that is there; nil: none.
func (o Options) SignRepository(ctx context.Context, r Repository, root map[string][]byte, before []byte) ([]byte, error) {
	if before != nil {
		_, old, err := VerifyRepository(ctx, before, o.Trusted())
		if err != nil {
			return nil, fmt.Errorf("%s that is there %w; see who published, then remove it to begin anew", RepositoryFile, err)
		}
		if r.Published.Before(old.Published) {
			return nil, fmt.Errorf("%s that is there is of %s, which is later than now, %s; set the clock of this machine", RepositoryFile, old.Published.Format(time.RFC3339), r.Published.Format(time.RFC3339))
		}
	}
	predicate, err := fields(r)
	if err != nil {
		return nil, err
	}
	var subjects []*intoto.ResourceDescriptor
	for _, name := range slices.Sorted(maps.Keys(root)) {
		subjects = append(subjects, subject(name, pipeline.DigestOf(root[name])))
	}
	data, err := statement(RepositoryType, subjects, predicate)
	if err != nil {
		return nil, err
	}
	return o.Key.Sign(ctx, data)
}

// VerifyRepository reads a RepositoryFile.
func VerifyRepository(ctx context.Context, data []byte, keys []PublicKey) (*Statement, *Repository, error) {
	s, err := Verify(ctx, data, keys)
	if err != nil {
		return nil, nil, err
	}
	if s.Type != RepositoryType {
		return nil, nil, fmt.Errorf("is signed, but a statement of type %.120q", s.Type)
	}
	var r Repository
	decoder := json.NewDecoder(bytes.NewReader(s.Predicate))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return nil, nil, fmt.Errorf("is signed, but no statement on a repository: %w", err)
	}
	return s, &r, nil
}
