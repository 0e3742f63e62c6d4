package git

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/remote"
)

func TestListOverHTTP(t *testing.T) {
	server := serve(t, backend(t, repositories(t)))
	assertRefs(t, NewLister(Options{}), server.URL+"/one", refsOfOne)
}

func TestListOverHTTPAsksAgain(t *testing.T) {
	git := backend(t, repositories(t))
	second := time.Second
	cut := func(w http.ResponseWriter, r *http.Request) { // in the middle of the refs
		whole := httptest.NewRecorder()
		git.ServeHTTP(whole, r)
		w.Header().Set("Content-Type", whole.Header().Get("Content-Type"))
		w.Header().Set("Content-Length", "100000")
		_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
		panic(http.ErrAbortHandler)
	}
	short := func(w http.ResponseWriter, r *http.Request) { // by a proxy that calls it whole
		whole := httptest.NewRecorder()
		git.ServeHTTP(whole, r)
		w.Header().Set("Content-Type", whole.Header().Get("Content-Type"))
		_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
	}
	abort := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	cases := []struct {
		name   string
		faults []http.HandlerFunc
		waited []time.Duration
	}{
		{"500, and 429 that says when", []http.HandlerFunc{answer(500), answer(429, "Retry-After", "17")}, []time.Duration{second, 17 * second}},
		{"cut before the answer", []http.HandlerFunc{abort}, []time.Duration{second}},
		{"cut in the answer", []http.HandlerFunc{cut}, []time.Duration{second}},
		{"short answer", []http.HandlerFunc{short}, []time.Duration{second}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			handler := &flaky{faults: c.faults, next: git}
			server := httptest.NewUnstartedServer(handler)
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.Start()
			defer server.Close()
			var waits clock
			assertRefs(t, NewLister(with(remote.Policy{Wait: waits.wait})), server.URL+"/one", refsOfOne)
			assertWaited(t, &waits, c.waited...)
		})
	}
}

func TestListOverHTTPGivesUp(t *testing.T) {
	handler := &flaky{next: answer(500)}
	server := serve(t, handler)
	var waits clock
	assertError(t, NewLister(with(remote.Policy{Wait: waits.wait, Tries: 3})), server.URL+"/one", "", server.URL, "500 Internal Server Error", "3 tries", "try later")
	if handler.count() != 3 {
		t.Errorf("asked %d times, want 3", handler.count())
	}
}

func TestListOverHTTPFailsAtOnce(t *testing.T) {
	cases := []struct {
		name    string
		handler http.Handler
		says    []string
	}{
		{"no such repository", answer(404), []string{"repository not found", "correct the URL"}},
		{"not allowed", answer(401), []string{"authentication required", "token"}},
		{"forbidden", answer(403), []string{"authorization failed", "token"}},
		{"a wait too long", answer(429, "Retry-After", "7200"), []string{"2h0m0s", "try later"}},
		{"a page for people", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>Welcome</html>") }), nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			server := serve(t, c.handler)
			assertError(t, NewLister(with(remote.Policy{Wait: new(clock).wait})), server.URL+"/one", "", append(c.says, server.URL+"/one")...)
		})
	}
}

func TestListOverHTTPLeavesAServerThatHangs(t *testing.T) {
	for _, name := range []string{"before the answer", "in the answer"} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if name == "in the answer" {
					_, _ = io.WriteString(w, "001e# service=git-upload-pack\n")
					w.(http.Flusher).Flush()
				}
				<-r.Context().Done()
			}))
			lister := NewLister(with(remote.Policy{Wait: new(clock).wait, Timeout: 50 * time.Millisecond, Tries: 2}))
			assertError(t, lister, server.URL+"/one", "", "no answer within 50ms", "2 tries")
		})
	}
}

func TestListOverHTTPEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	_, err := NewLister(Options{}).List(ctx, server.URL+"/one")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestListWhereNothingListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	for _, scheme := range []string{"http", "https"} {
		var waits clock
		assertError(t, NewLister(with(remote.Policy{Wait: waits.wait})), scheme+"://"+address+"/one", "", "connection refused", "5 tries", "network")
		assertWaited(t, &waits, time.Second, 2*time.Second, 4*time.Second, 8*time.Second)
	}
}

func TestListRefusesAWrongCertificate(t *testing.T) {
	handler := &flaky{next: answer(200)}
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	var waits clock
	assertError(t, NewLister(with(remote.Policy{Wait: waits.wait})), server.URL+"/one", "", "certificate", "authority")
	wrongHost := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	assertError(t, NewLister(Options{Client: remote.Client{Transport: server.Client().Transport, Policy: remote.Policy{Wait: waits.wait}}}), wrongHost+"/one", "", "certificate", "localhost")
	assertWaited(t, &waits)
	if handler.count() != 0 {
		t.Error("a request was sent")
	}
}

const token = "ghp_verySecret123"

// tokenFor gives the token to one host.
func tokenFor(host string) func(string) remote.Token {
	return func(asked string) remote.Token {
		if asked == host {
			return remote.NewToken(token)
		}
		return remote.Token{}
	}
}

func TestTokenGoesToItsHostOnly(t *testing.T) {
	other := &flaky{next: answer(404)}          // which is not even asked
	otherServer := httptest.NewTLSServer(other) // another port is another host
	defer otherServer.Close()
	own := &flaky{next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, otherServer.URL+r.URL.RequestURI(), http.StatusFound)
	})}
	server := httptest.NewTLSServer(own)
	defer server.Close()
	plain := &flaky{next: answer(401)}
	plainServer := serve(t, plain)

	logger, written := logged()
	lister := NewLister(Options{Client: remote.Client{
		Transport: server.Client().Transport, Token: tokenFor("127.0.0.1"), Policy: remote.Policy{Wait: new(clock).wait, Log: logger},
	}})
	assertError(t, lister, server.URL+"/one", token, "it is another host")
	assertError(t, lister, plainServer.URL+"/one", token, "authentication required")
	got := []string{passwords(own), passwords(other), passwords(plain)}
	if diff := cmp.Diff([]string{token, "", ""}, got); diff != "" {
		t.Errorf("tokens seen by the host, by the redirect's host, over plain http (-want +got):\n%s", diff)
	}
	assertSilent(t, written)
}

// passwords are those of all requests.
func passwords(f *flaky) string {
	var seen []string
	for _, r := range f.requests {
		_, password, _ := r.BasicAuth()
		seen = append(seen, password)
	}
	return strings.Join(seen, " ")
}

func assertSilent(t *testing.T, written *bytes.Buffer) {
	t.Helper()
	if strings.Contains(written.String(), token) {
		t.Errorf("the log shows the secret:\n%s", written)
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	logger, written := logged()
	server := httptest.NewTLSServer(answer(500))
	defer server.Close()
	lister := NewLister(Options{Client: remote.Client{
		Transport: server.Client().Transport, Token: tokenFor("127.0.0.1"), Policy: remote.Policy{Wait: new(clock).wait, Log: logger},
	}})
	assertError(t, lister, server.URL+"/one", token, "500")
	withPassword := strings.Replace(server.URL, "://", "://me:"+token+"@", 1)
	assertError(t, lister, withPassword+"/one", token, "500")
	assertError(t, lister, "https://me:"+token+"@bad host/one", token)
	assertError(t, lister, "ftp://me:"+token+"@127.0.0.1/one", token, "ftp://")
	if !strings.Contains(written.String(), "127.0.0.1") {
		t.Errorf("the log does not tell of the tries:\n%s", written)
	}
	assertSilent(t, written)
}
