package releases

import (
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases/composer"
)

// ordered are versions of releases from the lowest to the highest.
var ordered = []string{
	"1.0.0-alpha", "1.0.0-alpha1", "1.0.0-alpha2", "1.0.0-alpha10", "1.0.0-beta1", "1.0.0-beta10", "1.0.0-rc1", "1.0.0",
	"1.0.0-p1", "1.0.0-p2", "1.0.0-p10", "1.0.1-beta1", "1.0.1", "1.1", "1.1.1", "1.10.0", "2.0.0-rc1", "2.0.0", "3.0.0",
}

// TestReleaseOrder: what semver and Mage-OS's suffixes say is what Composer says.
func TestReleaseOrder(t *testing.T) {
	for i, a := range ordered {
		for j, b := range ordered {
			x, y := mustRelease(t, a), mustRelease(t, b)
			want := sign(i - j)
			if got := sign(x.Compare(y)); got != want {
				t.Errorf("%s against %s: %d, want %d", a, b, got, want)
			}
			cx, errX := composer.ParseVersion(a)
			cy, errY := composer.ParseVersion(b)
			if errX != nil || errY != nil || sign(cx.Compare(cy)) != want {
				t.Errorf("Composer's order of %s and %s is another (%v, %v)", a, b, errX, errY)
			}
		}
	}
}

func sign(n int) int { return min(max(n, -1), 1) }

func mustRelease(t *testing.T, text string) ReleaseVersion {
	t.Helper()
	v, err := ParseReleaseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestNoReleaseVersion(t *testing.T) {
	for _, text := range []string{
		"", "1", "1.0.0.0", "v1.0.0", "1.0.0-", "1.0.0-p", "1.0.0-p0", "1.0.0-beta.1", "1.0.0-gamma1", "1.0.0+x", "1.0.0-p1-beta1",
		"01.0.0", "1.00.0", "1.0.0-rc01", "2026-11-24", "2026-11-24.1", "1.0.0 ", "1.0.0\n", "main", "1.0.0-BETA1", "1.0.0-a20261124",
	} {
		if v, err := ParseReleaseVersion(text); err == nil {
			t.Errorf("%q is taken for the version %s", text, v)
		}
	}
}

func TestAbove(t *testing.T) {
	for _, c := range []struct {
		name, version string
		others        []string
		last          string // that it is not above; empty: it is
	}{
		{"the first", "1.0.0", nil, ""},
		{"the next", "3.1.0", []string{"3.0.0", "2.2.2"}, ""},
		{"the same again is finished", "3.1.0", []string{"3.0.0", "3.1.0"}, ""},
		{"below the last", "3.0.5", []string{"3.0.6", "3.1.0"}, "3.0.6"},
		{"a patch line", "2.2.3", []string{"3.0.0", "2.2.2"}, ""},
		{"a new minor of an older major", "2.3.0", []string{"3.0.0", "2.2.2"}, ""},
		{"a minor that was left out", "2.1.0", []string{"3.0.0", "2.2.2"}, "2.2.2"},
		{"an older major that never was", "1.0.0", []string{"3.0.0", "2.2.2"}, "3.0.0"},
		{"a pre-release of the next", "3.1.0-beta1", []string{"3.0.0"}, ""},
		{"a pre-release of what is out", "3.1.0-rc1", []string{"3.1.0"}, "3.1.0"},
		{"the release after its candidate", "3.1.0", []string{"3.1.0-rc2"}, ""},
		{"a patch of the last", "3.1.0-p1", []string{"3.1.0"}, ""},
		{"tags that are no releases", "3.1.0", []string{"main", "v9.9.9", "2026-11-24", "9.9.9.9"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := mustRelease(t, c.version).Above(c.others)
			if (err == nil) != (c.last == "") || err != nil && !strings.Contains(err.Error(), "is not above "+c.last+",") {
				t.Errorf("got %v, want last %q", err, c.last)
			}
		})
	}
}

func TestBefore(t *testing.T) {
	others := []string{"2.2.2", "3.0.0", "3.1.0-beta1", "3.1.0-rc1", "3.1.0", "4.0.0", "2026-11-24"}
	for version, want := range map[string]string{"3.1.0": "3.0.0", "3.1.0-rc1": "3.1.0-beta1", "3.0.1": "3.0.0", "2.0.0": "", "4.1.0": "4.0.0"} {
		if got := mustRelease(t, version).Before(others); got != want {
			t.Errorf("before %s: %q, want %q", version, got, want)
		}
	}
}
