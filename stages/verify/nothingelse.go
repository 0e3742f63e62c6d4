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

// nothingElse finds files that nothing names. Metadata that was superseded stays for a
// while, and has to be what it is named by, too.
func (c *check) nothingElse(ctx context.Context) error {
	c.list(ctx)
	c.belongs(pageFile, badgeFile, statusFile, ".superseded.json", ".publish.lock")
	old := map[string][]string{}
	for _, name := range c.listed {
		top, rest, _ := strings.Cut(name, "/")
		switch {
		case c.known[name], top == ".publish", top == ".publish.locks":
		case top == metaDir && c.base != "":
			folder, _, _ := strings.Cut(rest, "/")
			old[folder] = append(old[folder], name)
		case c.broken(name):
		default:
			c.bad(name, "is no part of the repository: nothing names it")
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(old)) {
		if folder == c.meta || len(folder) != sha256.Size*2 {
			for _, name := range old[folder] {
				c.bad(name, "is no part of the repository: nothing names it")
			}
			continue
		}
		c.superseded(ctx, folder, old[folder])
	}
	return ctx.Err()
}

// broken reports whether a file is of a night of which a problem was told already, so
// that nobody knows what belongs to it.
func (c *check) broken(name string) bool {
	if c.base == "" {
		return true
	}
	if isDist(name) {
		return c.anyBroken()
	}
	named, file, ok := releases.CutSnapshotDir(name)
	snapshot := string(named)
	if !ok || c.snapshots[snapshot] != nil {
		return false
	}
	known := append([]string{stages.PackagesFile, releases.ManifestName, versionsFile, changesFile, pageFile}, attest.SnapshotFiles()...)
	return c.isNamed(snapshot) && (slices.Contains(known, file) || strings.HasPrefix(file, stages.MetadataDir+"/"))
}

func (c *check) isNamed(snapshot string) bool {
	return slices.Contains(c.key.Snapshots, snapshot) || slices.Contains(c.key.Withdrawn, snapshot) || slices.Contains(c.listed, snapshotFile(snapshot, stages.PackagesFile))
}

// anyBroken reports whether a night could not be read, so that its dists are not known.
func (c *check) anyBroken() bool {
	for _, name := range slices.Concat(c.key.Snapshots, c.key.Withdrawn) {
		if c.snapshots[name] == nil {
			return true
		}
	}
	return false
}
