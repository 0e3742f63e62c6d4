package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/diff"
)

// readers is how many files are read at the same time.
const readers = 8

// A snapshot is one snapshot of the repository, as it was read.
type snapshot struct {
	name     releases.SnapshotName
	manifest *releases.Manifest
	data     []byte // nightly.json
	whole    bool   // its metadata is without a problem
	// packages are those of the manifest, by name and version: an addition to a mirror
	// has many versions of one package.
	packages map[string]*releases.ManifestPackage
	names    []string // of those, in order
	// entries are the versions in its metadata, by file without .json (acme/shop,
	// acme/shop~dev), then by version, as they stand there.
	entries map[string]map[string]json.RawMessage
	times   map[string]string // of its commits; nil: nobody here knows them
}

// eachSnapshot verifies all snapshots that packages.json names, and others that are listed or signed.
func (c *check) eachSnapshot(ctx context.Context) {
	names := c.all()
	c.list(ctx)
	for _, file := range c.listed {
		name, rest, ok := releases.CutSnapshotDir(file)
		if !ok || rest != stages.PackagesFile || slices.Contains(names, name) {
			continue
		}
		names = append(names, name)
		if i := slices.IndexFunc(c.key.Snapshots, func(n releases.SnapshotName) bool { return n.Kind() == name.Kind() }); i >= 0 && releases.NewestFirst(name, c.key.Snapshots[i]) < 0 {
			c.bad(stages.PackagesFile, "is older than what lies there: %s is newer than the newest that it names, %s, and was not withdrawn", name.Title(), c.key.Snapshots[i])
		}
	}
	for _, name := range c.held() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if ctx.Err() == nil {
			c.snapshot(ctx, name)
		}
	}
	c.report.Snapshots = len(c.key.Snapshots)
}

// snapshot verifies one snapshot but its dists.
func (c *check) snapshot(ctx context.Context, name releases.SnapshotName) {
	n, ok := c.readManifest(ctx, name)
	if !ok {
		return
	}
	c.snapshots[name] = n
	c.snapshotSwitch(ctx, n)
	if n.whole = c.snapshotMetadata(ctx, n); n.whole {
		c.versionsOf(ctx, n)
	} else {
		c.belongs(snapshotFile(name, versionsFile))
	}
	if n.manifest.Plan.Adopted {
		c.kept(ctx, n)
		c.report.Adopted += len(n.manifest.Packages)
	} else {
		c.closure(n, c.attestations(ctx, n))
		c.rebuilds(ctx, n)
	}
	for _, file := range []string{pageFile, changesFile} {
		c.readIfThere(ctx, snapshotFile(name, file), maxPage)
	}
	c.report.Packages += len(n.manifest.Packages)
	if title := n.manifest.Plan.PreviewTitle(); title != "" && name == c.key.Snapshots[0] {
		c.report.Preview = title
	}
}

func (c *check) readManifest(ctx context.Context, name releases.SnapshotName) (*snapshot, bool) {
	at := snapshotFile(name, releases.ManifestName)
	data, ok := c.read(ctx, at, maxManifest)
	if !ok {
		return nil, false
	}
	m, err := releases.ParseManifest(data)
	if err != nil {
		c.bad(at, "%v", err)
		return nil, false
	}
	if m.Snapshot != name {
		c.bad(at, "is the manifest of night %s", m.Snapshot)
		return nil, false
	}
	n := &snapshot{name: name, manifest: m, data: data, packages: map[string]*releases.ManifestPackage{}, entries: map[string]map[string]json.RawMessage{}}
	for i, p := range m.Packages {
		if n.packages[packageKey(p.Name, p.Version)] != nil {
			c.bad(at, "names the package %s %s twice", p.Name, p.Version)
		}
		n.packages[packageKey(p.Name, p.Version)] = &m.Packages[i]
		n.names = append(n.names, p.Name)
		if _, err := composer.ParseName(p.Name); err != nil {
			c.bad(at, "%v", err)
			return nil, false
		}
		if p.Repository != stages.Prebuilt && !m.Plan.Adopted && !m.Plan.Line.Owns(p.Name) {
			c.bad(at, "publishes %s, which is of none of its line's vendors, nor listed there", p.Name)
		}
		if want := stages.DistPath(p.Name, p.Version); !m.Plan.Adopted && p.Dist.Path != want {
			c.bad(at, "the dist of %s lies at %.160q, want %s", p.Name, p.Dist.Path, want)
			return nil, false
		}
	}
	slices.Sort(n.names)
	n.names = slices.Compact(n.names)
	return n, true
}

func packageKey(name, version string) string { return name + " " + version }

// snapshotSwitch verifies the packages.json of a snapshot: a repository of it alone.
func (c *check) snapshotSwitch(ctx context.Context, n *snapshot) {
	at := snapshotFile(n.name, stages.PackagesFile)
	data, ok := c.read(ctx, at, maxSwitch)
	if !ok {
		return
	}
	if i := slices.IndexFunc(n.manifest.Files, func(f releases.ManifestFile) bool { return f.Path == stages.PackagesFile }); i < 0 {
		c.bad(at, "is not in the snapshot's %s", releases.ManifestName)
	} else {
		c.sum(at, n.manifest.Files[i].SHA256, c.unrender(at, data, c.base+n.name.Dir()+"/"))
	}
	var s switchFile
	if err := json.Unmarshal(data, &s); err != nil {
		c.bad(at, "is no packages.json: %v", err)
		return
	}
	if want := c.base + snapshotFile(n.name, stages.MetadataDir) + "/%package%.json"; s.MetadataURL != want {
		c.bad(at, "metadata-url is %.160q, want %s", s.MetadataURL, want)
	}
	if !slices.Equal(slices.Sorted(slices.Values(s.Available)), n.names) {
		c.bad(at, "available-packages are not those of %s", releases.ManifestName)
	}
}

// sum compares a file of the snapshot's folder, without its URLs, with the manifest.
func (c *check) sum(at string, want pipeline.Digest, data []byte) {
	if data != nil && pipeline.DigestOf(data) != want { // nil: said already
		c.bad(at, "has SHA-256 %s without its URLs, %s says %s", pipeline.DigestOf(data), releases.ManifestName, want)
	}
}

// unrender takes the base URL out again; it returns nothing where there is a problem.
func (c *check) unrender(at string, data []byte, base string) []byte {
	plain, err := stages.Unrender(data, base)
	if err != nil {
		c.bad(at, "%v", err)
		return nil
	}
	return plain
}

// snapshotMetadata verifies the files below p2. It reports whether all could be read.
func (c *check) snapshotMetadata(ctx context.Context, n *snapshot) bool {
	before := len(c.report.Problems)
	data := make([][]byte, len(n.manifest.Files))
	_ = pipeline.Each(len(data), readers, func(i int) error {
		if f := n.manifest.Files[i]; stages.MetadataName(f.Path) != "" {
			data[i], _ = c.read(ctx, snapshotFile(n.name, f.Path), maxMetadata)
		} else if f.Path != stages.PackagesFile {
			c.bad(snapshotFile(n.name, releases.ManifestName), "names the file %.160q, which no snapshot has", f.Path)
		}
		return nil // problems are noted
	})
	for i, f := range n.manifest.Files {
		if data[i] != nil {
			c.metadataFile(n, f, data[i])
		}
	}
	for _, name := range n.names {
		if n.entries[name] == nil && n.entries[name+"~dev"] == nil {
			c.bad(snapshotFile(n.name, stages.MetadataDir+"/"+name+".json"), "is missing, or does not hold the package")
		}
	}
	return len(c.report.Problems) == before
}

// metadataFile verifies one file of Composer's metadata.
func (c *check) metadataFile(n *snapshot, f releases.ManifestFile, data []byte) {
	at, file := snapshotFile(n.name, f.Path), stages.MetadataName(f.Path)
	plain := c.unrender(at, data, c.base)
	if plain != nil && pipeline.DigestOf(plain) != f.SHA256 && n.manifest.Plan.Line.URL != c.base {
		// The site of a repository leaves its dists there.
		if other, err := stages.Unrender(data, n.manifest.Plan.Line.URL); err == nil && pipeline.DigestOf(other) == f.SHA256 {
			c.elsewhere, c.origin, plain = true, n.manifest.Plan.Line.URL, other
		}
	}
	c.sum(at, f.SHA256, plain)
	name := strings.TrimSuffix(file, "~dev")
	var form map[string]json.RawMessage
	var packages map[string][]json.RawMessage
	if json.Unmarshal(data, &form) != nil || len(form) != 1 || json.Unmarshal(form["packages"], &packages) != nil {
		c.bad(at, "is no metadata of one package")
		return
	}
	n.entries[file] = map[string]json.RawMessage{}
	for key, list := range packages {
		if _, built := slices.BinarySearch(n.names, name); key != name || !built {
			c.bad(at, "holds the package %.120q", key)
			continue
		}
		for _, entry := range list {
			c.entry(at, n, file, entry)
		}
	}
}

// entry verifies one version of a package.
func (c *check) entry(at string, n *snapshot, file string, entry json.RawMessage) {
	m, err := composer.ParseManifest(entry)
	if err != nil {
		c.bad(at, "%v", err)
		return
	}
	p := n.packages[packageKey(strings.TrimSuffix(file, "~dev"), m.Version())]
	if p == nil {
		c.bad(at, "holds the version %.80q, which %s does not have", m.Version(), releases.ManifestName)
		return
	}
	if err := p.CheckManifest(m); err != nil {
		c.bad(at, "%v", err)
		return
	}
	var found struct{ Dist composer.Dist }
	if err := json.Unmarshal(entry, &found); err != nil {
		c.bad(at, "%v", err)
		return
	}
	if n.manifest.Plan.Adopted {
		c.adoptedDist(at, p, found.Dist)
	} else {
		c.builtDist(at, p, found.Dist)
	}
	n.entries[file][m.Version()] = entry
}

// builtDist verifies where Composer gets a dist that was built here.
func (c *check) builtDist(at string, p *releases.ManifestPackage, d composer.Dist) {
	wants := []string{stages.DistURL(c.base, p.Dist.Path)}
	if c.elsewhere {
		wants = append(wants, stages.DistURL(c.origin, p.Dist.Path))
	}
	if d.Type != "zip" || !slices.Contains(wants, d.URL) {
		c.bad(at, "Composer would get the dist %.160q, want %s", d.URL, wants[0])
	}
	if d.SHASum != p.Dist.SHA1 {
		c.bad(at, "the dist's SHA-1 is %.60q, %s says %s", d.SHASum, releases.ManifestName, p.Dist.SHA1)
	}
}

// versionsOf verifies the file from which the next publish merges.
func (c *check) versionsOf(ctx context.Context, n *snapshot) {
	at := snapshotFile(n.name, versionsFile)
	data, ok := c.readIfThere(ctx, at, maxVersions)
	if !ok || data == nil {
		return // a site has none
	}
	var form struct {
		Format   int                                   `json:"format"`
		Times    map[string]string                     `json:"times"`
		Packages map[string]map[string]json.RawMessage `json:"packages"`
	}
	if err := json.Unmarshal(data, &form); err != nil {
		c.bad(at, "is no JSON of its kind: %v", err)
		return
	}
	n.times = map[string]string{}
	for commit, text := range form.Times {
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			c.bad(at, "the time of commit %.60q is %.60q", commit, text)
		}
		n.times[commit] = text
	}
	for _, file := range diff.Pairs(n.entries, form.Packages) {
		for _, v := range diff.Pairs(file.Theirs, file.Ours) {
			if !bytes.Equal(v.Theirs, v.Ours) {
				c.bad(at, "%s %.80s is not what the metadata says", file.Key, v.Key)
			}
		}
	}
}

// distSums are the dists of all snapshots that were read, each with the packages that name
// it.
func (c *check) distSums() map[string][]*releases.ManifestPackage {
	all := map[string][]*releases.ManifestPackage{}
	for _, n := range c.snapshots {
		for _, p := range n.packages {
			if p.Dist != nil {
				all[p.Dist.Path] = append(all[p.Dist.Path], p)
			}
		}
	}
	return all
}
