// Package trust says by The Update Framework (https://theupdateframework.github.io/specification/latest/) which files of a
// published repository are whose, and reads it as a client of TUF does. Composer checks the same metadata with
// php-tuf/composer-integration, whose names of targets these are.
//
// Root and targets are signed by keys that lie in no machine of the pipeline; who publishes has a key for each kind of
// snapshot, and one for snapshot and timestamp, which says what is current, and for how long.
package trust

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/composer"
)

// Dir is the folder of a repository that holds its metadata.
const Dir = "metadata"

// TimestampFile names what is current; it is written last.
const TimestampFile = Dir + "/timestamp.json"

// RepositoryRole signs what Composer reads first, and the front page. The other delegated roles are named as the
// folders of releases.SnapshotDirs, and have the snapshots that lie there.
const RepositoryRole = "repository"

// A Source gives read access to a published repository.
type Source interface {
	// String is where it is, for people.
	String() string
	// Open reports fs.ErrNotExist; the caller closes the file.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
}

// How long what is signed counts. A repository that is frozen is noticed when its timestamp expires.
const (
	timestampLife = 4 * 24 * time.Hour
	snapshotLife  = 8 * 24 * time.Hour
	rolesLife     = 365 * 24 * time.Hour
	// partsLife is of what is signed once: the snapshot names each part by its hash, so that the role before it is what
	// counts for a time.
	partsLife = 10 * rolesLife
)

// lifeOf is for how long metadata of a role counts.
func lifeOf(role string) time.Duration {
	switch role {
	case metadata.TIMESTAMP:
		return timestampLife
	case metadata.SNAPSHOT:
		return snapshotLife
	}
	if strings.Contains(role, "-") {
		return partsLife
	}
	return rolesLife
}

// expiry is when metadata of a role that is signed now expires.
func expiry(role string, now time.Time) time.Time {
	return now.UTC().Truncate(time.Second).Add(lifeOf(role))
}

// A Place is the URL and line for which a root is valid. A root is valid for no other repository.
type Place struct {
	URL  string `json:"url"`  // base URL of the repository
	Line string `json:"line"` // that it publishes
}

// placeField is where a root has its Place.
const placeField = "x-nightly"

// A Targets is the files of one role, by the names of their targets.
type Targets map[string]*metadata.TargetFiles

// File is a file by its length and SHA-256.
func File(size int64, sum pipeline.Digest) *metadata.TargetFiles {
	f := metadata.TargetFile()
	f.Length, f.Hashes = size, metadata.Hashes{"sha256": unhex(sum)}
	return f
}

// Bytes is a file by its content.
func Bytes(data []byte) *metadata.TargetFiles { return File(int64(len(data)), pipeline.DigestOf(data)) }

// Sum is the SHA-256 of a target.
func Sum(f *metadata.TargetFiles) pipeline.Digest {
	return pipeline.Digest(f.Hashes["sha256"].String())
}

// DistTarget is the name of a dist's target: the package, and its version as Composer normalizes it.
func DistTarget(name, version string) (string, error) {
	v, err := composer.ParseVersion(version)
	return strings.ToLower(name) + "/" + v.Normalized(), err
}
