package releases

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/config"
)

func testPlan(t testing.TB) *Plan {
	t.Helper()
	line := Line{
		Name: "test", Title: "test", Vendor: "mage-os", Rename: map[string]string{}, URL: "https://example.org/",
		Versions: Versions{Policy: NightlyPolicy, Fallback: "0.0.1", SkipTags: []string{"v*"}},
		Composer: []ComposerRepository{{URL: "https://repo.packagist.org"}},
		Repositories: []Repository{
			{Name: "one", URL: "https://example.org/one.git", Ref: "main", Packages: []Package{{Each: "app/code", Exclude: []string{}}, {Directory: ".", Exclude: []string{}}}},
			{Name: "two", URL: "https://example.org/two.git", Ref: "develop", Packages: []Package{{Directory: ".", Exclude: []string{}}}},
		},
		Editions: []Edition{}, Edits: []Edit{}, Install: emptyInstall(), Keep: 14,
	}
	return &Plan{
		Format: PlanFormat, Program: Program, Line: line, Date: "2026-11-24",
		Repositories: []PlannedRepository{
			{Name: "one", URL: "https://example.org/one.git", Ref: "refs/heads/main", Commit: commitID("1"), Tag: "1.0", TagCommit: commitID("2"), Notes: []string{}},
			{Name: "two", URL: "https://example.org/two.git", Ref: "refs/heads/main", Commit: commitID("3"), Notes: []string{"a & <b>"}},
		},
		Replace: map[string]string{"magento/b": "2", "magento/a": "1"}, LatestTags: map[string]string{},
	}
}

func encoded(t testing.TB, p *Plan) string {
	t.Helper()
	data, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestPlanFile(t *testing.T) {
	text := encoded(t, testPlan(t))
	for _, want := range []string{"{\n  \"format\": 1,\n", "\"magento/a\": \"1\",\n    \"magento/b\": \"2\"\n", "a & <b>", "}\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("plan lacks %q:\n%s", want, text)
		}
	}
	p := testPlan(t)
	data, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParsePlan(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, again); diff != "" {
		t.Errorf("plan after a round trip (-want +got):\n%s", diff)
	}
}

func TestParsePlanRefuses(t *testing.T) {
	cases := []struct{ name, old, new, want string }{
		{"unknown key", `"date":`, `"clock": 1, "date":`, "clock"},
		{"unknown key below", `"tag-commit":`, `"x": 1, "tag-commit":`, `"x"`},
		{"another format", `"format": 1`, `"format": 2`, "format 1"},
		{"no format", `"format": 1,`, ``, "format"},
		{"date", `2026-11-24`, `24.11.2026`, "24.11.2026"},
		{"number", `"number": 0`, `"number": -1`, "-1"},
		{"wrong type", `"number": 0`, `"number": "0"`, "line "},
		{"short commit", commitID("1"), "1111111", "1111111"},
		{"commit in capitals", commitID("3"), commitID("A"), "40 hexadecimal digits"},
		{"option as a commit", commitID("2"), "--upload-pack=x", "40 hexadecimal digits"},
		{"tag without commit", commitID("2"), "", "tag without its commit"},
		{"repository that the line lacks", `"name": "two",
      "url": "https://example.org/two.git",
      "ref": "refs`, `"name": "three",
      "url": "https://example.org/two.git",
      "ref": "refs`, "three"},
		{"cut", "}\n", "", ""},
		{"something behind", "\n}\n", "\n} {}\n", ""},
	}
	text := encoded(t, testPlan(t))
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			broken := strings.Replace(text, c.old, c.new, 1)
			if c.name == "cut" {
				broken = strings.TrimSuffix(text, c.old)
			}
			if broken == text {
				t.Fatalf("the plan has no %q", c.old)
			}
			_, err := ParsePlan([]byte(broken))
			var bad *config.Error
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want a config.Error about %q", err, c.want)
			}
		})
	}
	if _, err := ParsePlan(make([]byte, maxFile+1)); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("too large: error %v", err)
	}
}

func testManifest(t testing.TB) *Manifest {
	sha := pipeline.Digest(strings.Repeat("ab", 32))
	return &Manifest{
		Format: ManifestFormat, Snapshot: "2026-11-24", Program: Program, Stages: map[string]int{"build": 1, "checkout": 2},
		Packages: []ManifestPackage{{
			Name: "mage-os/a", Version: "1.0.1-a20261124", Type: "library", Repository: "one", Directory: ".", Commit: commitID("1"),
			Requires: []Requirement{{"php", "~8.3", "declared"}},
			Dist:     &ManifestDist{"dists/mage-os/a-1.0.1-a20261124.zip", 12, commitID("c"), sha},
		}},
		Files: []ManifestFile{{"packages.json", 3, sha}},
		Plan:  *testPlan(t),
	}
}

func TestManifestFile(t *testing.T) {
	m := testManifest(t)
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, again); diff != "" {
		t.Errorf("after a round trip (-want +got):\n%s", diff)
	}
}

func TestParseManifestRefuses(t *testing.T) {
	cases := []struct {
		name, want string
		spoil      func(*Manifest)
	}{
		{"another night", "2026-11-25", func(m *Manifest) { m.Snapshot = "2026-11-25" }},
		{"another format", "format 9", func(m *Manifest) { m.Format = 9 }},
		{"a dist outside", "../x.zip", func(m *Manifest) { m.Packages[0].Dist.Path = "../x.zip" }},
		{"no dist", "no dist", func(m *Manifest) { m.Packages[0].Dist = nil }},
		{"no SHA-1", "sha1", func(m *Manifest) { m.Packages[0].Dist.SHA1 = "x" }},
		{"no SHA-256", "sha256", func(m *Manifest) { m.Files[0].SHA256 = "x" }},
		{"a file outside", "/etc/passwd", func(m *Manifest) { m.Files[0].Path = "/etc/passwd" }},
		{"a size below zero", "-1 bytes", func(m *Manifest) { m.Files[0].Size = -1 }},
		{"a plan that is wrong", "commit", func(m *Manifest) { m.Plan.Repositories[0].Commit = "" }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := testManifest(t)
			c.spoil(m)
			data, err := m.Encode()
			if err != nil {
				t.Fatal(err)
			}
			_, err = ParseManifest(data)
			var bad *config.Error
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want a config.Error about %q", err, c.want)
			}
		})
	}
}

// A plan that is read is written and read again as itself.
func FuzzParsePlan(f *testing.F) {
	f.Add([]byte(encoded(f, testPlan(f))))
	f.Add([]byte(`{"format":1}`))
	f.Add([]byte(`{"format":1,"line":{"repositories":[{"packages":[{"base":{"manifest":{"a":1}}}]}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParsePlan(data)
		if err != nil {
			var bad *config.Error
			if !errors.As(err, &bad) {
				t.Fatalf("error %v is no config.Error", err)
			}
			return
		}
		first := encoded(t, p)
		again, err := ParsePlan([]byte(first))
		if err != nil {
			t.Fatalf("the plan that was written cannot be read: %v\n%s", err, first)
		}
		if second := encoded(t, again); !bytes.Equal([]byte(first), []byte(second)) {
			t.Fatalf("(-first +second):\n%s", cmp.Diff(first, second))
		}
	})
}

func commitID(c string) string { return strings.Repeat(c, 40) }
