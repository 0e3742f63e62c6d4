package publish

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
)

// Dists lie under their former names, too, for as long as they are there; what was adopted under such a name stays.
func TestFormerDists(t *testing.T) {
	p := spots["folder"](t)
	at := p.open(t)
	files := satisOf(t, "p2")
	const taken = "packages/acme/module-000-2.4.8-alpha20261125.zip" // by a zip that no metadata names
	files[taken] = []byte("of satis")
	before := lay(t, at, files)
	if _, err := adoptOptions(p).Adopt(t.Context(), Adoption{To: p.url, URL: testURL}); err != nil {
		t.Fatal(err)
	}
	publish := func(name releases.SnapshotName, former string) error {
		s := sample{name: name, modules: 2, line: func(l *releases.Line) { l.FormerDists = former }}
		_, err := publishSnapshot(t, s, p.url, func(r *stages.PublishRequest) { r.Keep = 1 })
		return err
	}
	for _, night := range []releases.SnapshotName{"2026-11-25", "2026-11-26", "2026-11-27", "2026-11-28", "2026-11-29"} {
		if err := publish(night, "packages"); err != nil {
			t.Fatal(err)
		}
		after := filesAt(t, at)
		for name, data := range after {
			if rest, ok := strings.CutPrefix(name, "dists/"); ok && "packages/"+rest != taken && after["packages/"+rest] != data {
				t.Errorf("%s: %s does not lie below packages, too", night, name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(after)) {
			rest, ok := strings.CutPrefix(name, "packages/")
			if _, old := before[name]; ok && !old && after["dists/"+rest] == "" {
				t.Errorf("%s: %s is still there", night, name)
			}
		}
		if lost := changed(before, after); !slices.Equal(lost, []string{"index.html", "packages.json"}) {
			t.Errorf("%s: files of before are not as they were: %q", night, lost)
		}
	}
	if err := publish("2026-11-30", "old"); err == nil || !strings.Contains(err.Error(), "the repository has them below packages/") {
		t.Errorf("another folder: %v", err)
	}
	if s, err := switchOf(p.url); err != nil || s.Nightly.Former != "packages" {
		t.Errorf("packages.json names %q: %v", s.Nightly.Former, err)
	}
}
