package nightly

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

// The night of a day gets the number behind those of the same day that were adopted.
func TestNumberedAfterAdoption(t *testing.T) {
	for version, want := range map[string]int{
		"2.4.8.1-a20261124+p3": 1, "2.4.8.1-alpha20261124": 1, "2.4.8.1-a20261124.1": 2, "2.4.8.1-a20261123": 0, "2.4.8.1-a2026112": 0, "2.4.8-a202611241": 0,
		"2.4.8.1-a20261124-dev": 0, "2.4.8": 0, "dev-main": 0,
	} {
		dir, url := t.TempDir(), "https://nightly.example.org/"
		sum := sha1.Sum([]byte(version))
		packages := fmt.Sprintf(`{"packages":{"acme/tool":[{"name":"acme/tool","version":%q,"dist":{"type":"zip","url":%q,"shasum":%q}}]}}`, version, url+"tool.zip", hex.EncodeToString(sum[:]))
		for name, text := range map[string]string{"packages.json": packages, "tool.zip": version} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		o := publish.Options{Owner: "test", Now: time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)}
		if _, err := o.Adopt(t.Context(), publish.Adoption{To: dir, URL: url}); err != nil {
			t.Fatal(err)
		}
		at, err := target.Open(t.Context(), dir, target.Options{})
		if err != nil {
			t.Fatal(err)
		}
		plan, err := Numbered(t.Context(), &releases.Plan{Date: "2026-11-24"}, at)
		if err != nil || plan.Number != want {
			t.Errorf("with %s adopted the number is %d, want %d: %v", version, plan.Number, want, err)
		}
	}
}
