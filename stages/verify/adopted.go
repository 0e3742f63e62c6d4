package verify

import (
	"context"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// adoptedDist verifies where Composer gets the dist of a version that was adopted: where it
// was before. Only one that lies in this repository has a sum.
func (c *check) adoptedDist(at string, p *releases.ManifestPackage, d composer.Dist) {
	path, here := stages.PathOf(d.URL, c.base)
	if !here && c.elsewhere {
		path, here = stages.PathOf(d.URL, c.origin)
	}
	switch {
	case p.Dist == nil && here:
		c.bad(at, "Composer would get the dist %.160q of %s, and %s says none", d.URL, p.Name, releases.ManifestName)
	case p.Dist == nil:
	case path != p.Dist.Path:
		c.bad(at, "Composer would get the dist %.160q, %s says %.160s", d.URL, releases.ManifestName, p.Dist.Path)
	case d.SHASum != "" && !strings.EqualFold(d.SHASum, p.Dist.SHA1):
		c.bad(at, "the dist's SHA-1 is %.60q, %s says %s", d.SHASum, releases.ManifestName, p.Dist.SHA1)
	}
}

// kept verifies the other files of a repository that was adopted.
func (c *check) kept(ctx context.Context, n *snapshot) {
	files := n.manifest.Kept
	_ = pipeline.Each(len(files), readers, func(i int) error {
		f := files[i]
		if c.belongs(f.Path); !c.o.Dists || c.elsewhere {
			return nil
		}
		if data, ok := c.read(ctx, f.Path, f.Size); ok && pipeline.DigestOf(data) != f.SHA256 {
			c.bad(f.Path, "has SHA-256 %s, %s says %s", pipeline.DigestOf(data), snapshotFile(n.name, releases.ManifestName), f.SHA256)
		}
		return nil // problems are noted
	})
}

// wasAdopted reports whether a file lay there before, of what was adopted.
func (c *check) wasAdopted(file string) bool {
	for _, n := range c.snapshots {
		if slices.ContainsFunc(n.manifest.Kept, func(f releases.ManifestFile) bool { return f.Path == file }) ||
			n.manifest.Plan.Adopted && slices.ContainsFunc(n.manifest.Packages, func(p releases.ManifestPackage) bool { return p.Dist != nil && p.Dist.Path == file }) {
			return true
		}
	}
	return false
}

// adoptionUnread reports whether nobody knows what lay there before, since a manifest that
// says it could not be read.
func (c *check) adoptionUnread() bool {
	return slices.ContainsFunc(c.all(), func(name releases.SnapshotName) bool {
		return name.Kind() == releases.Adoption && c.snapshots[name] == nil
	})
}
