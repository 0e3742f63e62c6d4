package resolve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/config"
	"github.com/mage-os/nightly/releases/lines"
)

// A server is a Lister that holds repositories in memory and counts how often
// each was listed.
type server struct {
	repositories map[string][]releases.Ref
	mu           sync.Mutex
	asked        map[string]int
}

func (s *server) List(ctx context.Context, url string) ([]releases.Ref, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked == nil {
		s.asked = map[string]int{}
	}
	s.asked[url]++
	refs, ok := s.repositories[url]
	if !ok {
		return nil, fmt.Errorf("list refs of %s: connection refused", url)
	}
	return refs, ctx.Err()
}

func commitID(c string) string { return strings.Repeat(c, 40) }

// resolveLine is a line of two repositories and a product that takes the latest
// tags of two more.
const resolveLine = `
name: test
vendor: mage-os
rename: {magento: mage-os}
url: https://example.org/
versions: {skip-tags: ["9*", "v*"]}
upstream: {repository: UPSTREAM, package: magento/product, extra: [magento/extra, magento/sample-data]}
repositories:
  - {name: one, url: https://example.org/one.git, ref: main, packages: [{each: app/code}, {directory: .}]}
  - {name: two, url: https://example.org/two.git, ref: develop, packages: [{directory: .}]}
editions:
  - name: product
    type: product
    description: A product
    repository: one
    require:
      - {package: acme/x, latest-tag: "https://example.org/x.git"}
      - {package: acme/two, latest-tag: "https://example.org/two.git"}
`

func parseLine(t *testing.T, upstream string) *releases.Line {
	t.Helper()
	line, err := lines.Parse("test.yaml", []byte(strings.ReplaceAll(resolveLine, "UPSTREAM", upstream)))
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func testServer() *server {
	return &server{repositories: map[string][]releases.Ref{
		"https://example.org/one.git": {
			ref("HEAD", commitID("1")), ref("refs/heads/main", commitID("1")), ref("refs/pull/1/head", commitID("9")),
			ref("refs/tags/2.4.8", commitID("2")), ref("refs/tags/2.4.8-p1", commitID("3")), ref("refs/tags/v3", commitID("4")), ref("refs/tags/99", commitID("4")),
		},
		"https://example.org/two.git": {
			ref("refs/heads/develop", commitID("5")), ref("refs/tags/1.0.0", commitID("6")), ref("refs/tags/develop", commitID("7")),
		},
		"https://example.org/x.git": {ref("refs/heads/main", commitID("8")), ref("refs/tags/0.3.0", commitID("8")), ref("refs/tags/0.12.0", commitID("8"))},
	}}
}

// upstreamFiles are a Composer repository: a product, a metapackage with a
// metapackage in it, and packages.
var upstreamFiles = map[string]string{
	"magento/product": `[{"version":"2.4.9-beta1","type":"metapackage"},
		{"version":"2.4.8-p1","type":"metapackage","require":{"php":"~8.3","acme/none":"^1.0","acme/other":"1.0.0","acme/old":"^9.0","magento/module-a":"100.4.8-p1","magento/pages":"1.7.5","magento/lib":"^1.2","magento/gone":"3.0.0"}},
		{"version":"2.4.8","type":"metapackage"}]`,
	"magento/module-a": `[{"version":"100.4.8-p1","type":"magento2-module","require":{"magento/not-followed":"1.0.0"}}]`,
	"magento/pages":    `[{"version":"1.7.5","type":"metapackage","require":{"magento/page":"self.version","magento/deep":"1.0.0","magento/lib":"1.3.0"}}]`,
	"magento/page":     `[{"version":"1.7.5"}]`,
	"magento/deep":     `[{"version":"1.0.0","type":"metapackage","require":{"magento/deepest":"1.0.0","magento/pages":"1.7.5"}}]`,
	"magento/deepest":  `[{"version":"v1.0.0"}]`,
	"magento/lib":      `[{"version":"2.0.0"},{"version":"1.4.0-beta1"},{"version":"1.3.1"},{"version":"1.3.0"}]`,
	"acme/other":       `[{"version":"1.0.0","type":"metapackage","require":{"magento/beyond":"1.1.0"}}]`,
	"acme/old":         `[{"version":"1.0.0","type":"metapackage","require":{"magento/unwanted":"1.0.0"}}]`,
	"magento/beyond":   `[{"version":"1.1.0","type":"magento2-module"}]`,
	"magento/extra":    `[{"version":"5.0.0"},{"version":"6.0.0-alpha1"}]`,
	"magento/sample-data": `[{"version":"101.0.0","require":{"magento/module-a":"101.*"}},
		{"version":"100.4.1","require":{"magento/module-a":"100.4.*"}},{"version":"100.4.0","require":{"magento/module-a":"100.4.*"}}]`,
}

var upstreamVersions = map[string]string{
	"magento/product": "2.4.8-p1", "magento/module-a": "100.4.8-p1", "magento/pages": "1.7.5", "magento/page": "1.7.5", "magento/deep": "1.0.0",
	"magento/beyond": "1.1.0", "magento/deepest": "v1.0.0", "magento/lib": "1.3.1", "magento/gone": "3.0.0", "magento/extra": "5.0.0", "magento/sample-data": "100.4.1",
}

func upstreamHandler(packages map[string]string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/packages.json", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"packages":[],"metadata-url":"/p2/%package%.json"}`)
	})
	mux.HandleFunc("/p2/", func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/p2/"), ".json")
		versions, ok := packages[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, `{"packages":{"`+name+`":`+strings.ReplaceAll(versions, `{"version"`, `{"name":"`+name+`","version"`)+`}}`)
	})
	return mux
}

func TestResolve(t *testing.T) {
	upstream := httptest.NewServer(upstreamHandler(upstreamFiles))
	defer upstream.Close()
	lister := testServer()
	line := parseLine(t, upstream.URL+"/")
	var mu sync.Mutex
	seen := map[string]int64{}
	r := Options{Lister: lister, Fetcher: composer.NewFetcher(remote.Client{}), Progress: func(s pipeline.Step) {
		mu.Lock()
		defer mu.Unlock()
		seen[s.Item] = s.Total
	}}
	p, err := Line(t.Context(), r, line, "2026-11-24")
	if err != nil {
		t.Fatal(err)
	}
	want := &releases.Plan{
		Format: releases.PlanFormat, Program: releases.Program, Line: *line, Date: "2026-11-24",
		Repositories: []releases.PlannedRepository{
			{
				Name: "one", URL: "https://example.org/one.git", Ref: "refs/heads/main", Commit: commitID("1"), Tag: "2.4.8-p1", TagCommit: commitID("3"),
				Notes: []string{"tags left out because they match skip-tags 9*: 99", "tags left out because they match skip-tags v*: v3"},
			},
			{
				Name: "two", URL: "https://example.org/two.git", Ref: "refs/heads/develop", Commit: commitID("5"), Tag: "1.0.0", TagCommit: commitID("6"),
				Notes: []string{"tags left out because they are no version of a release: develop", "refs/heads/develop and refs/tags/develop differ: the branch is taken"},
			},
		},
		Replace:    upstreamVersions,
		LatestTags: map[string]string{"https://example.org/x.git": "0.12.0", "https://example.org/two.git": "1.0.0"},
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int64{"one": 3, "two": 3, "acme/x": 3}, seen); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	for url, n := range lister.asked {
		if n != 1 {
			t.Errorf("%s was listed %d times", url, n)
		}
	}
	assertRoundTrip(t, p)
}

func assertRoundTrip(t *testing.T, p *releases.Plan) {
	t.Helper()
	data, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := releases.ParsePlan(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, again); diff != "" {
		t.Errorf("plan after a round trip (-want +got):\n%s", diff)
	}
}

func TestResolveFromEmbeddedAndExactUpstream(t *testing.T) {
	dir := t.TempDir()
	content := `{"packages":{"magento/product":{"2.4.8":{"name":"magento/product","version":"2.4.8"},"2.4.7":{"name":"magento/product","version":"2.4.7"}}}}`
	if err := os.WriteFile(filepath.Join(dir, "packages.json"), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	line := parseLine(t, "embedded:upstream")
	line.Upstream.Version, line.Upstream.Extra = "2.4.7", nil
	r := Options{Lister: testServer(), Fetcher: composer.NewFetcher(remote.Client{}), Locate: func(string) (string, error) { return dir, nil }}
	p, err := Line(t.Context(), r, line, "2026-11-24")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"magento/product": "2.4.7"}, p.Replace); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestResolveNamesAllProblems(t *testing.T) {
	packages := maps.Clone(upstreamFiles)
	packages["magento/lib"] = `[{"version":"2.0.0"}]`
	delete(packages, "magento/page")
	packages["magento/product"] = strings.Replace(packages["magento/product"], `"magento/gone":"3.0.0"`, `"magento/gone":"^3.0"`, 1)
	upstream := httptest.NewServer(upstreamHandler(packages))
	defer upstream.Close()
	lister := testServer()
	lister.repositories["https://example.org/one.git"] = []releases.Ref{
		ref("refs/heads/maim", commitID("1")), ref("refs/heads/2.4-develop", commitID("1")), ref("refs/tags/v1.0", commitID("2")),
	}
	delete(lister.repositories, "https://example.org/two.git")
	lister.repositories["https://example.org/x.git"] = nil
	r := Options{Lister: lister, Fetcher: composer.NewFetcher(remote.Client{})}
	_, err := Line(t.Context(), r, parseLine(t, upstream.URL+"/"), "2026-11-24")
	if err == nil {
		t.Fatal("no error")
	}
	var source *releases.SourceError
	if !errors.As(err, &source) {
		t.Errorf("no SourceError: %v", err)
	}
	for _, want := range []string{
		`repository one`, `ref "main" is no branch or tag there (nearest of its 2 branches: maim, 2.4-develop)`, "skip-tags v*: v1.0",
		"repository two", "connection refused",
		"repository acme/x", "it has no tags",
		"magento/lib: no version there that meets ^1.2 (has 2.0.0)",
		"package magento/gone of ", `the repository has no such package; correct "upstream" in the release line`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
}

func TestResolveEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	line := parseLine(t, "https://example.org/")
	line.Upstream = nil
	_, err := Line(ctx, Options{Lister: testServer()}, line, "2026-11-24")
	if !errors.Is(err, context.Canceled) || strings.Count(err.Error(), "\n") > 0 {
		t.Errorf("error %v, want one line about the context", err)
	}
}

func TestResolveRefusesDate(t *testing.T) {
	for _, date := range []string{"", "2026-13-01", "20261124"} {
		var bad *config.Error
		if _, err := Line(t.Context(), Options{Lister: testServer()}, parseLine(t, "https://example.org/"), date); !errors.As(err, &bad) {
			t.Errorf("date %q: error %v, want a *config.Error", date, err)
		}
	}
}

func TestResolveOfALocalCloneWithoutTags(t *testing.T) {
	lister := testServer()
	lister.repositories["https://example.org/two.git"] = []releases.Ref{ref("refs/heads/develop", commitID("5"))}
	line := parseLine(t, "https://example.org/")
	line.Upstream, line.Repositories[1].Local = nil, true
	_, err := Line(t.Context(), Options{Lister: lister}, line, "2026-11-24")
	if err == nil || !strings.Contains(err.Error(), "repository two") || !strings.Contains(err.Error(), "git fetch --tags") {
		t.Errorf("error %v, want one that says how to get the tags", err)
	}
}

// TestNightOfAnOldBranch: the highest tag of all is told, and a line can bound its tags.
func TestNightOfAnOldBranch(t *testing.T) {
	l := listing{refs: []releases.Ref{
		ref("refs/heads/2.0-develop", commitID("1")), ref("refs/heads/2.1", commitID("1")), ref("refs/heads/3.x", commitID("1")), ref("refs/heads/main", commitID("1")),
		ref("refs/tags/2.0.9", commitID("2")), ref("refs/tags/2.0.18", commitID("3")), ref("refs/tags/2.1.1", commitID("4")),
	}}
	const told = "its latest release is 2.1.1, the highest of all tags, and its branch is 2.0-develop; to have 2.0.18, write tags: 2.0.* in the release line"
	for _, c := range []struct {
		branch, tags, want string
		notes              []string
	}{
		{"2.0-develop", "", "2.1.1", []string{told}},
		{"2.0-develop", "2.0.*", "2.0.18", []string{"tags left out because they do not meet tags 2.0.*: 2.1.1"}},
		{"2.1", "", "2.1.1", []string{}},
		{"3.x", "", "2.1.1", []string{}},
		{"main", "", "2.1.1", []string{}},
	} {
		got, err := planBranch(releases.Repository{Ref: c.branch, Tags: c.tags}, l, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.notes, got.Notes); diff != "" || got.Tag != c.want {
			t.Errorf("%s with tags %q: %s, want %s; notes (-want +got):\n%s", c.branch, c.tags, got.Tag, c.want, diff)
		}
	}
}

func ref(name, commit string) releases.Ref { return releases.Ref{Name: name, Commit: commit} }

func tag(name, c string) releases.PlannedTag {
	return releases.PlannedTag{Tag: name, Commit: commitID(c)}
}
