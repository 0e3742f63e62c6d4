package build

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases/composer"
)

// TestAliases: the highest version of ours stands in for a replaced one, and a range
// means no version.
func TestAliases(t *testing.T) {
	replaces := func(version string) []composer.Link {
		return []composer.Link{{Name: "magento/a", Constraint: version}, {Name: "magento/range", Constraint: "^1.0"}}
	}
	got := aliasesOf(map[string][]mirrored{
		"mage-os/a": {
			{version: "1.0.9", replace: replaces("2.4.7")},
			{version: "1.0.10", replace: replaces("2.4.7")},
			{version: "2.0.0", replace: replaces("2.4.8")},
		},
		"mage-os/b": {{version: "1.0.0"}},
	})
	want := []alias{
		{name: "magento/a", version: "2.4.7", target: "mage-os/a", requires: "1.0.10"},
		{name: "magento/a", version: "2.4.8", target: "mage-os/a", requires: "2.0.0"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(alias{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	m, err := got[0].manifest()
	if err != nil {
		t.Fatal(err)
	}
	text, err := m.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	const wantText = `{"name":"magento/a","version":"2.4.7","type":"metapackage","description":"Alias of mage-os/a","require":{"mage-os/a":"1.0.10"}}`
	if diff := cmp.Diff(wantText, string(text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
