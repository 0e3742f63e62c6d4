package git

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
)

// sources are the sources of two made-up repositories.
func sources() fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return fstest.MapFS{
		"repositories/one/tags/1.9.0/composer.json":     file(`{"name":"a/b","version":"1.9.0"}`),
		"repositories/one/tags/1.10.0/composer.json":    file(`{"name":"a/b","version":"1.10.0"}`),
		"repositories/one/tags/1.10.0/src/.hidden":      file("hidden\n"),
		"repositories/one/head/composer.json":           file(`{"name":"a/b"}`),
		"repositories/one/head/bin/run":                 file("#!/usr/bin/env php\n"),
		"repositories/one/head/src/a.php":               file("<?php\n"),
		"repositories/one/head/src-b/a.php":             file("<?php\n"),
		"repositories/one/head/src.c":                   file(""),
		"repositories/two/head/_metapackage/deep/x.txt": file("ä\n"),
		"third-party/x/y/composer.json":                 file("{}"),
	}
}

// refsOfOne are the refs of the repository one: the ids are the golden ones.
var refsOfOne = []releases.Ref{
	{Name: "HEAD", Commit: "4418f24d4e818cccfdfef84bed13d488165e2f53"},
	{Name: "refs/heads/main", Commit: "4418f24d4e818cccfdfef84bed13d488165e2f53"},
	{Name: "refs/tags/1.10.0", Commit: "cc2a36a93b64800e1f4ff68067f4dc27b60befb5"},
	{Name: "refs/tags/1.9.0", Commit: "7ac302162cecadc4537d83c90aaa8098f3c6b82e"},
}

// repositories are those of sources in a folder of their own.
func repositories(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := Materialise(sources(), dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// tool finds a program that a test needs, or skips the test.
func tool(t *testing.T, name string) string {
	t.Helper()
	program, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("needs %s: %v", name, err)
	}
	return program
}

// run runs a program and gives what it prints.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// backend serves repositories with git's own http-backend.
func backend(t *testing.T, root string) http.Handler {
	t.Helper()
	git := tool(t, "git")
	program := filepath.Join(run(t, git, "--exec-path"), "git-http-backend")
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("needs git's http-backend: %v", err)
	}
	return &cgi.Handler{Path: program, Env: []string{
		"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
	}}
}

// A flaky server answers its first requests with faults, and then as it should.
type flaky struct {
	faults []http.HandlerFunc
	next   http.Handler

	mu       sync.Mutex
	requests []*http.Request
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	n := len(f.requests)
	f.requests = append(f.requests, r)
	f.mu.Unlock()
	if n < len(f.faults) {
		f.faults[n](w, r)
		return
	}
	f.next.ServeHTTP(w, r)
}

func (f *flaky) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.requests)
}

func answer(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}
}

// A clock stands in for real waiting and keeps what was waited.
type clock struct {
	mu     sync.Mutex
	waited []time.Duration
}

func (c *clock) wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waited = append(c.waited, d)
	return ctx.Err()
}

// with are the options of this policy.
func with(p remote.Policy) Options { return Options{Client: remote.Client{Policy: p}} }

func assertWaited(t *testing.T, c *clock, want ...time.Duration) {
	t.Helper()
	if diff := cmp.Diff(want, c.waited); diff != "" {
		t.Errorf("waited (-want +got):\n%s", diff)
	}
}

func assertRefs(t *testing.T, l *Lister, url string, want []releases.Ref) {
	t.Helper()
	got, err := l.List(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("refs (-want +got):\n%s", diff)
	}
}

// assertError wants an error that says all of these, and says nothing of secret.
func assertError(t *testing.T, l *Lister, url, secret string, says ...string) error {
	t.Helper()
	refs, err := l.List(t.Context(), url)
	if err == nil {
		t.Fatalf("no error, but refs %v", refs)
	}
	for _, want := range says {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q: %v", want, err)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", err, err, err); secret != "" && strings.Contains(text, secret) {
		t.Errorf("error shows the secret: %v", err)
	}
	return err
}

// logged is a log and what was written to it.
func logged() (*slog.Logger, *bytes.Buffer) {
	var text bytes.Buffer
	return slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})), &text
}

func serve(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}
