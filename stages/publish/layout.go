package publish

import (
	"path"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// The layout of a published repository, beside stages.PackagesFile, stages.DistsDir and
// the folders of snapshots (releases.SnapshotName.Dir), each a repository of that snapshot
// alone.
const (
	metaDir    = "meta"        // meta/<digest>/: merged metadata, named by its content
	pageFile   = "index.html"  // for people; also in each night's folder
	statusFile = "status.json" // for monitors
	// mergedFile in a metadata folder says which nights were merged in it. It is
	// the last of its folder to be written and the first to go.
	mergedFile = "snapshots.json"
	// versionsFile in a night's folder is all metadata of that night in one file,
	// so that merging reads one file a night.
	versionsFile = "versions.json"
	// changesFile in a night's folder says what changed since the night before.
	changesFile = "changes.json"
	// supersededFile says since when metadata folders are no longer named.
	supersededFile = ".superseded.json"
)

// packageOf is the package of a file of metadata: acme/shop of acme/shop~dev. Composer
// asks for both, whichever have versions.
func packageOf(file string) string { return strings.TrimSuffix(file, "~dev") }

// isSnapshot reports whether a name can be a snapshot's.
func isSnapshot(name string) bool {
	_, err := releases.ParseSnapshotName(name)
	return err == nil
}

// newestFirst orders the names of snapshots.
func newestFirst(a, b string) int {
	x, _ := releases.ParseSnapshotName(a)
	y, _ := releases.ParseSnapshotName(b)
	return releases.NewestFirst(x, y)
}

// caching says how long others may keep a file: what is named by its content or
// version never changes.
func caching(name string) string {
	if strings.HasPrefix(name, metaDir+"/") || strings.HasPrefix(name, stages.DistsDir+"/") {
		return "public, max-age=31536000, immutable"
	}
	return "no-cache"
}

// content is a file of the repository whose bytes are in memory. Its SHA-256 may be
// known.
func content(name string, data []byte, sum pipeline.Digest) target.Content {
	if sum == "" {
		sum = pipeline.DigestOf(data)
	}
	c := target.Summed(data, string(sum))
	c.Type, c.Cache = stages.ContentType(name), caching(name)
	return c
}

// snapshotFile is the name of a file of a snapshot.
func snapshotFile(snapshot, name string) string {
	return path.Join(releases.SnapshotName(snapshot).Dir(), name)
}
