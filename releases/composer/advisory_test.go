package composer

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAdvisories(t *testing.T) {
	const file = `[
{"id": "GHSA-aaaa-bbbb-cccc", "aliases": ["CVE-2026-1"], "summary": "Code runs", "published": "2026-11-01T10:00:00Z", "severity": [{"type": "CVSS_V3", "score": "x"}],
 "database_specific": {"severity": "HIGH"}, "references": [{"type": "WEB", "url": "https://w.example.org"}, {"type": "ADVISORY", "url": "https://a.example.org"}],
 "affected": [
  {"package": {"ecosystem": "Packagist", "name": "Acme/Tool"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.2.0"}, {"introduced": "2.0"}, {"last_affected": "2.1.0"}]}], "versions": ["1.1.0"]},
  {"package": {"ecosystem": "Packagist", "name": "acme/tool"}, "versions": ["3.0.0-beta1"]},
  {"package": {"ecosystem": "npm", "name": "tool"}, "versions": ["1"]}]},
{"ghsa_id": "GHSA-dddd-eeee-ffff", "cve_id": "CVE-2026-2", "summary": "Files are read", "html_url": "https://github.com/x", "severity": "low", "published_at": "2026-11-02T12:00:00+02:00",
 "vulnerabilities": [{"package": {"ecosystem": "composer", "name": "acme/a"}, "vulnerable_version_range": ">= 1.0, < 1.5"}, {"package": {"ecosystem": "composer", "name": "acme/a"}, "vulnerable_version_range": "= 2.0.0"}]},
{"id": "OSV-1", "withdrawn": "2026-11-03T00:00:00Z"}]`
	got, err := ParseAdvisories([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	want := []Advisory{
		{"GHSA-dddd-eeee-ffff", "acme/a", ">=1.0,<1.5|=2.0.0", "Files are read", "CVE-2026-2", "https://github.com/x", "2026-11-02T10:00:00Z", []AdvisorySource{{"GitHub", "GHSA-dddd-eeee-ffff"}}, "low"},
		{"GHSA-aaaa-bbbb-cccc", "acme/tool", ">=0-dev,<1.2.0|>=2.0,<=2.1.0|==3.0.0-beta1", "Code runs", "CVE-2026-1", "https://a.example.org", "2026-11-01T10:00:00Z", []AdvisorySource{{"GitHub", "GHSA-aaaa-bbbb-cccc"}}, "high"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBadAdvisories(t *testing.T) {
	for text, want := range map[string]string{
		`x`: "advisories: ", `{"summary": "x"}`: `neither an "id"`, `{"id": "A-1"}`: `no "summary"`, `{"id": "A-1", "summary": "x"}`: "when it was published",
		`{"id": "A-1", "summary": "x", "published": "2026-11-01T10:00:00Z", "affected": [{"package": {"ecosystem": "Packagist", "name": "acme/a"}}]}`:                                                      `affected versions ""`,
		`[{"id": "A-1"}, {"id": "A-2", "summary": "x", "published": "2026-11-01T10:00:00Z", "vulnerabilities": [{"package": {"ecosystem": "composer", "name": "a"}, "vulnerable_version_range": "x y"}]}]`: `advisory 2, "A-2"`,
	} {
		if _, err := ParseAdvisories([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want an error with %q: %v", text, want, err)
		}
	}
}
