package publish

import (
	"path"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// The layout of a published repository, beside stages.PackagesFile, stages.DistsDir and
// the folders of snapshots, which are those of releases.SnapshotName.Dir. Package verify
// knows by itself which files may be there.
const (
	metaDir    = "meta"        // meta/<digest>/: merged metadata, named by its index
	pageFile   = "index.html"  // for people; also in each snapshot's folder
	statusFile = "status.json" // for monitors
	// versionsFile in a snapshot's folder is all metadata of that snapshot in one file,
	// so that merging reads one file a snapshot.
	versionsFile = "versions.json"
	// changesFile in a snapshot's folder says what changed since the one before.
	changesFile = "changes.json"
	// supersededFile says since when metadata folders are no longer named.
	supersededFile = ".superseded.json"
)

// packageOf is the package of a file of metadata: acme/shop of acme/shop~dev. Composer
// asks for both, whichever have versions.
func packageOf(file string) string { return strings.TrimSuffix(file, "~dev") }

// snapshotFile is the path of a file of a snapshot.
func snapshotFile(name releases.SnapshotName, file string) string { return path.Join(name.Dir(), file) }

// caching says how long others may keep a file: what is named by its content or version
// never changes.
func caching(name string) string {
	if strings.HasPrefix(name, metaDir+"/") || strings.HasPrefix(name, stages.DistsDir+"/") {
		return "public, max-age=31536000, immutable"
	}
	return "no-cache"
}

// content is a file of the repository whose bytes are in memory.
func content(name string, data []byte) target.Content {
	c := target.Bytes(data)
	c.Type, c.Cache = stages.ContentType(name), caching(name)
	return c
}
