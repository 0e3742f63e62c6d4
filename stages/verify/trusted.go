package verify

import (
	"context"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/trust"
)

// trust reads the metadata of The Update Framework as any of its clients does, from the root that is trusted. What that
// refuses is a problem; the rest of the repository is looked at all the same.
func (c *check) trust(ctx context.Context) {
	if c.o.Root == nil {
		return
	}
	r, err := trust.Open(ctx, c.o.Source, trust.ClientOptions{Root: c.o.Root, Memory: c.o.Memory, Now: c.o.Now})
	if err != nil {
		c.bad(trust.TimestampFile, "is refused: %v", err)
		return
	}
	place, err := r.Place()
	if err != nil {
		c.bad(trust.TimestampFile, "%v", err)
		return
	}
	c.trusted, c.report.Signed = r, &Signed{Place: place, Roles: r.Status()}
}

// signed compares a file with what is signed of it. One that Composer or the next publish obeys has to be.
func (c *check) signed(name string, data []byte) {
	if c.trusted == nil {
		return
	}
	f := c.trusted.Target(name)
	switch {
	case f == nil && c.wantsSignature(name):
		c.bad(name, "is not signed")
	case f != nil && (f.Length != int64(len(data)) || trust.Sum(f) != pipeline.DigestOf(data)):
		c.bad(name, "has SHA-256 %s, but %s was signed; if it is published to right now, try again", pipeline.DigestOf(data), trust.Sum(f))
	}
}

func (c *check) wantsSignature(name string) bool {
	if snapshot, rest, ok := releases.CutSnapshotDir(name); ok {
		return slices.Contains(append(attest.SnapshotFiles(), attest.RebuiltFile, releases.ManifestName, versionsFile), rest) && slices.Contains(c.all(), snapshot)
	}
	return name == stages.PackagesFile || name == pageFile || c.meta != "" && strings.HasPrefix(name, metaDir+"/"+c.meta+"/")
}

// signedDist compares what a manifest says of a dist with what is signed.
func (c *check) signedDist(p *releases.ManifestPackage) {
	if c.trusted == nil {
		return
	}
	name, err := trust.DistTarget(p.Name, p.Version)
	f := c.trusted.Target(name)
	switch {
	case err != nil:
		c.bad(p.Dist.Path, "%v", err)
	case f == nil:
		c.bad(p.Dist.Path, "is not signed")
	case trust.Sum(f) != p.Dist.SHA256 || f.Length != p.Dist.Size:
		c.bad(p.Dist.Path, "has SHA-256 %s by its %s, but %s was signed", p.Dist.SHA256, releases.ManifestName, trust.Sum(f))
	}
}

// held are the snapshots that are signed, also those that only stay for clients that started before.
func (c *check) held() (names []releases.SnapshotName) {
	if c.trusted == nil {
		return nil
	}
	for _, role := range c.trusted.Roles() {
		for file := range c.trusted.Targets(role) {
			if name, rest, ok := releases.CutSnapshotDir(file); ok && rest == releases.ManifestName {
				names = append(names, name)
			}
		}
	}
	return names
}

// signedThere finds files that are signed and were not read: somebody has taken them away.
func (c *check) signedThere() {
	if c.trusted == nil {
		return
	}
	for _, role := range c.trusted.Roles() {
		for name := range c.trusted.Targets(role) {
			_, _, ofSnapshot := releases.CutSnapshotDir(name)
			if (ofSnapshot || role == trust.RepositoryRole) && !c.known[name] {
				c.bad(name, "is signed, and is missing or belongs to nothing that packages.json names")
			}
		}
	}
}
