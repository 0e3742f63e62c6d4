package stages

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
)

func TestRender(t *testing.T) {
	const base = "https://nightly.example.org/a/"
	for _, tt := range []struct{ name, in, want string }{
		{"package", `{"packages":{"a/b":[{"name":"a/b","dist":{"type":"zip","url":"dists/a/b-1.0.zip","shasum":"x"}}]}}`,
			`{"packages":{"a/b":[{"name":"a/b","dist":{"type":"zip","url":"https://nightly.example.org/a/dists/a/b-1.0.zip","shasum":"x"}}]}}`},
		{"several versions keep their order and spacing", "{ \"packages\" : {\"a/b\":[ {\"dist\":{\"url\":\"1.zip\"}, \"z\":1.50},\n {\"a\":\"\\u00e9\",\"dist\":{\"url\":\"2.zip\"}}] } }\n",
			"{ \"packages\" : {\"a/b\":[ {\"dist\":{\"url\":\"" + base + "1.zip\"}, \"z\":1.50},\n {\"a\":\"\\u00e9\",\"dist\":{\"url\":\"" + base + "2.zip\"}}] } }\n"},
		{"versions by name", `{"packages":{"a/b":{"1.0":{"dist":{"url":"1.zip"}}}}}`, `{"packages":{"a/b":{"1.0":{"dist":{"url":"` + base + `1.zip"}}}}}`},
		{"entry", `{"packages":[],"metadata-url":"p2/%package%.json"}`, `{"packages":[],"metadata-url":"` + base + `p2/%package%.json"}`},
		{"absolute stays", `{"packages":{"a/b":[{"dist":{"url":"https://x.example/1.zip"}}]}}`, `{"packages":{"a/b":[{"dist":{"url":"https://x.example/1.zip"}}]}}`},
		{"escaped in the URL", `{"packages":{"a/b":[{"dist":{"url":"dists/a b#1+c%.zip"}}]}}`, `{"packages":{"a/b":[{"dist":{"url":"` + base + `dists/a%20b%231%2Bc%25.zip"}}]}}`},
		{"escaped in the JSON", `{"packages":{"a/b":[{"dist":{"url":"dists\/\u0061.zip"}}]}}`, `{"packages":{"a/b":[{"dist":{"url":"` + base + `dists/a.zip"}}]}}`},
		{"other URLs stay", `{"url":"a","packages":{"a/b":[{"url":"b","source":{"url":"c"},"extra":{"dist":{"url":"d"}},"dist":null}]}}`,
			`{"url":"a","packages":{"a/b":[{"url":"b","source":{"url":"c"},"extra":{"dist":{"url":"d"}},"dist":null}]}}`},
		{"no versions", `{"packages":{"a/b":[]}}`, `{"packages":{"a/b":[]}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Render([]byte(tt.in), strings.TrimSuffix(base, "/"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Error(diff)
			}
			moved, err := Rebase(got, base, "http://[::1]:80/")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.ReplaceAll(tt.want, base, "http://[::1]:80/"), string(moved)); diff != "" {
				t.Error("moved:", diff)
			}
		})
	}
}

func TestRenderErrors(t *testing.T) {
	const good = `{"packages":{}}`
	entry := func(url string) string { return `{"packages":{"a/b":[{"dist":{"url":"` + url + `"}}]}}` }
	for _, tt := range []struct{ name, in, base, want string }{
		{"leaves the repository", entry("../b.zip"), "http://h/", "../b.zip"},
		{"root of the host", entry("/b.zip"), "http://h/", "/b.zip"},
		{"other host", entry("//x/b.zip"), "http://h/", "//x/b.zip"},
		{"empty", entry(""), "http://h/", `""`},
		{"no JSON", `{"packages":`, "http://h/", "byte 12"},
		{"no object", `[]`, "http://h/", "not a JSON object"},
		{"more behind", good + `{}`, "http://h/", "behind"},
		{"base without scheme", good, "h/", `"h/"`},
		{"base without host", good, "http://", `"http://"`},
		{"base of another kind", good, "ftp://h/", `"ftp://h/"`},
		{"base with query", good, "http://h/?x", "query"},
		{"base with password", good, "http://u:p@h/", "leave out user"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Render([]byte(tt.in), tt.base)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "u:p@") {
				t.Errorf("error %v, want one with %s", err, tt.want)
			}
		})
	}
}

// Render changes only what it should: without the URLs the JSON means the same,
// a second time changes nothing, and no relative URL is left.
func FuzzRender(f *testing.F) {
	f.Add([]byte(`{"packages":{"a/b":[{"dist":{"url":"dists/b.zip"},"x":[1,{"y":null}]}]},"metadata-url":"p2/%package%.json"}`))
	f.Add([]byte(`{"packages":[],"dist":{"url":"a"}}`))
	f.Add([]byte(`{"packages":{"a/b":[{"dist":{"url":"a","url":"b"}}]}} `))
	f.Add([]byte("{\"packages\":{\"\xff\":[[{\"dist\":[{\"url\":\"\xff\"}]}]]}}"))
	const base = "https://h.example/r/"
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := Render(in, base)
		if err != nil {
			return
		}
		if !json.Valid(in) || !json.Valid(out) {
			t.Fatalf("not JSON:\n%q\n%q", in, out)
		}
		again, err := Render(out, base)
		if err != nil || !bytes.Equal(out, again) {
			t.Fatalf("rendered again: %v\n%q\n%q", err, out, again)
		}
		var before, after any
		if json.Unmarshal(in, &before) != nil || json.Unmarshal(out, &after) != nil {
			t.Fatal("cannot be read")
		}
		if diff := cmp.Diff(blank(before, base), blank(after, base)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// blank takes the URLs out of metadata.
func blank(v any, base string) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			_, isText := value.(string)
			if v[key] = blank(value, base); isText && (key == "url" || key == "metadata-url") {
				v[key] = nil
			}
		}
	case []any:
		for i := range v {
			v[i] = blank(v[i], base)
		}
	}
	return v
}

// A fakeReader is a tree in memory.
type fakeReader map[string]string

func (r fakeReader) Files(_ context.Context, t pipeline.Tree) ([]pipeline.File, error) {
	if t.Digest != "tree" {
		return nil, fs.ErrNotExist
	}
	var files []pipeline.File
	for name, data := range r {
		files = append(files, pipeline.File{Path: name, Mode: pipeline.Regular, Size: int64(len(data)), Digest: pipeline.Digest(name)})
	}
	slices.SortFunc(files, func(a, b pipeline.File) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

type fakeContent struct{ *strings.Reader }

func (fakeContent) Close() error { return nil }

func (r fakeReader) Open(_ context.Context, d pipeline.Digest) (pipeline.Content, error) {
	data, ok := r[string(d)]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return fakeContent{strings.NewReader(data)}, nil
}

func TestNightHandler(t *testing.T) {
	h, err := SnapshotHandler(fakeReader{
		"packages.json":   `{"packages":[],"metadata-url":"p2/%package%.json"}`,
		"p2/a/b.json":     `{"packages":{"a/b":[{"dist":{"url":"dists/a/b-1.zip"}}]}}`,
		"p2/a/bad.json":   `{`,
		"dists/a/b-1.zip": "PK0123456789",
		"nightly.json":    `{"metadata-url":"p2"}`,
	}, Snapshot{Name: "2026-11-24", Tree: pipeline.Tree{Digest: "tree"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, method, host, path, header string
		status                           int
		kind, body                       string
	}{
		{"entry", "GET", "shop.test:8080", "/packages.json", "", 200, "application/json", `{"packages":[],"metadata-url":"http://shop.test:8080/p2/%package%.json"}`},
		{"metadata", "GET", "127.0.0.1:1", "/p2/a/b.json", "", 200, "application/json", `{"packages":{"a/b":[{"dist":{"url":"http://127.0.0.1:1/dists/a/b-1.zip"}}]}}`},
		{"IPv6", "GET", "[::1]:80", "/packages.json", "", 200, "application/json", `{"packages":[],"metadata-url":"http://[::1]:80/p2/%package%.json"}`},
		{"dist", "GET", "h", "/dists/a/b-1.zip", "", 200, "application/zip", "PK0123456789"},
		{"part of a dist", "GET", "h", "/dists/a/b-1.zip", "bytes=2-4", 206, "application/zip", "012"},
		{"HEAD", "HEAD", "h", "/dists/a/b-1.zip", "", 200, "application/zip", ""},
		{"manifest unchanged", "GET", "h", "/nightly.json", "", 200, "application/json", `{"metadata-url":"p2"}`},
		{"unknown package", "GET", "h", "/p2/a/c.json", "", 404, "text/plain; charset=utf-8", "404 page not found\n"},
		{"folder", "GET", "h", "/p2/a/", "", 404, "text/plain; charset=utf-8", "404 page not found\n"},
		{"outside", "GET", "h", "/p2/../packages.json", "", 404, "text/plain; charset=utf-8", "404 page not found\n"},
		{"POST", "POST", "h", "/packages.json", "", 405, "text/plain; charset=utf-8", "only GET and HEAD\n"},
		{"no host", "GET", "", "/packages.json", "", 400, "text/plain; charset=utf-8", "the Host header names no host\n"},
		{"host with more", "GET", `h/x"`, "/packages.json", "", 400, "text/plain; charset=utf-8", "the Host header names no host\n"},
		{"host with user", "GET", `u@h`, "/packages.json", "", 400, "text/plain; charset=utf-8", "the Host header names no host\n"},
		{"broken metadata", "GET", "h", "/p2/a/bad.json", "", 500, "text/plain; charset=utf-8", "cannot render p2/a/bad.json\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/", nil)
			r.Host, r.URL.Path = tt.host, tt.path
			if tt.header != "" {
				r.Header.Set("Range", tt.header)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			body, err := io.ReadAll(w.Result().Body)
			got := []any{w.Code, w.Header().Get("Content-Type"), string(body), err}
			if diff := cmp.Diff([]any{tt.status, tt.kind, tt.body, error(nil)}, got); diff != "" {
				t.Error(diff)
			}
			if tag := w.Header().Get("ETag"); w.Code == http.StatusOK && len(tag) < 3 {
				t.Errorf("ETag %q", tag)
			}
		})
	}
}

func TestNightHandlerErrors(t *testing.T) {
	for _, tt := range []struct {
		name     string
		snapshot Snapshot
		want     string
	}{
		{"no such tree", Snapshot{Name: "2026-11-24"}, "not exist"},
		{"no entry", Snapshot{Name: "2026-11-24", Tree: pipeline.Tree{Digest: "tree"}}, "has no packages.json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := SnapshotHandler(fakeReader{}, tt.snapshot); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %s", err, tt.want)
			}
		})
	}
}

// A plus sign is %2B in URLs: object stores read a bare one as a blank. Composer opens a
// file:// URL as it is written.
func TestPlus(t *testing.T) {
	const web, file = "https://example.org/a/", "file:///srv/a/"
	text := []byte(`{"packages":{"acme/a":[{"dist":{"url":"dists/acme/a-1.0+p1.zip"}}]}}`)
	for base, want := range map[string]string{web: "%2B", file: "+"} {
		got, err := Render(text, base)
		if err != nil || !strings.Contains(string(got), base+"dists/acme/a-1.0"+want+"p1.zip") {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
		for to, want := range map[string]string{web: "%2B", file: "+"} {
			if moved, err := Rebase(got, base, to); err != nil || !strings.Contains(string(moved), to+"dists/acme/a-1.0"+want+"p1.zip") {
				t.Errorf("from %s: %s, %v; want %s", base, moved, err, want)
			}
		}
	}
}

// What Render makes absolute, Unrender makes relative again, byte for byte.
func TestUnrender(t *testing.T) {
	const base = "https://example.org/a/"
	for _, text := range []string{
		`{"packages":[],"metadata-url":"p2/%package%.json"}`,
		`{"packages":{"acme/a":[{"version":"1.0","dist":{"url":"dists/acme/a-1.0+p1.zip","shasum":""},"homepage":"https://example.org/a/b"}]}}`,
		`{"packages":{"acme/a":[{"dist":{"url":"dists/acme/a ü%.zip"}}]}}`,
		`{"packages":{"acme/a":[{"dist":{"url":"https://elsewhere.example.org/x.zip"}}]}}`,
	} {
		rendered, err := Render([]byte(text), base)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Unrender(rendered, base)
		if err != nil || string(back) != text {
			t.Errorf("%s, %v; want %s", back, err, text)
		}
	}
}
