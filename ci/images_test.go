package ci

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/ci/tools"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/container/registrytest"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/releases/images"
)

// The image with PHP has what the installation of this machine needs.
func TestImagesHaveTools(t *testing.T) {
	table, err := images.Carried()
	if err != nil {
		t.Fatal(err)
	}
	if want := "php-" + strings.Join(table.Extensions, " php-"); tools.Install[0].Debian != want {
		t.Errorf("--install-tools installs %q, and images have %q", tools.Install[0].Debian, want)
	}
}

// TestEngineImagesUpdate: update writes which image each tag is, what downloads are, and the
// services that are supported; what cannot be had is named, and stays as it was.
func TestEngineImagesUpdate(t *testing.T) {
	l := newLab(t)
	registry := registrytest.Start(t, os.Getenv(container.RunnerHost))
	base := l.publish("# empty\nFROM scratch\nLABEL a=b\n", registry+"/base:1")
	downloads := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(r.URL.Path)) }))
	t.Cleanup(downloads.Close)
	table := map[string]string{
		"releases/images/images.yaml": "published: " + registry + "/php\ncomposer: " + downloads.URL + "/composer-%s\narchive: {url: x, key: " + downloads.URL + "/key}\n" +
			"php: [{version: \"8.4\", base: \"" + registry + "/base:1\"}]\n",
		"releases/images/digests.json":                `{"` + registry + `/gone:1": "sha256:old", "` + registry + `/php:8.4": "sha256:ours"}`,
		"releases/services.json":                      `{}`,
		"versions/mage-os/composite.json":             `{"mage-os/project:>=3 <4": {"php": 8.4, "composer": "2.10.2", "mariadb": "` + registry + `/gone:1"}}`,
		"versions/magento-open-source/composite.json": `{}`,
	}
	for name, text := range table {
		file := filepath.Join(l.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := l.run("images", "update", "--supported", "versions")
	if code := codeOf(err); code != exitMachine || !strings.Contains(out, registry+"/gone:1: ") || strings.Contains(out, "/base:1: ") {
		t.Errorf("%v; want exit code %d, and the image that is not there:\n%s", err, exitMachine, out)
	}
	got, err := images.Load(filepath.Join(l.dir, "releases"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{registry + "/base:1": strings.TrimPrefix(base, registry+"/base:1@"), registry + "/gone:1": "sha256:old", registry + "/php:8.4": "sha256:ours"}
	for _, url := range got.Downloads() {
		if !strings.HasPrefix(got.Digests[url], "sha256:") {
			t.Errorf("%s has no checksum", url)
		}
		delete(got.Digests, url)
	}
	if diff := cmp.Diff(want, got.Digests); diff != "" || got.Services.Composer() != "2.10.2" {
		t.Errorf("Composer %s (-want +got):\n%s", got.Services.Composer(), diff)
	}
	if out, err := l.run("images", "build", "5.6"); codeOf(err) != exitConfig {
		t.Errorf("a PHP without a recipe: %v\n%s", err, out)
	}
}

// publish lets the engine make an image and push it.
func (l *lab) publish(recipe, to string) string {
	l.t.Helper()
	s, err := store.Open(l.t.TempDir())
	if err != nil {
		l.t.Fatal(err)
	}
	defer s.Close()
	engine, err := container.Connect(l.t.Context(), container.Options{
		Address: os.Getenv(container.RunnerHost), Store: s, Results: s.Results(), Dir: l.t.TempDir(),
		Program: func(context.Context, string) (string, error) { return l.program, nil },
	})
	if err != nil {
		l.t.Fatal(err)
	}
	defer engine.Close()
	published, err := engine.MakeImage(l.t.Context(), recipe, to, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	return published
}
