package composer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/remote"
)

const (
	minified = `{"minified":"composer/2.0","packages":{"a/b":[
		{"name":"a/b","version":"1.1.0","version_normalized":"1.1.0.0","type":"library","require":{"php":"*"},
		 "dist":{"type":"zip","url":"https://example.org/1.1.0.zip","reference":"r","shasum":"s","mirrors":[]}},
		{"version":"1.0.0","version_normalized":"1.0.0.0","require":"__unset","dist":{"type":"zip","url":"https://example.org/1.0.0.zip"}},
		{"version":"1.2.0-beta1","version_normalized":"1.2.0.0-beta1","dist":"__unset","extra":{}}]}}`
	devVersions = `{"packages":{"a/b":[{"name":"a/b","version":"dev-main","source":{"type":"git"}}]}}`
)

// shown is a version in short: its text, its manifest and where its dist is.
func shown(versions []PackageVersion) []string {
	var lines []string
	for _, version := range versions {
		line := string(version.Manifest.root.text())
		if version.Dist != nil {
			line += " " + version.Dist.URL
		}
		lines = append(lines, line)
	}
	return lines
}

func TestRepositoryVersions(t *testing.T) {
	minifiedShown := []string{
		`{"name":"a/b","version":"1.2.0-beta1","type":"library","extra":{}}`,
		`{"name":"a/b","version":"1.1.0","type":"library","require":{"php":"*"}} https://example.org/1.1.0.zip`,
		`{"name":"a/b","version":"1.0.0","type":"library"} https://example.org/1.0.0.zip`,
	}
	dev := `{"name":"a/b","version":"dev-main","source":{"type":"git"}}`
	p2 := map[string]string{"/r/p2/a/b.json": minified, "/r/p2/a/b~dev.json": devVersions}
	one := func(version string) string { return fmt.Sprintf(`{"name":"a/b","version":%q}`, version) }
	tests := []struct {
		name, root string
		files      map[string]string
		want       []string
	}{
		{"metadata of Composer 2, from the host's root", `{"packages":[],"metadata-url":"/r/p2/%package%.json"}`, p2, append(minifiedShown, dev)},
		{"relative to packages.json", `{"metadata-url":"p2/%package%.json"}`, p2, append(minifiedShown, dev)},
		{"only releases", `{"metadata-url":"p2/%package%.json"}`, map[string]string{"/r/p2/a/b.json": minified}, minifiedShown},
		{"only branches", `{"metadata-url":"p2/%package%.json"}`, map[string]string{"/r/p2/a/b~dev.json": devVersions}, []string{dev}},
		{"listed", `{"metadata-url":"p2/%package%.json","available-packages":["c/d","A/B"]}`, map[string]string{"/r/p2/a/b~dev.json": devVersions}, []string{dev}},
		{"listed by a pattern", `{"metadata-url":"p2/%package%.json","available-package-patterns":["x/*","a*"]}`, map[string]string{"/r/p2/a/b~dev.json": devVersions}, []string{dev}},
		{"not listed", `{"metadata-url":"p2/%package%.json","available-packages":["a/c"],"available-package-patterns":["b*"]}`, p2, nil},
		{"metadata without it", `{"metadata-url":"p2/%package%.json"}`, map[string]string{"/r/p2/a/b.json": `{"packages":[]}`, "/r/p2/a/b~dev.json": `{"packages":{"c/d":[]}}`}, nil},
		{"packages.json wins over metadata", `{"metadata-url":"p2/%package%.json","packages":{"a/b":[` + one("3.0") + `]}}`, p2, []string{one("3.0")}},
		{"inline list", `{"packages":{"a/b":[` + one("1.0") + `,` + one("2.0") + `]}}`, nil, []string{one("2.0"), one("1.0")}},
		{"inline object", `{"packages":{"A/b":{"1.0":` + one("1.0") + `,"1.0.x-dev":` + one("1.0.x-dev") + `}}}`, nil, []string{one("1.0.x-dev"), one("1.0")}},
		{"includes", `{"packages":[],"includes":{"i/all.json":{"sha1":"other"}}}`, map[string]string{
			"/r/i/all.json":  `{"packages":{"a/b":[` + one("1.0") + `]},"includes":{"i/all.json":{},"i/more.json":{}}}`,
			"/r/i/more.json": `{"packages":{"a/b":[` + one("2.0") + `]}}`,
		}, []string{one("2.0"), one("1.0")}},
		{"empty", `{"packages":[]}`, nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			answers := map[string][]http.HandlerFunc{"/r/packages.json": {text(test.root)}}
			for path, body := range test.files {
				answers[path] = []http.HandlerFunc{text(body)}
			}
			_, server := serve(t, answers)
			for _, address := range []string{server.URL + "/r", server.URL + "/r/", server.URL + "/r/packages.json"} {
				r, err := OpenRepository(t.Context(), address, NewFetcher(remote.Client{}))
				if err != nil {
					t.Fatal(err)
				}
				versions, err := r.Versions(t.Context(), "a/b")
				if missing := test.want == nil; errors.Is(err, fs.ErrNotExist) != missing || !missing && err != nil {
					t.Fatalf("error %v, want fs.ErrNotExist: %t", err, missing)
				}
				if test.want == nil && !strings.HasSuffix(err.Error(), "the repository has no such package") {
					t.Errorf("error %v, want one that says what the repository lacks", err)
				}
				if diff := cmp.Diff(test.want, shown(versions)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestRepositoryRefuses(t *testing.T) {
	entry := func(entry string) map[string]string {
		return map[string]string{"/p/a/b.json": `{"packages":{"a/b":` + entry + `}}`}
	}
	const v2 = `{"metadata-url":"/p/%package%.json"}`
	tests := []struct {
		name, root string
		files      map[string]string
		want       string
	}{
		{"no JSON", "<html>", nil, "packages.json: 1:1: "},
		{"Composer 1 only", `{"packages":[],"providers-url":"/p/%package%$%hash%.json","provider-includes":{}}`, nil, "Composer 1"},
		{"metadata-url without its place", `{"metadata-url":"/p/"}`, nil, "%package%"},
		{"metadata-url is a list", `{"metadata-url":[]}`, nil, `"metadata-url" is a list`},
		{"metadata-url points at files", `{"metadata-url":"file:///etc/%package%.json"}`, nil, "may not point there"},
		{"include points at files", `{"includes":{"file:///etc/passwd":{}}}`, nil, "may not point there"},
		{"metadata-url points at another host", `{"metadata-url":"http://127.0.0.2/%package%.json"}`, nil, "another host"},
		{"include points at another host", `{"includes":{"http://127.0.0.2/x.json":{}}}`, nil, "another host"},
		{"include is missing", `{"includes":{"x.json":{}}}`, nil, `include "x.json"`},
		{"too many includes", `{"includes":{` + manyIncludes() + `}}`, manyFiles(), "more than 256"},
		{"packages is text", `{"packages":"x"}`, nil, `"packages" is text`},
		{"available-packages of numbers", `{"metadata-url":"/%package%","available-packages":[1]}`, nil, "entry 0 is a number"},
		{"versions are text", v2, entry(`"x"`), "versions are text"},
		{"version is text", v2, entry(`["x"]`), "version 0 is text"},
		{"version of another package", v2, entry(`[{"name":"a/c","version":"1.0"}]`), `has the name "a/c"`},
		{"all broken versions", v2, entry(`[{"name":"a/b","version":"x"},{"name":"a/b","version":"y"}]`), `version "y"`},
		{"dist is text", v2, entry(`[{"name":"a/b","version":"1.0","dist":"x"}]`), `"dist" is text`},
		{"dist.url is a number", v2, entry(`[{"name":"a/b","version":"1.0","dist":{"url":1}}]`), `"url" is a number`},
		{"unknown minification", v2, map[string]string{"/p/a/b.json": `{"minified":"composer/3.0","packages":{"a/b":[]}}`}, "composer/3.0"},
		{"metadata is a list", v2, map[string]string{"/p/a/b.json": `[]`}, "it is a list"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			answers := map[string][]http.HandlerFunc{"/packages.json": {text(test.root)}}
			for path, body := range test.files {
				answers[path] = []http.HandlerFunc{text(body)}
			}
			_, server := serve(t, answers)
			r, err := OpenRepository(t.Context(), server.URL, NewFetcher(remote.Client{}))
			if err == nil {
				_, err = r.Versions(t.Context(), "a/b")
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want in it %q", err, test.want)
			}
		})
	}
}

// A dist may lie on another host, but not where it is asked for in the clear, nor on this machine.
func TestDistURL(t *testing.T) {
	for _, test := range []struct{ base, dist, want string }{
		{"https://a.example/packages.json", "d/x.zip", "https://a.example/d/x.zip"},
		{"https://a.example/packages.json", "https://b.example/x.zip", "https://b.example/x.zip"},
		{"https://a.example/packages.json", "http://a.example/x.zip", ""},
		{"https://a.example/packages.json", "https://127.0.0.1/x.zip", ""},
		{"http://a.example/packages.json", "file:///etc/passwd", ""},
		{"http://127.0.0.1/packages.json", "http://127.0.0.2/x.zip", "http://127.0.0.2/x.zip"},
		{"file:///r/packages.json", "http://127.0.0.2/x.zip", "http://127.0.0.2/x.zip"},
	} {
		base, err := url.Parse(test.base)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := (&Repository{base: base}).DistURL(&Dist{URL: test.dist}); got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s in %s: %q, %v; want %q", test.dist, test.base, got, err, test.want)
		}
	}
}

func manyIncludes() string {
	var names []string
	for i := range maxIncludes + 1 {
		names = append(names, fmt.Sprintf(`"i/%d.json":{}`, i))
	}
	return strings.Join(names, ",")
}

func manyFiles() map[string]string {
	files := map[string]string{}
	for i := range maxIncludes + 1 {
		files[fmt.Sprintf("/i/%d.json", i)] = "{}"
	}
	return files
}

// TestRepositoryOfAServer: in a folder it cannot be read.
func TestRepositoryOfAServer(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "packages.json"), []byte(`{"metadata-url":"http://127.0.0.1:8000/p2/%package%.json"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := OpenRepository(t.Context(), "file://"+folder, NewFetcher(remote.Client{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Versions(t.Context(), "a/b"); err == nil || !strings.Contains(err.Error(), "serve its folder") {
		t.Errorf("error %v, want one that says to serve the folder", err)
	}
}

func TestRepositoryNamesAreChecked(t *testing.T) {
	u, server := serve(t, map[string][]http.HandlerFunc{"/packages.json": {text(`{"metadata-url":"/%package%.json"}`)}})
	r, err := OpenRepository(t.Context(), server.URL, NewFetcher(remote.Client{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []Name{"../x", "php", "", "a/b?c"} {
		if _, err := r.Versions(t.Context(), name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: error %v, want one about the name", name, err)
		}
	}
	if len(u.served) != 1 {
		t.Errorf("requests: %v, want packages.json alone", u.served)
	}
}

// endless is a fetcher whose answers never end.
type endless struct{}

func (endless) Fetch(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(endless{}), nil
}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestRepositoryBoundsAnswers(t *testing.T) {
	_, err := OpenRepository(t.Context(), "https://example.org", endless{})
	if want := "more than the 67108864 bytes"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want in it %q", err, want)
	}
}

func TestRepositoryOfFilesAndSeveralReaders(t *testing.T) {
	folder := t.TempDir()
	encoded, err := EncodeMetadata("example/module-catalog", snapshotVersions(t))
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string]string{
		"packages.json":                        `{"packages":{},"metadata-url":"meta/%package%.json"}`,
		"meta/example/module-catalog.json":     string(encoded),
		"meta/example/module-catalog~dev.json": `{"packages":{"example/module-catalog":[]}}`,
	} {
		path := filepath.Join(folder, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, err := OpenRepository(t.Context(), "file://"+folder, NewFetcher(remote.Client{}))
	if err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			got, err := r.Versions(t.Context(), "example/module-catalog")
			if err != nil {
				t.Error(err)
				return
			}
			if diff := cmp.Diff(snapshotVersions(t), got); diff != "" {
				t.Error(diff)
			}
			got[0].Manifest.SetLinks(Require, nil) // each reader owns what it got
		})
	}
	readers.Wait()
}
