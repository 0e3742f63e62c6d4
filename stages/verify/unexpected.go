package verify

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/trust"
)

// list reads which files there are.
func (c *check) list(ctx context.Context) {
	if c.o.List == nil || c.listed != nil {
		return
	}
	names, err := c.o.List(ctx)
	if err != nil {
		c.bad(".", "cannot be listed: %v", err)
		names = []string{}
	}
	c.listed = names
}

// unexpected finds files that nothing names. Metadata that was superseded stays for a
// while, and has to be what it is named by, too.
func (c *check) unexpected(ctx context.Context) error {
	c.list(ctx)
	c.belongs(pageFile, badgeFile, statusFile, ".superseded.json", ".publish.lock")
	const unnamed = "is no part of the repository: nothing names it"
	old := map[string][]string{}
	for _, name := range c.listed {
		top, rest, _ := strings.Cut(name, "/")
		folder, _, _ := strings.Cut(rest, "/")
		switch {
		case c.known[name], slices.Contains(boardFiles, top), top == ".publish", top == ".publish.locks", top == trust.Dir && trust.IsMetadata(name):
		case top == metaDir && c.base != "" && folder != c.meta && len(folder) == sha256.Size*2:
			old[folder] = append(old[folder], name)
		case c.broken(name):
		default:
			c.bad(name, unnamed)
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(old)) {
		c.superseded(ctx, folder, old[folder])
	}
	return ctx.Err()
}

// broken reports whether a file is of a snapshot that could not be read, so that nobody
// knows what belongs to it.
func (c *check) broken(file string) bool {
	if c.base == "" || c.adoptionUnread() {
		return true
	}
	if isDist(file) {
		return slices.ContainsFunc(c.all(), func(name releases.SnapshotName) bool { return c.snapshots[name] == nil })
	}
	name, rest, ok := releases.CutSnapshotDir(file)
	if !ok || c.snapshots[name] != nil || !slices.Contains(c.all(), name) && !slices.Contains(c.listed, snapshotFile(name, stages.PackagesFile)) {
		return false
	}
	known := append([]string{stages.PackagesFile, releases.ManifestName, attest.RebuiltFile, versionsFile, changesFile, pageFile}, attest.SnapshotFiles()...)
	return slices.Contains(known, rest) || strings.HasPrefix(rest, stages.MetadataDir+"/")
}

// all are the snapshots that packages.json names.
func (c *check) all() []releases.SnapshotName {
	return slices.Concat(c.key.Snapshots, c.key.Withdrawn)
}
