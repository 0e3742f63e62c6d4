package git

import (
	"path/filepath"
	"testing"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/lines"
	"github.com/mage-os/nightly/releases/resolve"
	"github.com/mage-os/nightly/releases/sample"
)

// The distribution that the program carries resolves with nothing but itself.
func TestSampleLineResolves(t *testing.T) {
	dir := t.TempDir()
	if err := Materialise(sample.Sources, dir); err != nil {
		t.Fatal(err)
	}
	line, err := lines.Load("sample")
	if err != nil {
		t.Fatal(err)
	}
	locate := func(url string) (string, error) {
		name, _ := releases.IsEmbedded(url)
		return filepath.Join(dir, name), nil
	}
	sources := resolve.Options{Lister: NewLister(Options{Locate: locate}), Locate: locate}
	plan, err := resolve.Line(t.Context(), sources, line, "2026-11-24")
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range plan.Repositories {
		if r.Name != line.Repositories[i].Name || r.Ref != "refs/heads/main" || r.Tag == "" {
			t.Errorf("planned %+v, want the branch main and a tag of %s", r, line.Repositories[i].Name)
		}
	}
	data, err := plan.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := releases.ParsePlan(data); err != nil {
		t.Error(err)
	}
}
