package ci

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mage-os/nightly/releases/rules"
)

// The help of compare names versions as nights have them.
func TestCompareHelpVersions(t *testing.T) {
	for _, date := range []string{"2026-11-20", "2026-11-24"} {
		version, err := rules.NightlyVersion("2.4.8", date, 0, false)
		if err != nil {
			t.Fatal(err)
		}
		if example := newCompare(&factory{}).Example; !strings.Contains(example, " "+version) {
			t.Errorf("no %s:\n%s", version, example)
		}
	}
}

// Keys that are made in a clone are none of its files, in a folder of their own or in one that was there.
func TestTrustInitInClone(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("there", 0o755); err != nil {
		t.Fatal(err)
	}
	for keys, want := range map[string]string{"new": "*\n", "there": "*.key\n"} {
		var out bytes.Buffer
		env := &factory{stdout: &out, stderr: &out, now: time.Now, getenv: func(string) string { return "" }}
		cmd := newTrust(env)
		cmd.SetArgs([]string{"init", "trust-" + keys, "--line", "sample", "--keys", keys})
		if err := cmd.Execute(); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(keys, ".gitignore")); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", keys, got, err, want)
		}
	}
}
