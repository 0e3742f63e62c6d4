package publish

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// checkEntry compares one version in Composer's metadata with the manifest: whose it
// is, its requires, and which bytes Composer downloads for it.
func checkEntry(entry []byte, version string, base string, packages map[string]releases.ManifestPackage) error {
	m, err := composer.ParseManifest(entry)
	if err != nil {
		return err
	}
	p, ok := packages[m.Name()+" "+version]
	if !ok {
		return fmt.Errorf("is %s %s, which is not in %s", m.Name(), m.Version(), releases.ManifestName)
	}
	if err := p.CheckManifest(m); err != nil {
		return err
	}
	var found struct{ Dist composer.Dist }
	if err := json.Unmarshal(entry, &found); err != nil {
		return err
	}
	if !strings.HasPrefix(found.Dist.URL, base+stages.DistsDir+"/") {
		return fmt.Errorf("names the dist %.200q, which is not below %s", found.Dist.URL, base)
	}
	if p.Dist == nil || found.Dist.SHASum != p.Dist.SHA1 || !strings.HasSuffix(found.Dist.URL, "/"+p.Dist.Path) {
		return fmt.Errorf("names the dist %s with SHA-1 %s, which is not that of %s", found.Dist.URL, found.Dist.SHASum, releases.ManifestName)
	}
	return nil
}
