package gateway

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
)

// request begins a request to a proxy, with a target that no client of package net/http would
// send.
func request(t *testing.T, proxy, method, target string) net.Conn {
	t.Helper()
	at, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", at.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	login := base64.StdEncoding.EncodeToString([]byte(at.User.String()))
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Basic %s\r\n\r\n", method, target, login)
	return conn
}

// ask asks a proxy for a target.
func ask(t *testing.T, proxy, target string) (code int, body string) {
	t.Helper()
	conn := request(t, proxy, http.MethodGet, target)
	defer conn.Close()
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

// connect opens a tunnel to a host through a proxy.
func connect(t *testing.T, proxy, host string) net.Conn {
	t.Helper()
	conn := request(t, proxy, http.MethodConnect, host)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("got %v, %v, want a tunnel", response, err)
	}
	return conn
}

// A header in a tunnel has a bound, whether it is encrypted or not.
func TestHeaderInTunnel(t *testing.T) {
	_, proxy := serveAt(t, `{}`, http.NotFound)
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"plain": func(c net.Conn) net.Conn { return c },
		"TLS":   func(c net.Conn) net.Conn { return tls.Client(c, &tls.Config{InsecureSkipVerify: true}) },
	} {
		conn := wrap(connect(t, proxy, "nobody.example:1"))
		fmt.Fprint(conn, "GET / HTTP/1.1\r\n")
		line := "A: " + strings.Repeat("a", 1<<16) + "\r\n"
		sent := 0
		for ; sent < 50<<20; sent += len(line) {
			if _, err := io.WriteString(conn, line); err != nil {
				break
			}
		}
		if sent >= 50<<20 {
			t.Errorf("%s: the gateway took a header of %d bytes", name, sent)
		}
	}
}

// Clients that read nothing take no more than there are answers at one time.
func TestAnswersAtOnce(t *testing.T) {
	var fetched atomic.Int32
	dist := bytes.Repeat([]byte("z"), 16<<20) // more than the system keeps for a connection
	base, proxy := serveAt(t, `{"packages":{"a/b":[{"dist":{"url":"/a.zip"}}]}}`, func(w http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		w.Write(dist)
	})
	for range 3 * 16 {
		request(t, proxy, http.MethodGet, base+"/a.zip")
	}
	time.Sleep(2 * time.Second)
	if n := fetched.Load(); n != 16 {
		t.Errorf("%d answers were under way at one time, want 16", n)
	}
}

// With stop, connections end, and so does what is fetched for them, before it returns.
func TestStop(t *testing.T) {
	asked, ended := make(chan bool), make(chan bool, 1)
	host := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- true
		<-r.Context().Done()
		ended <- true
	}))
	defer host.Close()
	var under atomic.Int32
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		under.Add(1)
		defer under.Add(-1)
		response, err := http.DefaultTransport.RoundTrip(r)
		time.Sleep(100 * time.Millisecond)
		return response, err
	})
	proxy, stop, err := Serve(t.Context(), Options{
		Repositories: []releases.ComposerRepository{{URL: host.URL}}, Client: remote.Client{Transport: transport, Policy: remote.Policy{Tries: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	tunnel := connect(t, proxy, "nobody.example:1")
	request(t, proxy, http.MethodGet, host.URL+"/packages.json")
	<-asked
	if err := stop(); err != nil {
		t.Error(err)
	}
	if n := under.Load(); n > 0 {
		t.Error("a fetch is under way after stop")
	}
	<-ended
	if err := tunnel.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := tunnel.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v of a tunnel after stop, want that it is closed", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Metadata are kept as they were first read, and so there is an end of them.
func TestMetadataBound(t *testing.T) {
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"metadata-url":"/p2/%package%.json"}`)
	}))
	defer host.Close()
	g, err := New(Options{Repositories: []releases.ComposerRepository{{URL: host.URL}}})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) error {
		_, err := g.read(httptest.NewRequest(http.MethodGet, host.URL+path, nil), nil)
		return err
	}
	if err := get("/packages.json"); err != nil {
		t.Fatal(err)
	}
	if g.kept = maxMetadata; get("/packages.json") != nil {
		t.Error("what is kept already is not given")
	}
	if err := get("/p2/a/b.json"); err == nil || !strings.Contains(err.Error(), "256 MB") {
		t.Errorf("got %v, want that there is too much", err)
	}
}

// Who does not know the address as it was given out, as other users of the machine, gets
// nothing but the certificate.
func TestPassword(t *testing.T) {
	base, proxy := serveAt(t, `{}`, http.NotFound)
	for _, login := range []string{"", "nightly@", "nightly:wrong@"} {
		other := proxy[:len("http://")] + login + proxy[strings.LastIndexAny(proxy, "@/")+1:]
		if code, _ := ask(t, other, base+"/composer/packages.json"); code != http.StatusProxyAuthRequired {
			t.Errorf("%q: got %d for a request, want %d", login, code, http.StatusProxyAuthRequired)
		}
		response, err := http.ReadResponse(bufio.NewReader(request(t, other, http.MethodConnect, "example.org:443")), nil)
		if err != nil || response.StatusCode != http.StatusProxyAuthRequired {
			t.Errorf("%q: got %v, %v for a tunnel", login, response, err)
		}
	}
}

// Who opens more connections than there may be waits until one ends.
func TestConnections(t *testing.T) {
	base, proxy := serveAt(t, `{}`, http.NotFound)
	var all []net.Conn
	for range maxConnections {
		all = append(all, connect(t, proxy, "example.org:443"))
	}
	conn := request(t, proxy, http.MethodGet, base+"/composer/packages.json")
	if err := conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v beside %d tunnels, want no answer yet", err, len(all))
	}
	all[0].Close()
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Errorf("got %v when a tunnel had ended, want the answer", err)
	}
}
