package gateway

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
)

const commit = "0123456789012345678901234567890123456789"

// A server is a private Composer repository of all kinds, which counts what it is asked for.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	asked map[string]int
	files map[string]string
}

func serve(t *testing.T) *server {
	s := &server{asked: map[string]int{}}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked[r.Method+" "+r.URL.Path]++
		body, ok := s.files[r.URL.Path]
		switch {
		case r.Header.Get("Authorization") != "Bearer secret":
			http.Error(w, "no login", http.StatusUnauthorized)
		case r.Method == http.MethodPost:
			question, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s of %s", body, question)
		case !ok:
			http.NotFound(w, r)
		default:
			io.WriteString(w, body)
		}
	}))
	t.Cleanup(s.Close)
	sum := sha1.Sum([]byte("summed"))
	s.files = map[string]string{
		"/packages.json": `{"packages":{"acme/inline":{"1.0":{"dist":{"url":"inline.zip","type":"zip"}}}},"metadata-url":"/p2/%package%.json",
			"includes":{"include/all$1.json":{"sha1":"x"}},"provider-includes":{"p/provider-%hash%.json":{"sha256":"x"}},
			"mirrors":[{"dist-url":"/mirror/%package%/%reference%.%type%","preferred":true}],
			"security-advisories":{"api-url":"` + s.URL + `/advisories"}}`,
		"/p2/acme/tool.json": `{"packages":{"acme/tool":[{"version":"1","dist":{"type":"zip","url":"` + s.URL + `/dl/tool-` + commit + `.zip","reference":"` + commit + `"}},
			{"version":"2","dist":{"type":"zip","url":"` + s.URL + `/dl/summed.zip","shasum":"` + hex.EncodeToString(sum[:]) + `"}},
			{"version":"3","dist":{"type":"zip","url":"` + s.URL + `/dl/wrong.zip","shasum":"` + hex.EncodeToString(sum[:]) + `"}},
			{"version":"4","dist":{"type":"zip","url":"http://169.254.169.254/latest/meta-data"}}]}}`,
		"/include/all$1.json": `{}`, "/p/provider-abc.json": `{}`, "/mirror/acme/tool/" + commit + ".zip": "mirrored",
		"/inline.zip": "inline", "/dl/tool-" + commit + ".zip": "tool", "/dl/summed.zip": "summed", "/dl/wrong.zip": "wrong",
		"/advisories": "advice", "/private/of/others": "private",
	}
	return s
}

// client trusts the server, and has its login.
func (s *server) client() remote.Client {
	host := strings.TrimPrefix(s.URL, "https://")
	return remote.Client{Transport: s.Client().Transport, Policy: remote.Policy{Tries: 1}, Credential: func(to string) remote.Credential {
		if to != host {
			return remote.Credential{}
		}
		return remote.NewCredential("Authorization", "Bearer secret")
	}}
}

// through is a client of a gateway to a repository.
func through(t *testing.T, o Options) (get func(method, address, body string) (int, string)) {
	address, stop, err := Serve(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop() })
	authority, err := Authority(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(authority) {
		t.Fatalf("%s is no certificate", authority)
	}
	proxy, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	t.Cleanup(client.CloseIdleConnections)
	return func(method, address, body string) (int, string) {
		t.Helper()
		request, err := http.NewRequest(method, address, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		defer response.Body.Close()
		data, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		return response.StatusCode, string(data)
	}
}

func TestGateway(t *testing.T) {
	s := serve(t)
	var log bytes.Buffer
	get := through(t, Options{Repositories: []releases.ComposerRepository{{URL: s.URL}}, Client: s.client(), Log: slog.New(slog.NewTextHandler(&log, nil))})
	for _, test := range []struct {
		path string
		code int
		body string
	}{
		{"/p2/acme/tool.json", 403, ""}, // nobody has named it yet
		{"/packages.json", 200, s.files["/packages.json"]},
		{"/dl/summed.zip", 403, ""},
		{"/p2/acme/tool.json", 200, s.files["/p2/acme/tool.json"]},
		{"/p2/acme/none.json", 404, ""},
		{"/include/all$1.json", 200, "{}"},
		{"/p/provider-abc.json", 200, "{}"},
		{"/inline.zip", 200, "inline"},
		{"/dl/summed.zip", 200, "summed"},
		{"/dl/tool-" + commit + ".zip", 200, "tool"},
		{"/mirror/acme/tool/" + commit + ".zip", 200, "mirrored"},
		{"/private/of/others", 403, ""},
		{"/p2/../private/of/others", 403, ""},
		{"/p2/acme/tool.json?leak=1", 403, ""},
	} {
		code, body := get(http.MethodGet, s.URL+test.path, "")
		if code != test.code || test.body != "" && body != test.body {
			t.Errorf("%s: got %d, %.100q, want %d, %.100q", test.path, code, body, test.code, test.body)
		}
	}
	for _, address := range []string{"http://169.254.169.254/latest/meta-data", "http://" + strings.TrimPrefix(s.URL, "https://") + "/packages.json"} {
		if code, _ := get(http.MethodGet, address, ""); code != http.StatusForbidden {
			t.Errorf("%s: got %d, want that it is refused", address, code)
		}
	}
	if s.asked["GET /private/of/others"] > 0 {
		t.Error("what no repository names was asked for")
	}
	if !strings.Contains(log.String(), "/private/of/others") {
		t.Errorf("the log does not tell what was refused:\n%s", &log)
	}
}

func TestAdvisories(t *testing.T) {
	s := serve(t)
	get := through(t, Options{Repositories: []releases.ComposerRepository{{URL: s.URL}}, Client: s.client()})
	if code, _ := get(http.MethodPost, s.URL+"/advisories", "acme/tool"); code != http.StatusForbidden {
		t.Errorf("got %d before the repository has named them, want that it is refused", code)
	}
	get(http.MethodGet, s.URL+"/packages.json", "")
	if code, body := get(http.MethodPost, s.URL+"/advisories", "acme/tool"); code != http.StatusOK || body != "advice of acme/tool" {
		t.Errorf("got %d, %q, want the advisories", code, body)
	}
	if code, _ := get(http.MethodPost, s.URL+"/p2/acme/tool.json", "x"); code != http.StatusForbidden {
		t.Errorf("got %d for another POST, want that it is refused", code)
	}
}

func TestUnreachable(t *testing.T) {
	s := serve(t)
	s.Close()
	get := through(t, Options{Repositories: []releases.ComposerRepository{{URL: s.URL}}, Client: s.client()})
	if code, _ := get(http.MethodGet, s.URL+"/packages.json", ""); code != Unreachable {
		t.Errorf("got %d, want %d", code, Unreachable)
	}
}

// memory is a cache.
type memory struct {
	mu      sync.Mutex
	entries map[string][]byte
}

func (m *memory) Get(_ context.Context, key string) (pipeline.Content, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.entries[key]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return content{bytes.NewReader(data)}, nil
}

func (m *memory) Put(_ context.Context, key string, from io.Reader) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, err := io.ReadAll(from)
	m.entries[key] = data
	return err
}

type content struct{ *bytes.Reader }

func (content) Close() error { return nil }

// What cannot change is asked for once, by all gateways; what does not match what the
// repository says of it is not kept.
func TestCache(t *testing.T) {
	s := serve(t)
	cache := &memory{entries: map[string][]byte{}}
	for run := range 3 {
		get := through(t, Options{Repositories: []releases.ComposerRepository{{URL: s.URL}}, Client: s.client(), Cache: cache})
		for _, path := range []string{"/packages.json", "/p2/acme/tool.json", "/packages.json"} {
			get(http.MethodGet, s.URL+path, "")
		}
		for path, want := range map[string]string{"/dl/summed.zip": "summed", "/dl/tool-" + commit + ".zip": "tool", "/dl/wrong.zip": "wrong", "/inline.zip": "inline"} {
			if _, got := get(http.MethodGet, s.URL+path, ""); got != want {
				t.Errorf("run %d: %s: got %q, want %q", run, path, got, want)
			}
		}
		if run == 1 { // somebody has changed the cache
			for key := range cache.entries {
				if string(cache.entries[key]) == "summed" {
					cache.entries[key] = []byte("changed")
				}
			}
		}
	}
	for request, want := range map[string]int{
		"GET /packages.json": 3, "GET /dl/summed.zip": 2, "GET /dl/tool-" + commit + ".zip": 1, "GET /dl/wrong.zip": 3, "GET /inline.zip": 3,
	} {
		if got := s.asked[request]; got != want {
			t.Errorf("%s: asked %d times, want %d", request, got, want)
		}
	}
}

// A repository of this machine, which Composer reads itself, may have its dists elsewhere.
func TestLocalRepository(t *testing.T) {
	s := serve(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "packages.json"), []byte(s.files["/p2/acme/tool.json"]), 0o644); err != nil {
		t.Fatal(err)
	}
	get := through(t, Options{Repositories: []releases.ComposerRepository{{URL: "file://" + filepath.ToSlash(dir)}, {URL: "embedded:third-party"}}, Client: s.client()})
	if code, body := get(http.MethodGet, s.URL+"/dl/summed.zip", ""); code != http.StatusOK || body != "summed" {
		t.Errorf("got %d, %q, want the dist", code, body)
	}
	if _, err := New(Options{Repositories: []releases.ComposerRepository{{URL: "file:///there/is/none"}}}); err == nil {
		t.Error("got no error for a folder that is not there")
	}
}

// TestAsked compares with Composer itself where the machine has its classes.
func TestAsked(t *testing.T) {
	for address, want := range map[string]string{
		"https://github.com/acme/tool/archive/v1.0.zip":                                 "https://api.github.com/repos/acme/tool/zipball/" + commit,
		"https://www.github.com/acme/tool/archive/refs/tags/v1.tar.gz":                  "https://api.github.com/repos/acme/tool/tarball/" + commit,
		"https://github.com/acme/tool/zipball/main":                                     "https://api.github.com/repos/acme/tool/zipball/" + commit,
		"https://api.github.com/repos/acme/tool/zipball/abc":                            "https://api.github.com/repos/acme/tool/zipball/" + commit,
		"https://api.github.com/repos/acme/tool/zipball":                                "https://api.github.com/repos/acme/tool/zipball/" + commit,
		"https://bitbucket.org/acme/tool/get/abc.tar.bz2":                               "https://bitbucket.org/acme/tool/get/" + commit + ".tar.bz2",
		"https://gitlab.com/api/v4/projects/acme%2Ftool/repository/archive.zip?sha=abc": "https://gitlab.com/api/v4/projects/acme%2Ftool/repository/archive.zip?sha=" + commit,
		"https://example.org/acme/tool/archive/v1.0.zip":                                "https://example.org/acme/tool/archive/v1.0.zip",
		"https://github.com/acme/tool/releases/download/v1/tool.zip":                    "https://github.com/acme/tool/releases/download/v1/tool.zip",
	} {
		if got := asked(address, commit); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
		if got := asked(address, ""); got != address {
			t.Errorf("%s without a reference: %s", address, got)
		}
		const script = `require $argv[1]; echo Composer\Util\Url::updateDistReference(new Composer\Config(false), $argv[2], $argv[3]);`
		const classes = "/usr/share/php/Composer/autoload.php"
		if _, err := os.Stat(classes); err != nil {
			continue
		}
		out, err := exec.CommandContext(t.Context(), "php", "-r", script, classes, address, commit).Output()
		if err != nil {
			t.Fatal(err)
		}
		if string(out) != want {
			t.Errorf("%s: Composer asks for %s, want %s", address, out, want)
		}
	}
}

// full is a cache that takes nothing.
type full struct{ memory }

func (*full) Put(context.Context, string, io.Reader) error { return fs.ErrPermission }

// What cannot be kept is given all the same.
func TestCacheFull(t *testing.T) {
	s := serve(t)
	get := through(t, Options{Repositories: []releases.ComposerRepository{{URL: s.URL}}, Client: s.client(), Cache: &full{}})
	for _, path := range []string{"/packages.json", "/p2/acme/tool.json"} {
		get(http.MethodGet, s.URL+path, "")
	}
	if code, body := get(http.MethodGet, s.URL+"/dl/summed.zip", ""); code != http.StatusOK || body != "summed" {
		t.Errorf("got %d, %q, want the dist", code, body)
	}
}
