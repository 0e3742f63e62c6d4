package composer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/remote"
)

// An unsteady server answers each request to a path with the path's next answer, and the last one for ever.
type unsteady struct {
	mu      sync.Mutex
	answers map[string][]http.HandlerFunc
	served  map[string]int
}

func (u *unsteady) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	answers := u.answers[r.URL.Path]
	n := u.served[r.URL.Path]
	u.served[r.URL.Path]++
	u.mu.Unlock()
	if len(answers) == 0 {
		http.NotFound(w, r)
		return
	}
	answers[min(n, len(answers)-1)](w, r)
}

func serve(t *testing.T, answers map[string][]http.HandlerFunc) (*unsteady, *httptest.Server) {
	t.Helper()
	u := &unsteady{answers: answers, served: map[string]int{}}
	server := httptest.NewServer(u)
	t.Cleanup(server.Close)
	return u, server
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

// cutOff promises more than it sends.
func cutOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "50")
	io.WriteString(w, "half")
}

// waits notes how long a fetcher would have waited.
type waits []time.Duration

func (w *waits) wait(_ context.Context, d time.Duration) error {
	*w = append(*w, d)
	return nil
}

func TestHTTPFetcher(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name    string
		answers []http.HandlerFunc
		body    string
		err     string
		waits   waits
	}{
		{"at once", []http.HandlerFunc{text("body")}, "body", "", nil},
		{"not found", nil, "", "404", nil},
		{"gone", []http.HandlerFunc{status(410)}, "", "410", nil},
		{"forbidden is final", []http.HandlerFunc{status(403)}, "", "403 Forbidden", nil},
		{"500, 429 in seconds, then well", []http.HandlerFunc{status(500), status(429, "Retry-After", "7"), text("body")}, "body", "", waits{s, 7 * s}},
		{"answer breaks off", []http.HandlerFunc{cutOff, text("body")}, "body", "", waits{s}},
		{"never well", []http.HandlerFunc{status(502)}, "", "502 Bad Gateway, on each of 5 tries; try later", waits{s, 2 * s, 4 * s, 8 * s}},
		{"as long as allowed", []http.HandlerFunc{text(strings.Repeat("x", 100))}, strings.Repeat("x", 100), "", nil},
		{"too long", []http.HandlerFunc{text(strings.Repeat("x", 101))}, "", "more than 100 bytes", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, server := serve(t, map[string][]http.HandlerFunc{"/x": test.answers})
			var waited waits
			fetcher := fetcher{remote.Client{Policy: remote.Policy{Wait: waited.wait}}, 100}
			body, err := readAll(fetcher, t.Context(), server.URL+"/x")
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			if missing := test.err == "404" || test.err == "410"; errors.Is(err, fs.ErrNotExist) != missing {
				t.Errorf("error %v is fs.ErrNotExist: %t, want %t", err, !missing, missing)
			}
			if diff := cmp.Diff(test.body, body); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.waits, waited); diff != "" {
				t.Errorf("waits: %s", diff)
			}
		})
	}
}

func readAll(f Fetcher, ctx context.Context, address string) (string, error) {
	body, err := f.Fetch(ctx, address)
	if err != nil {
		return "", err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	return string(data), err
}

func TestHTTPFetcherStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	hanging := func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "some")
		w.(http.Flusher).Flush()
		cancel() // the answer began and never ends
		<-r.Context().Done()
	}
	_, server := serve(t, map[string][]http.HandlerFunc{"/hangs": {hanging}})
	if _, err := readAll(NewFetcher(remote.Client{}), ctx, server.URL+"/hangs"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestHTTPFetcherTriesAgainWhenNobodyAnswers(t *testing.T) {
	_, server := serve(t, nil)
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	address.User = url.UserPassword("user", "secret")
	var waited waits
	_, err = readAll(NewFetcher(remote.Client{Policy: remote.Policy{Wait: waited.wait, Tries: 2}}), t.Context(), address.String())
	if err == nil || len(waited) != 1 || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "on each of 2 tries") {
		t.Errorf("after %d waits error %v", len(waited), err)
	}
}

func TestNewFetcherServesFiles(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "a b+c.json")
	if err := os.WriteFile(file, []byte("body"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, server := serve(t, map[string][]http.HandlerFunc{"/x": {text("web")}})
	fetcher := NewFetcher(remote.Client{})
	address := (&url.URL{Scheme: "file", Path: file}).String()
	for address, want := range map[string]string{address: "body", server.URL + "/x": "web"} {
		if got, err := readAll(fetcher, t.Context(), address); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", address, got, err, want)
		}
	}
	if _, err := readAll(fetcher, t.Context(), "file://"+folder+"/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: error %v, want fs.ErrNotExist", err)
	}
	for _, address := range []string{"file://" + folder, "file://elsewhere/x", "file:x", "ftp://x/y", "x", ""} {
		if got, err := readAll(fetcher, t.Context(), address); err == nil {
			t.Errorf("%q: no error, but %q", address, got)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := readAll(fetcher, cancelled, address); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}

func ExampleVersion_Compare() {
	first, _ := ParseVersion("103.0.8.1-a20260805+p3")
	second, _ := ParseVersion("103.0.8.1-a20260805.1+p3")
	release, _ := ParseVersion("103.0.8.1")
	fmt.Println(first.Normalized(), first.Stability(), strconv.Itoa(first.Compare(second)), second.Compare(release))
	// Output: 103.0.8.1-alpha20260805 alpha -1 -1
}
