package rules

import (
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases/composer"
)

// The rule table of Mage-OS's nightly builds.
var nightlyVersions = []struct{ base, nightly string }{
	{"2.4.8", "2.4.8.1-a20260805"},
	{"2.4.8-p3", "2.4.8.1-a20260805+p3"},
	{"103.0.8-p3", "103.0.8.1-a20260805+p3"},
	{"2.3.4.5", "2.3.4.6-a20260805"},
	{"2.3.4.9", "2.3.4.10-a20260805"},
	{"1.22.0.1", "1.22.0.2-a20260805"},
	{"1.0", "1.0.1-a20260805"},
	{"1", "1.1-a20260805"},
	{"40", "40.1-a20260805"},
	{"v1.2.3", "v1.2.3.1-a20260805"},
	{"v2.3.4.5", "v2.3.4.6-a20260805"},
	{"0.4.0-beta1", "0.4.0.1-a20260805+beta1"},
	{"", "0.0.1.1-a20260805"},
}

func TestNightlyVersion(t *testing.T) {
	for _, c := range nightlyVersions {
		t.Run("base "+c.base, func(t *testing.T) {
			got, err := NightlyVersion(c.base, "2026-08-05", 0, false)
			if err != nil || got != c.nightly {
				t.Errorf("NightlyVersion(%q) = %q, %v; want %q", c.base, got, err, c.nightly)
			}
		})
	}
}

func TestNightlyVersionOfOtherNights(t *testing.T) {
	cases := []struct {
		name, base string
		number     int
		local      bool
		want       string
	}{
		{"second night", "2.4.8", 1, false, "2.4.8.1-a20260805.1"},
		{"eleventh night with a patch", "2.4.8-p3", 10, false, "2.4.8.1-a20260805.10+p3"},
		{"local", "2.4.8", 0, true, "2.4.8.1-a20260805+local"},
		{"local with a patch", "2.4.8-p3", 0, true, "2.4.8.1-a20260805+p3.local"},
		{"local second night", "2.4.8-p3", 1, true, "2.4.8.1-a20260805.1+p3.local"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := NightlyVersion(c.base, "2026-08-05", c.number, c.local)
			if err != nil || got != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestNightlyVersionRefuses(t *testing.T) {
	for _, base := range []string{
		"0.4.0-beta.1", "2.4.9-alpha-3", "2.4.7-p1.2", "1.0.0+meta", "main", "100.4.*", // the rule table
		"1.2.3.4.5", "1.", "-p1", "1.0.0-1", " 1.0.0", "1.0.0\n", "1.0.0.99999999999", "123456.0",
	} {
		t.Run(base, func(t *testing.T) {
			got, err := NightlyVersion(base, "2026-08-05", 0, false)
			if err == nil {
				t.Fatalf("NightlyVersion(%q) = %q, want an error", base, got)
			}
			if quoted := strings.TrimSpace(base); !strings.Contains(err.Error(), quoted) {
				t.Errorf("error %q does not name the base %q", err, base)
			}
		})
	}
	for _, date := range []string{"", "20260805", "2026-8-5", "2026-02-30", "2026-08-05T00:00:00Z"} {
		if got, err := NightlyVersion("1.0.0", date, 0, false); err == nil {
			t.Errorf("date %q gives %q, want an error", date, got)
		}
	}
}

// Composer has to order nights as people expect.
func TestNightlyVersionOrder(t *testing.T) {
	for _, c := range nightlyVersions {
		base := c.base
		if base == "" {
			base = newPackage
		}
		numbers, _, _ := strings.Cut(base, "-")
		ascending := []string{numbers}
		if strings.Count(numbers, ".") < 3 {
			ascending = append(ascending, numbers+"-p1", numbers+"-p10")
		}
		for number := range 3 {
			version, err := NightlyVersion(c.base, "2026-08-05", number, false)
			if err != nil {
				t.Fatal(err)
			}
			ascending = append(ascending, version)
		}
		tenth, err := NightlyVersion(c.base, "2026-08-05", 10, false)
		if err != nil {
			t.Fatal(err)
		}
		tomorrow, err := NightlyVersion(c.base, "2026-08-06", 0, false)
		if err != nil {
			t.Fatal(err)
		}
		assertAscending(t, append(ascending, tenth, tomorrow, nextPatch(t, numbers)))
	}
}

// nextPatch is the release that upstream would make next: the last of the first
// three numbers raised.
func nextPatch(t *testing.T, numbers string) string {
	t.Helper()
	parts := strings.Split(numbers, ".")
	parts = parts[:min(len(parts), 3)]
	parts[len(parts)-1] += "0" // any higher number: 8 becomes 80
	if parts[len(parts)-1] == "00" {
		parts[len(parts)-1] = "1"
	}
	return strings.Join(parts, ".")
}

func assertAscending(t *testing.T, versions []string) {
	t.Helper()
	for i := range len(versions) - 1 {
		low, err := composer.ParseVersion(versions[i])
		if err != nil {
			t.Fatal(err)
		}
		high, err := composer.ParseVersion(versions[i+1])
		if err != nil {
			t.Fatal(err)
		}
		if low.Compare(high) >= 0 {
			t.Errorf("%s (%s) is not below %s (%s)", low, low.Normalized(), high, high.Normalized())
		}
	}
}

// Composer takes a preview for a development version, below all nights and releases of its
// numbers, and above what was released before.
func TestPreviewVersion(t *testing.T) {
	for _, c := range []struct {
		base   string
		number int
		want   string
	}{
		{"2.4.8-p3", 0, "2.4.8.1-dev+p3.pr123.20260805"},
		{"2.4.8", 2, "2.4.8.1-dev+pr123.20260805.2"},
		{"2.3.4.5", 0, "2.3.4.6-dev+pr123.20260805"},
	} {
		got, err := PreviewVersion(c.base, "2026-08-05", c.number, "pr123")
		if err != nil || got != c.want {
			t.Fatalf("PreviewVersion(%q) = %q, %v; want %q", c.base, got, err, c.want)
		}
		preview, err := composer.ParseVersion(got)
		if err != nil || preview.Stability() != composer.Dev {
			t.Errorf("%s has stability %s, %v", got, preview.Stability(), err)
		}
		for _, day := range []string{"2020-01-01", "2026-08-05"} {
			text, err := NightlyVersion(c.base, day, 0, false)
			if err != nil {
				t.Fatal(err)
			}
			if night, _ := composer.ParseVersion(text); preview.Compare(night) >= 0 {
				t.Errorf("%s is not below the night %s", got, text)
			}
		}
		if base, _ := composer.ParseVersion(c.base); preview.Compare(base) <= 0 {
			t.Errorf("%s is not above %s", got, c.base)
		}
	}
}
