package verify

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/trust"
)

// serve gives a repository over HTTP; wrap may answer in its place.
func serve(t *testing.T, dir string, public []byte, wrap func(http.Handler) http.Handler) Options {
	t.Helper()
	server := httptest.NewServer(wrap(publish.Handler(dir)))
	t.Cleanup(server.Close)
	source, err := target.OpenWeb(server.URL, server.Client())
	if err != nil {
		t.Fatal(err)
	}
	o := folder{t, dir}.options(public)
	o.Source, o.List, o.URL = source, nil, server.URL+"/"
	return o
}

// What a server sends without end is given up at the bound of its kind, and what it
// does not send at all is a problem of that file.
func TestHostileServer(t *testing.T) {
	key, public := keys(t)
	dir := t.TempDir()
	sample{name: "2026-11-26"}.publish(t, dir, key)
	endless := func(w http.ResponseWriter) {
		chunk := []byte(strings.Repeat(" ", 1<<16))
		for range (2 << 30) / len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
	tests := []struct {
		name   string
		path   string
		answer func(w http.ResponseWriter)
		want   string
	}{
		{"an index of 2 GB", "packages.json", endless, "packages.json: is longer than"},
		{"a timestamp of 2 GB", trust.TimestampFile, endless, trust.TimestampFile + ": is refused: download length mismatch error: metadata/timestamp.json is longer than"},
		{"a manifest of 2 GB", n3 + "nightly.json", endless, n3 + "nightly.json: cannot be read: is longer than"},
		{"a dist of 2 GB", moduleA, endless, moduleA + ": cannot be read: is longer than"},
		{"a server that fails", n3 + "nightly.json", func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }, "502"},
		{"an answer that breaks off", n3 + "nightly.json", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "{")
		}, "unexpected EOF"},
		{"a page instead of a file", n3 + "nightly.json", func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>welcome") }, n3 + "nightly.json: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := serve(t, dir, public, func(good http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.TrimPrefix(r.URL.Path, "/") == test.path {
						test.answer(w)
						return
					}
					good.ServeHTTP(w, r)
				})
			})
			report, err := Repository(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(told(report), test.want) {
				t.Errorf("want %q:\n%s", test.want, told(report))
			}
		})
	}
}

// A server that never answers holds nobody up for longer than they wait.
func TestSilentServer(t *testing.T) {
	_, public := keys(t)
	arrived := make(chan struct{})
	o := serve(t, t.TempDir(), public, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(arrived)
			<-r.Context().Done()
		})
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	if _, err := Repository(ctx, o); err == nil {
		t.Error("no error of a server that does not answer")
	}
}

// A server that is too slow for one file is asked for no other.
func TestSlowServer(t *testing.T) {
	key, public := keys(t)
	dir := t.TempDir()
	sample{name: "2026-11-26"}.publish(t, dir, key)
	var late atomic.Int64
	o := serve(t, dir, public, func(good http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/packages.json" || strings.HasPrefix(r.URL.Path, "/metadata/") || r.URL.Path == "/index.html" {
				good.ServeHTTP(w, r)
				return
			}
			late.Add(1)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
	})
	source, err := target.OpenWeb(o.URL, &http.Client{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	o.Source = source
	report, err := Repository(t.Context(), o)
	if err != nil || !strings.Contains(told(report), "the server was too slow for ") || late.Load() > 4 {
		t.Errorf("%v, asked for %d files in vain:\n%s", err, late.Load(), told(report))
	}
}

// The same repository behind the program's own server, whose base URL is its address: there it has other bytes than
// were signed, but at its own URL.
func TestServed(t *testing.T) {
	key, public := keys(t)
	dir := t.TempDir()
	sample{name: "2026-11-26"}.publish(t, dir, key)
	o := serve(t, dir, public, func(h http.Handler) http.Handler { return h })
	o.Root = nil
	clean(t, o)
	o = serve(t, dir, public, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Host, r.TLS = "nightly.example.org", &tls.ConnectionState{}
			h.ServeHTTP(w, r)
		})
	})
	clean(t, o)
}

// A night that was signed and cannot be installed all the same: a defect of the
// builder, which a stranger finds.
func TestDefects(t *testing.T) {
	tests := []struct {
		name   string
		change func(*releases.Manifest)
		want   string
	}{
		{"a require that no package meets", func(m *releases.Manifest) { m.Packages[1].Requires[1].Constraint = "^2.0" }, "acme/module-a requires acme/language ^2.0, the snapshot has 1.0.0"},
		{"a require that was not installed", func(m *releases.Manifest) { m.Packages[1].Requires[2].Constraint = "^4.0" }, "requires psr/log ^4.0, the snapshot has 3.0.2"},
		{"a package that is not there", func(m *releases.Manifest) { m.Packages[1].Requires[1].Name = "acme/none" }, "requires acme/none ^1.0, which the snapshot does not have"},
		{"no constraint", func(m *releases.Manifest) { m.Packages[1].Requires[1].Constraint = "one or two" }, "acme/module-a requires acme/language"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			key, public := keys(t)
			f := folder{t, t.TempDir()}
			sample{name: "2026-11-26", change: test.change}.publish(t, f.dir, key)
			report, err := Repository(t.Context(), f.options(public))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(told(report), test.want) {
				t.Errorf("want %q:\n%s", test.want, told(report))
			}
		})
	}
}

// A site has all of a repository but its dists, under a URL of its own.
func TestSite(t *testing.T) {
	key, public := keys(t)
	dir, site := t.TempDir(), folder{t, t.TempDir()}
	sample{name: "2026-11-25"}.publish(t, dir, key)
	sample{name: "2026-11-26"}.publish(t, dir, key)
	const url = "https://acme.example.io/nightly/"
	o := publish.Options{Owner: "test", Now: at(t, "2026-11-26")}
	if _, err := o.Site(t.Context(), publish.Site{From: dir, To: site.dir, URL: url}); err != nil {
		t.Fatal(err)
	}
	ask := site.options(public)
	ask.URL, ask.Root = url, nil
	report := clean(t, ask)
	if want := "dists: they lie at " + base + "; verify that, too"; !slices.Contains(report.Unchecked, want) {
		t.Errorf("unchecked: %q", report.Unchecked)
	}
	if report, err := Repository(t.Context(), site.options(public)); err != nil || !strings.Contains(told(report), "is refused") {
		t.Errorf("a site is signed: %v, %v", report, err)
	}
}

// A night that was given up stays for a while for clients that started before: on the web, where files cannot be listed, it
// is verified, too.
func TestHeldNightOnTheWeb(t *testing.T) {
	key, public := keys(t)
	dir := t.TempDir()
	for _, night := range []releases.SnapshotName{"2026-11-24", "2026-11-25", "2026-11-26"} { // two are kept
		sample{name: night}.publish(t, dir, key)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	source, err := target.OpenWeb(server.URL, server.Client())
	if err != nil {
		t.Fatal(err)
	}
	o := folder{t, dir}.options(public)
	o.Source, o.List, o.URL = source, nil, server.URL+"/"
	clean(t, o)
	held := filepath.Join(dir, "nights/2026-11-24/versions.json")
	if err := os.Remove(held); err != nil {
		t.Fatal(err)
	}
	report, err := Repository(t.Context(), o)
	if err != nil || !strings.Contains(told(report), "nights/2026-11-24/versions.json: is signed, and is missing") {
		t.Errorf("%v\n%s", err, told(report))
	}
}
