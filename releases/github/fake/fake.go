// Package fake is a GitHub for tests: an HTTP server that keeps state and answers
// as GitHub's API does, with its conflicts, pages, rights and limits. Its time is
// its own: it stands still until Wait passes it.
package fake

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/graph-gophers/graphql-go"
)

// A GitHub is the server with all that it knows. Tests may read and change its
// exported fields between requests.
type GitHub struct {
	// Repositories by "owner/name".
	Repositories map[string]*Repository
	Organization *Organization
	// Tokens are the rights of each token: {"contents": "write"}. A right to write
	// is one to read, too.
	Tokens map[string]map[string]string
	// User is who writes, whatever the token.
	User User
	// Git answers requests that are not for the API, as git's own http-backend does; nil for none.
	Git http.Handler
	// Apps are the public keys of GitHub Apps by installation.
	Apps map[int64]App

	// Allowed is how many requests an hour may have; 0: any number.
	Allowed int
	// OneWriteASecond answers the second write within a second with the secondary
	// limit.
	OneWriteASecond bool
	// FailAbove fails, with 502, queries for more repositories than that; 0: none.
	FailAbove int
	// NoDigests makes it an older server, which tells no digests of assets.
	NoDigests bool

	mu        sync.Mutex
	server    *httptest.Server
	now       time.Time
	hour      time.Time
	used      int
	lastWrite time.Time
	nextID    int64
	faults    []*Fault
	breakAt   int // counts down to the request that breakAs breaks
	breakAs   Fault
	requests  []string
	schema    *graphql.Schema // parsed once
	waits     []time.Duration
}

// A User is an account as an author of issues.
type User struct{ Login, Type, Association string }

// A Fault is what goes wrong with requests.
type Fault struct {
	Method string // "" is any
	Path   string // a part of the path
	Times  int    // how often; 0: once
	// Status answers with that status, and Header and Body with it; 0 cuts the
	// connection.
	Status int
	Header map[string]string
	Body   string
	// Done carries the request out before the answer is lost.
	Done bool
	// Half cuts the connection within the answer.
	Half bool
}

// New starts a GitHub with a token "secret" that has the rights to contents, issues
// and pull requests. The caller closes it.
func New() *GitHub {
	g := &GitHub{
		Repositories: map[string]*Repository{},
		Tokens:       map[string]map[string]string{"secret": {"contents": "write", "issues": "write", "pull_requests": "read"}},
		User:         User{Login: "nightly[bot]", Type: "Bot", Association: "NONE"},
		Apps:         map[int64]App{},
		now:          time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC),
	}
	g.server = httptest.NewServer(http.HandlerFunc(g.serve))
	return g
}

// Close ends the server.
func (g *GitHub) Close() { g.server.Close() }

// Host is the host and port of the server.
func (g *GitHub) Host() string { return strings.TrimPrefix(g.server.URL, "http://") }

// URL is the base URL of the API: that of an Enterprise Server.
func (g *GitHub) URL() string { return g.server.URL + "/api/v3/" }

// Page is the URL of a repository, as git and browsers know it.
func (g *GitHub) Page(repository string) string { return g.server.URL + "/" + repository }

// Now is the server's time.
func (g *GitHub) Now() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now
}

// Wait passes the server's time, and none of the machine's.
func (g *GitHub) Wait(ctx context.Context, d time.Duration) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = g.now.Add(d)
	g.waits = append(g.waits, d)
	return ctx.Err()
}

// Waits are the waits since the last call.
func (g *GitHub) Waits() []time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	waits := g.waits
	g.waits = nil
	return waits
}

// Break makes coming requests fail.
func (g *GitHub) Break(f Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f.Times = max(f.Times, 1)
	g.faults = append(g.faults, &f)
}

// BreakAt makes the n-th coming request fail, counted from 1; with 0 none.
func (g *GitHub) BreakAt(n int, f Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.breakAt, g.breakAs = n, f
}

// Requests are the requests since the last call, as "GET /repos/a/b".
func (g *GitHub) Requests() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	requests := g.requests
	g.requests = nil
	return requests
}

func (g *GitHub) id() int64 { g.nextID++; return g.nextID }

// An answer is the response of a handler.
type answer struct {
	status int
	header map[string]string
	body   any // as JSON; a string as it is
}

// serve answers one request. Requests are served one after the other.
func (g *GitHub) serve(w http.ResponseWriter, r *http.Request) {
	path, ok := cutPath(r.URL.Path)
	switch {
	case ok:
	case g.Git != nil:
		g.Git.ServeHTTP(w, r)
		return
	default:
		http.NotFound(w, r)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests = append(g.requests, r.Method+" "+path)
	fault := g.fault(r.Method, path)
	if fault != nil && !fault.Done && !fault.Half {
		fail(w, fault)
		return
	}
	a := g.refused(r, path)
	if a == nil {
		made := g.route(r, path)
		a = &made
	}
	if fault != nil && fault.Done {
		fail(w, fault)
		return
	}
	g.write(w, r, a, fault != nil)
}

// cutPath takes the base URL off a path.
func cutPath(path string) (string, bool) {
	for _, base := range []string{"/api/v3", "/api/uploads", "/api"} {
		if rest, ok := strings.CutPrefix(path, base); ok && strings.HasPrefix(rest, "/") {
			return rest, true
		}
	}
	return "", false
}

func (g *GitHub) fault(method, path string) *Fault {
	if g.breakAt > 0 {
		if g.breakAt--; g.breakAt == 0 {
			return &g.breakAs
		}
	}
	for _, f := range g.faults {
		if f.Times > 0 && (f.Method == "" || f.Method == method) && strings.Contains(path, f.Path) {
			f.Times--
			return f
		}
	}
	return nil
}

// fail answers with a fault, or with nothing at all.
func fail(w http.ResponseWriter, f *Fault) {
	if f.Status == 0 {
		cut(w)
		return
	}
	for key, value := range f.Header {
		w.Header().Set(key, value)
	}
	w.WriteHeader(f.Status)
	fmt.Fprint(w, f.Body)
}

// cut breaks the connection off.
func cut(http.ResponseWriter) { panic(http.ErrAbortHandler) }

func (g *GitHub) write(w http.ResponseWriter, r *http.Request, a *answer, half bool) {
	header := w.Header()
	header.Set("Date", g.now.Format(http.TimeFormat))
	header.Set("Content-Type", "application/json; charset=utf-8")
	if g.Allowed > 0 {
		header.Set("X-RateLimit-Remaining", strconv.Itoa(max(g.Allowed-g.used, 0)))
		header.Set("X-RateLimit-Reset", strconv.FormatInt(g.hour.Add(time.Hour).Unix(), 10))
	}
	for key, value := range a.header {
		header.Set(key, value)
	}
	data := []byte(nil)
	switch body := a.body.(type) {
	case nil:
	case string:
		data = []byte(body)
	default:
		var err error
		if data, err = json.Marshal(body); err != nil {
			panic(err)
		}
	}
	if half {
		header.Set("Content-Length", strconv.Itoa(len(data)))
		w.WriteHeader(a.status)
		_, _ = w.Write(data[:len(data)/2])
		cut(w)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(data)
}
