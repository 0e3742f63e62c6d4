package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases"
)

// ask sends one request to a proxy, with a target that no client of package net/http would
// send.
func ask(t *testing.T, proxy, target string) (code int, body string) {
	t.Helper()
	at, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", at.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", target)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%.200s: %v", target, err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%.200s: %v", target, err)
	}
	return response.StatusCode, string(data)
}

// serveAt serves a Composer repository at a folder of a host that has more, and a gateway
// to it.
func serveAt(t *testing.T, root string, rest http.HandlerFunc) (base, proxy string) {
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/composer/packages.json" {
			io.WriteString(w, root)
			return
		}
		rest(w, r)
	}))
	t.Cleanup(host.Close)
	proxy, stop, err := Serve(t.Context(), Options{Repositories: []releases.ComposerRepository{{URL: host.URL + "/composer"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop() })
	if code, _ := ask(t, proxy, host.URL+"/composer/packages.json"); code != http.StatusOK {
		t.Fatalf("got %d for packages.json", code)
	}
	return host.URL, proxy
}

// The places in a repository's URLs lead to no other path of its host, nor do what packages
// say of themselves, to any host.
func TestPlaces(t *testing.T) {
	const root = `{"metadata-url":"/composer/p2/%package%.json","providers-url":"/composer/p/%package%$%hash%.json","packages":[],
		"mirrors":[{"dist-url":"/mirror/%package%/%version%/%reference%.%type%"}]}`
	base, proxy := serveAt(t, root, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"packages":{"a/b":[{"dist":{"url":"http://%[1]s/named.zip"},"extra":{"x":{"dist":{"url":"http://%[1]s/extra.zip"}}}}]},
			"dist":{"url":"http://%[1]s/top.zip"}}`, r.Host)
	})
	for _, test := range []struct {
		path string
		code int
	}{
		{"/composer/p2/../../api/v4/projects.json", 403},
		{"/composer/p2/%2e%2e/%2e%2e/api/v4/projects.json", 403},
		{"/composer/p2/%2E%2E/uploads.json", 403},
		{"/composer/p2/..%2f../uploads.json", 403},
		{"/composer/p2/a/..json", 403},
		{"/composer/p2/./x.json", 403},
		{"/composer/p2/x.json", 403},
		{"/composer/p2/a/b/c.json", 403},
		{"/composer/p2/a/../b/c.json", 403},
		{"/composer/p2//a/b.json", 403},
		{"/mirror/a/b/../x.zip", 403},
		{"/mirror/a/b/%2e%2e/x.zip", 403},
		{"/mirror/a/b/1.0/x/y.zip", 403},
		{"/named.zip", 403},
		{"/composer/p2/a-1/b_2.c.json", 200},
		{"/composer/p2/a/b~dev.json", 200},
		{"/composer/p/a/b$0123abc.json", 200},
		{"/mirror/a/b/1.0.0.0-beta1/0123abc.zip", 200},
		{"/named.zip", 200},
		{"/extra.zip", 403},
		{"/top.zip", 403},
	} {
		if code, body := ask(t, proxy, base+test.path); code != test.code {
			t.Errorf("%s: got %d, %.100q, want %d", test.path, code, body, test.code)
		}
	}
}

// What a repository teaches has bounds: a gateway outlives all of it.
func TestPatterns(t *testing.T) {
	base, proxy := serveAt(t, `{"metadata-url":"/`+strings.Repeat("a", 40<<20)+`/%package%.json"}`, http.NotFound)
	if code, _ := ask(t, proxy, base+"/p2/a/b.json"); code != http.StatusForbidden {
		t.Errorf("got %d, want that it is refused", code)
	}
	r := &repository{base: &url.URL{Scheme: "https", Host: "example.org"}}
	for i := range 3 * maxPatterns {
		r.add(&r.metadata, fmt.Sprintf("/p%d/%%package%%.json", i/2), false)
	}
	if len(r.metadata) != maxPatterns {
		t.Errorf("got %d patterns, want %d", len(r.metadata), maxPatterns)
	}
}

// A dist's reference leads to no other path of the host of its archive.
func TestAskedElsewhere(t *testing.T) {
	const address = "https://github.com/acme/tool/archive/v1.0.zip"
	for _, reference := range []string{"../../../../user", "..", "a/b", "a?b", "%2e%2e"} {
		if got := asked(address, reference); got != address {
			t.Errorf("%s: %s", reference, got)
		}
	}
}
