package build

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

// A repository is a Composer repository that counts what it is asked for.
type repository struct {
	url    string
	server *httptest.Server

	mu    sync.Mutex
	asked map[string]int
}

func newRepository(t *testing.T, packages map[string][]string) *repository {
	r := &repository{asked: map[string]int{}}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.asked[req.URL.Path]++
		r.mu.Unlock()
		if req.URL.Path == "/packages.json" {
			w.Write([]byte(`{"packages": [], "metadata-url": "/p2/%package%.json"}`))
			return
		}
		name := strings.TrimSuffix(strings.TrimPrefix(req.URL.Path, "/p2/"), ".json")
		versions, ok := packages[name]
		if !ok {
			http.NotFound(w, req)
			return
		}
		w.Write(inline(t, name, versions))
	}))
	t.Cleanup(r.server.Close)
	r.url = r.server.URL
	return r
}

func (r *repository) fetcher() composer.Fetcher { return composer.NewFetcher(remote.Client{}) }

// inline is metadata of metapackages.
func inline(t *testing.T, name string, versions []string) []byte {
	var list []map[string]string
	for _, v := range versions {
		list = append(list, map[string]string{"name": name, "version": v, "type": "metapackage"})
	}
	data, err := json.Marshal(map[string]any{"packages": map[string]any{name: list}})
	if err != nil {
		t.Error(err)
	}
	return data
}

func TestClosure(t *testing.T) {
	const module = "shop/app/code/Acme/Log/composer.json"
	tests := []struct {
		name    string
		module  []releases.Requirement // what the module requires instead
		change  func(*testing.T, *fixture)
		third   []string // versions of third/tool
		want    []string // each in the error; none: it is met
		without string   // not in the error
	}{
		{name: "from the lock, its provides, and a repository", third: []string{"2.3.0"}},
		{name: "nowhere", module: requires("acme/none", "^1"), third: []string{"2.3.0"},
			want: []string{"fork/module-log (shop:app/code/Acme/Log/composer.json): require acme/none ^1 cannot be met: it is neither built nor in composer.lock, nor in http://127.0.0.1"}},
		{name: "added by the line, in another version", third: []string{"1.9.0", "1.10.0"},
			want: []string{"fork/product (edition product of the release line): require third/tool ^2.0 cannot be met:", "has 1.10.0, 1.9.0; correct the constraint"}},
		{name: "all together", module: requires("acme/none", "^1", "monolog/monolog", "^2", "third/tool", "^1", "third/tool-x", "not a version"),
			want: []string{`require third/tool-x: constraint "not a version"`}},
		{name: "all together, with well-formed constraints", module: requires("acme/none", "^1", "monolog/monolog", "^2"),
			want: []string{"require acme/none ^1 cannot be met", "require monolog/monolog ^2 cannot be met: composer.lock has 3.7.0", "require third/tool ^2.0 cannot be met"}},
		{name: "a development version only where it is asked for", third: []string{"2.x-dev"}, want: []string{"require third/tool ^2.0 cannot be met", "has 2.x-dev"}},
		{name: "the project's require-dev", third: []string{"2.3.0"},
			change: func(t *testing.T, f *fixture) {
				f.replace(t, "shop/composer.json", `"phpunit/phpunit": "^10"`, `"phpunit/phpunit": "^12"`)
			},
			want: []string{"fork/project (shop:composer.json): require-dev phpunit/phpunit ^12 cannot be met: composer.lock has 10.5.1"}},
		{name: "a module's require-dev does not count", third: []string{"2.3.0"},
			change: func(t *testing.T, f *fixture) {
				f.replace(t, module, `"suggest"`, `"require-dev": {"acme/none": "^1"}, "suggest"`)
			}},
		{name: "what a built package provides", module: requires("acme/virtual", "^1"), third: []string{"2.3.0"},
			change: func(t *testing.T, f *fixture) {
				f.replace(t, "extras/plugin/composer.json", `"type"`, `"provide": {"acme/virtual": "1.2.0"}, "type"`)
			}},
		{name: "what a built package provides in another version", module: requires("acme/virtual", "^2"), third: []string{"2.3.0"},
			change: func(t *testing.T, f *fixture) {
				f.replace(t, "extras/plugin/composer.json", `"type"`, `"provide": {"acme/virtual": "1.2.0"}, "type"`)
			},
			want: []string{"require acme/virtual ^2 cannot be met"}},
		{name: "what Composer would not load", third: []string{"2.3.0"},
			change: func(t *testing.T, f *fixture) {
				f.replace(t, module, `"suggest"`, `"conflict": {"acme/other": "~>1.4.0"}, "bin": 7, "suggest"`)
				f.replace(t, "extras/plugin/composer.json", `"type"`, `"provide": {"acme/virtual": "any"}, "type"`)
			},
			want: []string{`fork/module-log (shop:app/code/Acme/Log/composer.json): conflict acme/other: constraint "~>1.4.0"`, `"bin" is not text`,
				`fork/plugin (extras:plugin/composer.json): provide acme/virtual: constraint "any"`}},
		{name: "no lock where there should be one", third: []string{"2.3.0"},
			change: func(_ *testing.T, f *fixture) { delete(f.files, "shop/composer.lock") },
			want:   []string{`the release line takes third-party packages from there: shop:composer.lock: file does not exist; correct "lock"`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			if test.change != nil {
				test.change(t, f)
			}
			packages := map[string][]string{}
			if test.third != nil {
				packages["third/tool"] = test.third
			}
			r := newRepository(t, packages)
			in := f.input(t)
			in.Plan.Line.Composer = []releases.ComposerRepository{{URL: r.url}}
			if test.module != nil {
				in.Dependencies.Packages[0].Requires = test.module
			}
			_, err := pipeline.Run(t.Context(), &pipeline.Session{}, Stage(Options{Store: f.store, Fetcher: r.fetcher()}), in)
			if len(test.want) == 0 && err != nil {
				t.Fatalf("error %v, want none", err)
			}
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error does not hold %q:\n%v", want, err)
				}
			}
			for path, n := range r.asked {
				if n > 1 {
					t.Errorf("asked %d times for %s", n, path)
				}
			}
		})
	}
}

// TestAllRequired: what no edition reaches is an error only where the line says so.
func TestAllRequired(t *testing.T) {
	for _, test := range []struct {
		without string // that nothing requires any more
		all     bool
		want    string
	}{
		{all: true},
		{without: "acme/module-log"},
		{"acme/module-log", true, "fork/module-log (shop:app/code/Acme/Log/composer.json): no edition requires it"},
		{"acme/all", true, "fork/all (extras:all/composer.json): no edition requires it"},
	} {
		f, r := newFixture(t), newRepository(t, map[string][]string{"third/tool": {"2.3.0"}})
		in := f.input(t)
		in.Plan.Line.Composer = []releases.ComposerRepository{{URL: r.url}}
		in.Plan.Line.AllRequired = test.all
		for i, p := range in.Dependencies.Packages {
			in.Dependencies.Packages[i].Requires = slices.DeleteFunc(p.Requires, func(r releases.Requirement) bool { return r.Name == test.without })
		}
		_, err := pipeline.Run(t.Context(), &pipeline.Session{}, Stage(Options{Store: f.store, Fetcher: r.fetcher()}), in)
		if got := fmt.Sprint(err); test.want == "" && err != nil || !strings.Contains(got, test.want) || strings.Contains(got, "\n") {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

// TestRepositories takes the first repository that has a package, and one that
// the program carries in itself.
func TestRepositories(t *testing.T) {
	carried := t.TempDir()
	if err := os.WriteFile(filepath.Join(carried, "packages.json"), inline(t, "third/tool", []string{"2.5.0"}), 0o666); err != nil {
		t.Fatal(err)
	}
	empty := newRepository(t, nil)
	old := newRepository(t, map[string][]string{"third/tool": {"1.0.0"}})
	tests := []struct {
		name string
		urls []string
		want string // in the error; empty: it is met
	}{
		{name: "the second has it", urls: []string{empty.url, "embedded:third-party"}},
		{name: "the first has another version", urls: []string{old.url, "embedded:third-party"}, want: old.url + " has 1.0.0"},
		{name: "none", want: "the release line names no Composer repository"},
		{name: "none has it", urls: []string{empty.url}, want: "nor in " + empty.url},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			in := f.input(t)
			in.Plan.Line.Composer = nil
			for _, u := range test.urls {
				in.Plan.Line.Composer = append(in.Plan.Line.Composer, releases.ComposerRepository{URL: u})
			}
			stage := Stage(Options{Store: f.store, Fetcher: empty.fetcher(), Locate: func(string) (string, error) { return carried, nil }})
			_, err := pipeline.Run(t.Context(), &pipeline.Session{}, stage, in)
			if got := text(err); (test.want == "") != (err == nil) || !strings.Contains(got, test.want) {
				t.Errorf("error %q, want one with %q", got, test.want)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestUnreachable names every repository that does not answer.
func TestUnreachable(t *testing.T) {
	f := newFixture(t)
	in := f.input(t)
	in.Plan.Line.Composer = nil
	dir := t.TempDir()
	for _, name := range []string{"one", "two"} {
		in.Plan.Line.Composer = append(in.Plan.Line.Composer, releases.ComposerRepository{URL: "file://" + filepath.ToSlash(filepath.Join(dir, name))})
	}
	_, err := pipeline.Run(t.Context(), &pipeline.Session{}, Stage(Options{Store: f.store, Fetcher: composer.NewFetcher(remote.Client{})}), in)
	var source *releases.SourceError
	if !errors.As(err, &source) {
		t.Fatalf("error %v, want a SourceError", err)
	}
	for _, name := range []string{"one", "two"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("error does not name %s:\n%v", name, err)
		}
	}
}

// TestBuiltFirst makes sure that a built package shuts out others of its name:
// Composer asks the night's repository first and looks no further.
func TestBuiltFirst(t *testing.T) {
	f := newFixture(t)
	in := f.input(t)
	trees, err := in.Sources.Trees(t.Context(), f.store)
	if err != nil {
		t.Fatal(err)
	}
	var packages []composed
	for _, text := range []string{
		`{"name": "monolog/monolog", "version": "4.0.0"}`,
		`{"name": "fork/log", "version": "1.0.0", "require": {"monolog/monolog": "^3", "fork/log": "self.version"}}`,
	} {
		m, err := composer.ParseManifest([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, composed{Package: stages.Package{Repository: "shop", Directory: "log", Kind: stages.Plain}, manifest: m})
	}
	err = Options{Store: f.store}.closure(t.Context(), in, trees, packages)
	const want = "fork/log (shop:log/composer.json): require monolog/monolog ^3 cannot be met: this snapshot has 4.0.0; let the sources agree on one version"
	if text(err) != want {
		t.Errorf("error %q, want %q", text(err), want)
	}
}

func TestOffers(t *testing.T) {
	tests := []struct {
		constraint, candidate string
		want                  bool
	}{
		{"^1.0", "1.2.0", true},
		{"^1.0", "=1.2.0", true},
		{"^1.0", "2.0.0", false},
		{"^1.0", "*", true},        // a package that replaces any version
		{"^1.0", "^2.0", true},     // only Composer's solver can tell
		{"^1.0", "1.x-dev", false}, // nobody asked for a development version
		{"1.x-dev", "1.x-dev", true},
		{"^1@dev", "1.x-dev", true},
		{"2.4.8.1-a20261124+p1", "2.4.8.1-a20261124+p1", true},
		{"2.4.8.1-a20261124", "2.4.8.1-a20261125", false},
	}
	for _, test := range tests {
		t.Run(test.constraint+" by "+test.candidate, func(t *testing.T) {
			c, err := composer.ParseConstraint(test.constraint)
			if err != nil {
				t.Fatal(err)
			}
			w := &want{constraint: c, text: test.constraint}
			if got := w.metBy(newCandidate(test.candidate)); got != test.want {
				t.Errorf("met: %v, want %v", got, test.want)
			}
		})
	}
}

func TestVersionList(t *testing.T) {
	var many []candidate
	for _, v := range []string{"7", "6", "5", "4", "3", "2", "1"} {
		many = append(many, newCandidate(v))
	}
	if diff := cmp.Diff("7, 6, 5, 4, 3, and 2 older", versionList(many)); diff != "" {
		t.Errorf("list differs (-want +got):\n%s", diff)
	}
}
