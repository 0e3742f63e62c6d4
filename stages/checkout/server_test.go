package checkout

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases/git"
)

// A gitServer is git's own http-backend with faults in front of it.
type gitServer struct {
	root string
	*httptest.Server

	mu     sync.Mutex
	faults []fault // each is used up by one request that asks for a pack
	packs  int     // requests for a pack
	bytes  int64   // of packs sent
	auth   []string
}

// A fault answers in the place of the server, or spoils its answer.
type fault func(w http.ResponseWriter, r *http.Request, git http.Handler)

func status(code int, header ...string) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

// cut ends the connection within the pack.
func cut(after int) fault {
	return func(w http.ResponseWriter, r *http.Request, git http.Handler) {
		git.ServeHTTP(&limited{ResponseWriter: w, left: after, end: func() { panic(http.ErrAbortHandler) }}, r)
	}
}

// hang sends a part of the pack and then nothing; reached is told.
func hang(after int, reached func()) fault {
	return func(w http.ResponseWriter, r *http.Request, git http.Handler) {
		git.ServeHTTP(&limited{ResponseWriter: w, left: after, end: func() {
			reached()
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}}, r)
	}
}

type limited struct {
	http.ResponseWriter
	left int
	end  func()
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(l.left, len(p))
	if _, err := l.ResponseWriter.Write(p[:n]); err != nil {
		return 0, err
	}
	l.left -= n
	if l.left == 0 {
		l.ResponseWriter.(http.Flusher).Flush()
		l.end()
	}
	return n, nil
}

type counting struct {
	http.ResponseWriter
	s *gitServer
}

func (c counting) Write(p []byte) (int, error) {
	c.s.mu.Lock()
	c.s.bytes += int64(len(p))
	c.s.mu.Unlock()
	return c.ResponseWriter.Write(p)
}

func (c counting) Flush() { c.ResponseWriter.(http.Flusher).Flush() }

func gitProgram(tb testing.TB) string {
	tb.Helper()
	program, err := exec.LookPath("git")
	if err != nil {
		tb.Skip("git is not installed; it serves the repositories of this test")
	}
	return program
}

func newServer(t *testing.T, start func(http.Handler) *httptest.Server) *gitServer {
	t.Helper()
	s := &gitServer{root: t.TempDir()}
	backend := &cgi.Handler{
		Path: gitProgram(t), Args: []string{"http-backend"},
		Env:    []string{"GIT_PROJECT_ROOT=" + s.root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
		Stderr: io.Discard,
	}
	s.Server = start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.auth = append(s.auth, r.Header.Get("Authorization"))
		var spoil fault
		if strings.HasSuffix(r.URL.Path, "/git-upload-pack") {
			s.packs++
			if len(s.faults) > 0 {
				spoil, s.faults = s.faults[0], s.faults[1:]
			}
		}
		s.mu.Unlock()
		if spoil != nil {
			spoil(w, r, backend)
			return
		}
		backend.ServeHTTP(counting{w, s}, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// allow sets whether the server gives any commit by its id.
func (s *gitServer) allow(t *testing.T, name string) {
	t.Helper()
	if out, err := exec.Command(gitProgram(t), "-C", filepath.Join(s.root, name), "config", "uploadpack.allowAnySHA1InWant", "true").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// reset forgets what was counted, and gives it.
func (s *gitServer) reset() (packs int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	packs, bytes = s.packs, s.bytes
	s.packs, s.bytes = 0, 0
	return packs, bytes
}

// A waiter records the pauses and takes none.
type waiter struct {
	mu     sync.Mutex
	pauses []time.Duration
}

func (w *waiter) wait(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pauses = append(w.pauses, d)
	return errors.Join(ctx.Err())
}

// waiting are the options of a git that waits so.
func waiting(w *waiter) git.Options {
	return git.Options{Client: remote.Client{Policy: remote.Policy{Wait: w.wait}}}
}
