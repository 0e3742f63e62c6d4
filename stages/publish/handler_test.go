package publish

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/stages"
)

func get(h http.Handler, method, host, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", nil)
	r.Host, r.URL.Path = host, path
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestHandler(t *testing.T) {
	dir := t.TempDir()
	mustPublish(t, sample{name: "2026-11-24", modules: 1}, dir, nil)
	for name, target := range map[string]string{"nights/out.json": os.Args[0], "nights/in.txt": "2026-11-24/nightly.json"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := switchOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	meta := strings.TrimSuffix(strings.TrimPrefix(s.MetadataURL, testURL), "%package%.json")
	h := Handler(dir)
	const json, html = "application/json", "text/html; charset=utf-8"
	for _, tt := range []struct {
		name, method, host, path string
		status                   int
		kind, has, hasNot        string
	}{
		{"page", "GET", "shop.test:80", "/", 200, html, "composer create-project --repository=http://shop.test:80/ acme/", testURL},
		{"switch", "GET", "shop.test", "/packages.json", 200, json, `"metadata-url": "http://shop.test/` + meta + `%package%.json"`, testURL},
		{"what the switch records", "GET", "shop.test", "/packages.json", 200, json, `"url": "http://shop.test/"`, testURL},
		{"status", "GET", "shop.test", "/status.json", 200, json, `"url": "http://shop.test/"`, testURL},
		{"merged metadata", "GET", "shop.test", "/" + meta + "acme/language.json", 200, json, `"url":"http://shop.test/dists/acme/language-1.0.0.zip"`, testURL},
		{"night alone", "GET", "shop.test", "/nights/2026-11-24/packages.json", 200, json, `"http://shop.test/nights/2026-11-24/p2/%package%.json"`, testURL},
		{"its metadata", "GET", "shop.test", "/nights/2026-11-24/p2/acme/language.json", 200, json, `"url":"http://shop.test/dists/acme/language-1.0.0.zip"`, testURL},
		{"its manifest as built", "GET", "shop.test", "/nights/2026-11-24/nightly.json", 200, json, testURL, "shop.test"},
		{"dist", "GET", "shop.test", "/dists/acme/language-1.0.0.zip", 200, "application/zip", "PK", ""},
		{"HEAD", "HEAD", "shop.test", "/packages.json", 200, json, "", "{"},
		{"link within", "GET", "shop.test", "/nights/in.txt", 200, "text/plain; charset=utf-8", "nightly", ""},
		{"link out", "GET", "shop.test", "/nights/out.json", 500, "text/plain; charset=utf-8", "cannot read out.json", dir},
		{"no such file", "GET", "shop.test", "/nights/x", 404, "text/plain; charset=utf-8", "", dir},
		{"folder", "GET", "shop.test", "/nights", 404, "text/plain; charset=utf-8", "", "2026"},
		{"folder with a slash", "GET", "shop.test", "/nights/", 404, "text/plain; charset=utf-8", "", "2026"},
		{"hidden", "GET", "shop.test", "/" + lockFile, 404, "text/plain; charset=utf-8", "", dir},
		{"upwards", "GET", "shop.test", "/../" + filepath.Base(dir) + "/packages.json", 404, "text/plain; charset=utf-8", "", "x-nightly"},
		{"PUT", "PUT", "shop.test", "/packages.json", 405, "text/plain; charset=utf-8", "GET and HEAD", "x-nightly"},
		{"host that is none", "GET", "a b", "/packages.json", 400, "text/plain; charset=utf-8", "Host", "x-nightly"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := get(h, tt.method, tt.host, tt.path)
			if diff := cmp.Diff([]any{tt.status, tt.kind}, []any{w.Code, w.Header().Get("Content-Type")}); diff != "" {
				t.Error(diff)
			}
			body := w.Body.String()
			if !strings.Contains(body, tt.has) || tt.hasNot != "" && strings.Contains(body, tt.hasNot) {
				t.Errorf("body %q, want one with %q and without %q", body, tt.has, tt.hasNot)
			}
		})
	}
	if w := get(Handler(filepath.Join(dir, "none")), "GET", "h", "/"); w.Code != http.StatusNotFound {
		t.Errorf("a folder that is not there: %d", w.Code)
	}
}

// Composer resolves and downloads from a published repository, and from each of
// its nights alone.
func TestComposerInstalls(t *testing.T) {
	t.Parallel()
	composer, err := exec.LookPath("composer")
	if err != nil {
		t.Skipf("no composer to install with: %v", err)
	}
	dir := t.TempDir()
	for _, name := range []releases.SnapshotName{"2026-11-23", "2026-11-24"} {
		mustPublish(t, sample{name: name, modules: 1}, dir, nil)
	}
	server := httptest.NewServer(Handler(dir))
	defer server.Close()
	for _, tt := range []struct{ name, repository, require, want string }{
		{"newest", server.URL, "@alpha", "2.4.8-alpha20261124"},
		{"night before", server.URL, "2.4.8-alpha20261123", "2.4.8-alpha20261123"},
		{"night alone", server.URL + "/nights/2026-11-23", "@alpha", "2.4.8-alpha20261123"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			project := t.TempDir()
			manifest := mustJSON(t, map[string]any{
				"repositories": []any{map[string]string{"type": "composer", "url": tt.repository}, map[string]bool{"packagist.org": false}},
				"require":      map[string]string{"acme/module-000": tt.require}, "config": map[string]bool{"secure-http": false},
			})
			if err := os.WriteFile(filepath.Join(project, "composer.json"), manifest, 0o644); err != nil {
				t.Fatal(err)
			}
			runComposer(t, composer, project)
			var lock struct {
				Packages []struct{ Name, Version string }
			}
			data, err := os.ReadFile(filepath.Join(project, "composer.lock"))
			if err == nil {
				err = json.Unmarshal(data, &lock)
			}
			want := []struct{ Name, Version string }{{"acme/language", "1.0.0"}, {"acme/module-000", tt.want}}
			if diff := cmp.Diff(want, lock.Packages); diff != "" || err != nil {
				t.Error(diff, err)
			}
			code, err := os.ReadFile(filepath.Join(project, "vendor/acme/module-000/src/Code.php"))
			if date := strings.ReplaceAll(string(code), "-", ""); err != nil || !strings.Contains(date, strings.TrimPrefix(tt.want, "2.4.8-alpha")) {
				t.Errorf("installed %q (%v)", code, err)
			}
		})
	}
}

// runComposer installs with nothing of the caller's configuration, so that no
// proxy and no cache comes between.
func runComposer(t *testing.T, composer, dir string) {
	t.Helper()
	home := t.TempDir()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), composer, "update", "--no-interaction", "--no-progress", "--no-audit", "--prefer-dist")
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "COMPOSER_HOME=" + home, "COMPOSER_ALLOW_SUPERUSER=1"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("composer: %v\n%s", err, out)
	}
}

// Publishing a night, and reading it from any address, gives what the night's
// own handler gives: the same metadata but for where it lies.
func TestHandlerAgreesWithNightHandler(t *testing.T) {
	dir := t.TempDir()
	store := newMemory()
	snapshot := sample{name: "2026-11-24", modules: 2}.build(t, store)
	if _, err := Stage(options(t, store, snapshot.Name)).Run(t.Context(), stages.PublishRequest{Snapshot: snapshot, To: dir}); err != nil {
		t.Fatal(err)
	}
	built, err := stages.SnapshotHandler(store, snapshot)
	if err != nil {
		t.Fatal(err)
	}
	s, err := switchOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	meta := strings.TrimSuffix(strings.TrimPrefix(s.MetadataURL, strings.TrimSuffix(testURL, "/")), "%package%.json")
	for _, path := range []string{"acme/module-000.json", "acme/module-000~dev.json", "acme/project-shop.json"} {
		want := get(built, "GET", "h", "/p2/"+path).Body.String()
		for _, at := range []string{"/nights/2026-11-24/p2/", meta} {
			got := get(Handler(dir), "GET", "h", at+path).Body.String()
			if diff := cmp.Diff(expanded(t, want), expanded(t, got)); diff != "" || at != meta && got != want {
				t.Errorf("%s%s: %s", at, path, diff)
			}
		}
	}
	want := get(built, "GET", "h", "/"+releases.ManifestName).Body.String()
	if diff := cmp.Diff(want, get(Handler(dir), "GET", "h", "/nights/2026-11-24/"+releases.ManifestName).Body.String()); diff != "" {
		t.Error(diff)
	}
}

// expanded are the versions in a file of metadata.
func expanded(t testing.TB, text string) []composer.Fields {
	t.Helper()
	var file struct {
		Minified string                       `json:"minified"`
		Packages map[string][]json.RawMessage `json:"packages"`
	}
	if err := json.Unmarshal([]byte(text), &file); err != nil || len(file.Packages) != 1 {
		t.Fatalf("%v:\n%s", err, text)
	}
	all := []composer.Fields{}
	for _, list := range file.Packages {
		var version composer.Fields
		for _, entry := range list {
			fields, err := composer.ParseFields(entry)
			if err != nil {
				t.Fatal(err)
			}
			if file.Minified == "" {
				version = nil
			}
			version = version.Expand(fields)
			all = append(all, version)
		}
	}
	return all
}
