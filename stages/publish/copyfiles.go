package publish

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/trust"
)

// putDists writes the dists that are missing, and gives the manifests of the snapshots that no earlier copy has ended.
func (c *copying) putDists(ctx context.Context, r *repository) (map[releases.SnapshotName]*releases.Manifest, error) {
	manifests, dists := map[releases.SnapshotName]*releases.Manifest{}, map[string]target.Content{}
	for _, n := range c.all {
		if c.known[n.name] && !slices.ContainsFunc(n.sums, func(d distSum) bool { return d.path != "" && !c.lists(d.path) }) {
			c.writer.unchanged += len(n.sums)
			continue
		}
		m, err := n.manifest(ctx)
		if err != nil {
			return nil, err
		}
		manifests[n.name] = m
		if err := c.putAdopted(dists, m); err != nil {
			return nil, err
		}
		for _, p := range m.Packages {
			if p.Dist == nil {
				continue
			}
			name, err := trust.DistTarget(p.Name, p.Version)
			if err != nil {
				return nil, untrusted("%s: %w", n.name.Title(), err)
			}
			if c.origin.signed != nil && c.origin.sum(name) != p.Dist.SHA256 {
				return nil, untrusted("%s of %s is not signed with SHA-256 %s, which its %s says", p.Dist.Path, n.name.Title(), p.Dist.SHA256, releases.ManifestName)
			}
			if !m.Plan.Adopted && p.Dist.Path != stages.DistPath(p.Name, p.Version) {
				return nil, untrusted("%s of %s names the dist %.160q", releases.ManifestName, n.name.Title(), p.Dist.Path)
			}
			if _, twice := dists[p.Dist.Path]; !twice {
				dists[p.Dist.Path] = c.far(p.Dist.Path, p.Dist.Size, p.Dist.SHA256)
				c.writer.total += p.Dist.Size
			}
		}
	}
	if err := c.writer.putAll(ctx, dists); err != nil || r.former == "" {
		return manifests, err
	}
	if err := c.look(ctx, stages.DistsDir); err != nil { // so that none is asked for again
		return nil, err
	}
	maps.DeleteFunc(dists, func(name string, _ target.Content) bool { return !strings.HasPrefix(name, stages.DistsDir+"/") })
	return manifests, c.writer.putFormer(ctx, r, dists)
}

// putAdopted adds what lay there before, of what was adopted.
func (c *copying) putAdopted(files map[string]target.Content, m *releases.Manifest) error {
	if !m.Plan.Adopted {
		return nil
	}
	for _, f := range adoptedFiles(m) {
		if isOurs(f.Path) && !strings.HasPrefix(f.Path, snapshotFile(m.Snapshot, beforeDir)+"/") {
			return untrusted("%s of %s names the file %.160q", releases.ManifestName, m.Snapshot.Title(), f.Path)
		}
		files[f.Path] = c.far(f.Path, f.Size, f.SHA256)
		c.writer.total += f.Size
	}
	return nil
}

// putSnapshot writes the folder of a snapshot.
func (c *copying) putSnapshot(ctx context.Context, name releases.SnapshotName, m *releases.Manifest) error {
	if err := c.look(ctx, name.Dir()); err != nil {
		return err
	}
	texts, there := make([][]byte, len(m.Files)), c.inOne(ctx, name)
	made, _ := there.Packages.files() // what cannot be made is asked for
	err := pipeline.Each(len(m.Files), writers, func(i int) (err error) {
		f := m.Files[i]
		if _, err := composer.ParseName(packageOf(stages.MetadataName(f.Path))); err != nil && f.Path != stages.PackagesFile {
			return untrusted("%s of %s names the file %.160q", releases.ManifestName, name.Title(), f.Path)
		}
		sum := func(data []byte) pipeline.Digest {
			plain, err := unplace(f.Path, data, c.origin.read.Nightly.URL, name)
			if err != nil {
				return ""
			}
			return pipeline.DigestOf(plain)
		}
		if texts[i] = made[strings.TrimPrefix(f.Path, stages.MetadataDir+"/")]; sum(texts[i]) != f.SHA256 {
			texts[i], err = c.get(ctx, snapshotFile(name, f.Path), f.SHA256, sum)
		}
		return err
	})
	if err != nil {
		return err
	}
	files := map[string][]byte{}
	for i, f := range m.Files {
		files[f.Path] = texts[i]
	}
	if err := c.addRest(ctx, name, files, m.Plan.Adopted, there.Times); err != nil {
		return err
	}
	return c.writer.putFolder(ctx, name.Dir(), files, stages.PackagesFile)
}

// inOne is all of a snapshot's metadata in one file; what is made of it is compared with the manifest. Nothing, where it cannot
// be read.
func (c *copying) inOne(ctx context.Context, name releases.SnapshotName) (all versionsForm) {
	at := snapshotFile(name, versionsFile)
	if data, err := c.get(ctx, at, c.origin.sum(at), pipeline.DigestOf); err == nil {
		all, _ = parseVersions(data)
	}
	return all
}

// addRest adds to the folder of a snapshot what its manifest does not name.
func (c *copying) addRest(ctx context.Context, name releases.SnapshotName, files map[string][]byte, adopted bool, times map[string]string) error {
	all, err := versionsOf(files, adopted)
	if err != nil {
		return untrusted("%s: %w", name.Title(), err)
	}
	if files[versionsFile], err = (versionsForm{versionsFormat, times, all}).encode(); err != nil {
		return err
	}
	for _, file := range append(signedFiles(), pageFile, changesFile) {
		at := snapshotFile(name, file)
		sum := c.origin.sum(at)
		switch {
		case sum == "" && c.origin.signed != nil && slices.Contains(signedFiles(), file):
			continue // it is not the repository's
		case file == versionsFile && (sum == "" || sum == pipeline.DigestOf(files[file])):
			continue
		}
		data, err := c.get(ctx, at, sum, pipeline.DigestOf)
		switch {
		case err == nil:
			files[file] = data
		case !errors.Is(err, errMissing) || sum != "" || file == releases.ManifestName:
			return err
		}
	}
	return nil
}

// putSaid writes what is said of a snapshot that is there, and has changed since; redrawn says that its pages may have.
func (c *copying) putSaid(ctx context.Context, name releases.SnapshotName, redrawn bool) error {
	files := map[string]target.Content{}
	if c.origin.signed != nil {
		for _, file := range signedFiles() {
			at := snapshotFile(name, file)
			if f := c.origin.signed.Target(at); f != nil {
				files[at] = c.far(at, f.Length, trust.Sum(f))
			}
		}
	}
	if redrawn {
		for _, file := range []string{pageFile, changesFile} {
			at := path.Join(name.Dir(), file)
			data, err := c.get(ctx, at, "", pipeline.DigestOf)
			if err != nil && !errors.Is(err, errMissing) {
				return err
			}
			if err == nil {
				files[at] = content(at, data)
			}
		}
	}
	if len(files) == 0 {
		return nil
	}
	if err := c.writer.lookIn(ctx, name.Dir()); err != nil {
		return err
	}
	return c.writer.putAll(ctx, files)
}
