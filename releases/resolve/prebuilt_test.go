package resolve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

// A repository of others cannot add to the names that a mirror has.
func TestZipsOfRepositoryOfOtherVendors(t *testing.T) {
	dir := t.TempDir()
	version := func(name string) string {
		return `"` + name + `":[{"name":"` + name + `","version":"1.0.0","dist":{"type":"zip","url":"x.zip","shasum":""}}]`
	}
	text := `{"packages":{` + version("acme/ours") + `,` + version("old/alias") + `,` + version("psr/clock") + `}}`
	if err := os.WriteFile(filepath.Join(dir, "packages.json"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	o, line := Options{Fetcher: composer.NewFetcher(remote.Client{})}, &releases.Line{Vendor: "acme", Aliases: "old"}
	from := releases.Prebuilt{Repository: "file://" + filepath.ToSlash(dir)}
	if zips, err := o.zipsOfRepository(t.Context(), from, line); err == nil || !strings.Contains(err.Error(), "[psr/clock] of it are of none of the line's vendors") {
		t.Errorf("%v, %v", zips, err)
	}
	from.Packages = []string{"acme/*", "psr/clock"}
	if zips, err := o.zipsOfRepository(t.Context(), from, line); err != nil || len(zips) != 2 {
		t.Errorf("%v, %v", zips, err)
	}
}
