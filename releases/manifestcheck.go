package releases

import (
	"fmt"

	"github.com/mage-os/nightly/releases/composer"
)

// CheckManifest compares a composer.json, of a zip or of metadata, with what the night's
// manifest says of the package: its name, version, type and requires. Of a package that
// a mirror took from a tag or a zip the manifest says no requires, since nobody here made
// them; its files are known by their sums.
func (p *ManifestPackage) CheckManifest(m *composer.Manifest) error {
	switch {
	case m.Name() != p.Name:
		return fmt.Errorf("is of %.120q, not of %s", m.Name(), p.Name)
	case m.Version() != p.Version:
		return fmt.Errorf("is of version %.120q, not %s", m.Version(), p.Version)
	case m.Type() != p.Type:
		return fmt.Errorf("is of type %.120q, not %s", m.Type(), p.Type)
	}
	if isZip := p.Commit == "" && len(p.Requires) == 0; isZip || p.Tag != "" {
		return nil
	}
	want := make(map[string]string, len(p.Requires))
	for _, r := range p.Requires {
		want[r.Name] = r.Constraint
	}
	for _, l := range m.Links(composer.Require) {
		constraint, ok := want[l.Name]
		if !ok || constraint != l.Constraint {
			return fmt.Errorf("requires %.120q %.120q, which %s does not say", l.Name, l.Constraint, ManifestName)
		}
		delete(want, l.Name)
	}
	for name := range want {
		return fmt.Errorf("does not require %s, as %s says", name, ManifestName)
	}
	return nil
}
