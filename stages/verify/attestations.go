package verify

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/diff"
)

// attestations verifies what lies beside a snapshot: its provenance, the report of its
// installation, and the bill of materials. It returns what was installed, if that is told.
func (c *check) attestations(ctx context.Context, n *snapshot) *stages.Installation {
	want := attest.Digests(n.manifest, n.data)
	c.statement(ctx, n, attest.ProvenanceFile, attest.ProvenanceType, want)
	at := snapshotFile(n.name, attest.InstallationFile)
	report, ok := c.readIfThere(ctx, at, maxManifest)
	bill, okBill := c.readIfThere(ctx, snapshotFile(n.name, attest.SBOMFile), maxManifest)
	if !ok || !okBill {
		return nil
	}
	if report == nil && bill == nil {
		if c.trusted != nil && n.name.Kind() != releases.Addition {
			c.bad(at, "is missing: nothing says that %s was installed before it was published", n.name.Title())
		}
		return nil
	}
	c.statement(ctx, n, attest.ProvenInstallationFile, attest.TestResultType, map[string]pipeline.Digest{
		releases.ManifestName: pipeline.DigestOf(n.data), attest.InstallationFile: pipeline.DigestOf(report), attest.SBOMFile: pipeline.DigestOf(bill),
	})
	installed, err := attest.ParseInstallation(report)
	switch {
	case err != nil:
		c.bad(at, "is no report of an installation: %v", err)
		return nil
	case installed.Snapshot != n.name:
		c.bad(at, "is the report of %s", installed.Snapshot.Title())
		return nil
	case !installed.Level.Includes(releases.Installed):
		c.bad(at, "says that nothing was installed: level %.40q", installed.Level)
	}
	c.bill(n, bill, installed)
	return installed
}

// statement verifies that a statement says these sums and no others. A repository that is signed has it.
func (c *check) statement(ctx context.Context, n *snapshot, name, kind string, want map[string]pipeline.Digest) {
	at := snapshotFile(n.name, name)
	data, ok := c.readIfThere(ctx, at, maxManifest)
	switch {
	case data == nil && ok && c.trusted != nil:
		c.bad(at, "is missing")
		return
	case data == nil:
		return
	}
	s, err := attest.ParseStatement(data)
	if err != nil {
		c.bad(at, "%v", err)
		return
	}
	c.subjects(at, s, kind, want)
}

func (c *check) subjects(at string, s *attest.Statement, kind string, want map[string]pipeline.Digest) {
	if s.Type != kind {
		c.bad(at, "is a statement of type %.120q, want %s", s.Type, kind)
		return
	}
	for _, p := range diff.Sets(want, s.Subjects) {
		if p.What == diff.OnlyOurs {
			c.bad(at, "names %.120q, which the snapshot does not have", p.Key)
		} else {
			c.bad(at, "says that %s has SHA-256 %s, it has %s", p.Key, text(p.Ours), p.Theirs)
		}
	}
}

// rebuilds counts who has built a snapshot again.
func (c *check) rebuilds(ctx context.Context, n *snapshot) {
	at := snapshotFile(n.name, attest.RebuiltFile)
	data, ok := c.readIfThere(ctx, at, maxManifest)
	if !ok || len(c.o.Rebuilders) == 0 {
		return
	}
	r := attest.CountRebuilds(ctx, data, pipeline.DigestOf(n.data), c.o.Rebuilders)
	if c.report.Rebuilt == nil {
		c.report.Rebuilt = map[releases.SnapshotName]*attest.Rebuilds{}
	}
	c.report.Rebuilt[n.name] = r
	for _, who := range slices.Sorted(maps.Keys(r.Differ)) {
		c.bad(at, "%s has built %s again, with other bytes: %s", who, n.name.Title(), strings.Join(r.Differ[who], ", "))
	}
	for _, why := range r.Uncounted {
		c.report.Unchecked = append(c.report.Unchecked, at+": "+shortened(why))
	}
	if n.name == c.key.Snapshots[0] && len(r.By) < c.o.Threshold {
		c.bad(at, "%s was rebuilt by %d of %d, want %d", n.name.Title(), len(r.By), r.Of, c.o.Threshold)
	}
}

// bill compares the bill of materials with what was built and installed.
func (c *check) bill(n *snapshot, data []byte, installed *stages.Installation) {
	at := snapshotFile(n.name, attest.SBOMFile)
	if data == nil {
		c.bad(at, "is missing")
		return
	}
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(data), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		c.bad(at, "is no CycloneDX bill of materials: %v", err)
		return
	}
	var components []cdx.Component
	if bom.Metadata != nil && bom.Metadata.Component != nil {
		components = append(components, *bom.Metadata.Component)
	}
	if bom.Components != nil {
		components = append(components, *bom.Components...)
	}
	listed := map[string]string{}
	for _, component := range components {
		listed[component.Group+"/"+component.Name] = component.Version
	}
	lists := func(name, version, was string) {
		if listed[name] != version {
			c.bad(at, "does not list %.120s %.80s, which was %s", name, version, was)
		}
	}
	for _, p := range installed.Packages {
		lists(p.Name, p.Version, "installed")
	}
	for _, p := range n.packages {
		lists(p.Name, p.Version, "built")
	}
}

// closure verifies that the packages of the snapshot can be installed with one another: each
// require of a package that was built, or installed, fits the version of that.
func (c *check) closure(n *snapshot, installed *stages.Installation) {
	versions, was := map[string][]string{}, map[string]string{} // was: installed
	if installed != nil {
		for _, p := range installed.Packages {
			versions[p.Name], was[p.Name] = []string{p.Version}, p.Version
		}
	}
	for _, p := range n.packages {
		if was[p.Name] != "" && !slices.Contains(versions[p.Name], p.Version) {
			c.bad(snapshotFile(n.name, attest.InstallationFile), "says that %s %.80s was installed, the snapshot has %s", p.Name, was[p.Name], p.Version)
		}
		if !slices.Contains(versions[p.Name], p.Version) {
			versions[p.Name] = append(versions[p.Name], p.Version)
		}
	}
	replaced := n.replaced()
	for _, p := range n.packages {
		for _, r := range p.Requires {
			if !composer.IsPlatform(r.Name) {
				c.require(n, p, r, versions, was[p.Name] != "" && !replaced[strings.ToLower(r.Name)])
			}
		}
	}
}

func (c *check) require(n *snapshot, p *releases.ManifestPackage, r releases.Requirement, versions map[string][]string, needed bool) {
	at := snapshotFile(n.name, releases.ManifestName)
	name := strings.ToLower(r.Name)
	found, ok := versions[name]
	if !ok {
		// What others build, and nobody installed, is not the repository's to prove; nor
		// is what somebody else's package may replace.
		if needed && composer.Name(name).Vendor() == n.manifest.Plan.Line.Vendor {
			c.bad(at, "%s requires %s %s, which the snapshot does not have", p.Name, r.Name, r.Constraint)
		}
		return
	}
	text := r.Constraint
	if text == "self.version" {
		text = p.Version
	}
	constraint, err := composer.ParseConstraint(text)
	if err != nil {
		c.bad(at, "%s requires %s: %v", p.Name, r.Name, err)
		return
	}
	fits := func(v string) bool {
		version, err := composer.ParseVersion(v)
		return err == nil && constraint.Matches(version)
	}
	if !slices.ContainsFunc(found, fits) {
		c.bad(at, "%s requires %s %s, the snapshot has %.160s", p.Name, r.Name, r.Constraint, strings.Join(found, ", "))
	}
}

// replaced are the packages that some of the snapshot's stand in for.
func (n *snapshot) replaced() map[string]bool {
	all := map[string]bool{}
	for _, entries := range n.entries {
		for _, entry := range entries {
			m, err := composer.ParseManifest(entry)
			if err != nil {
				continue // said already
			}
			for _, section := range []composer.Section{composer.Replace, composer.Provide} {
				for _, l := range m.Links(section) {
					all[strings.ToLower(l.Name)] = true
				}
			}
		}
	}
	return all
}
