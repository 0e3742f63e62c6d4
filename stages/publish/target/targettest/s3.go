package targettest

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// StartS3 starts an S3 server within this process and gives the URL of a folder of
// a bucket there.
func StartS3(t testing.TB) string {
	t.Helper()
	return StartS3Behind(t, func(next http.Handler) http.Handler { return next })
}

// StartS3Behind is StartS3 with a handler before the server, which may behave worse.
func StartS3Behind(t testing.TB, before func(next http.Handler) http.Handler) string {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("nightly"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(before(gofakes3.New(backend).Server()))
	t.Cleanup(server.Close)
	return S3URL("nightly", "repo", server.URL) + "&anonymous=true"
}

// S3URL is that of a folder of a bucket at a server.
func S3URL(bucket, folder, server string) string {
	query := url.Values{"endpoint": {server}, "region": {"us-east-1"}, "use_path_style": {"true"}}
	return "s3://" + bucket + "/" + folder + "?" + query.Encode()
}

// RealS3 is the name of a program that is a whole S3 server on a folder:
// github.com/versity/versitygw/cmd/versitygw.
const RealS3 = "versitygw"

// StartRealS3 starts that server as a process, behind a handler, and gives the URL
// of a folder of a bucket there. Its key is set in the environment of the test.
// Without the program the test is skipped.
func StartRealS3(t testing.TB, before func(next http.Handler) http.Handler) string {
	t.Helper()
	program, err := exec.LookPath(RealS3)
	if err != nil {
		t.Skipf("needs %s: go install github.com/versity/versitygw/cmd/versitygw@latest", RealS3)
	}
	const key, secret = "nightly", "nightly-test-key"
	t.Setenv("AWS_ACCESS_KEY_ID", key)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "data", "nightly"), 0o755); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	command := exec.Command(program, "--access", key, "--secret", secret, "--port", address, "--quiet", "posix", filepath.Join(dir, "data"))
	var said output
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill() // it may have ended
		_ = command.Wait()
	})
	waitFor(t, address, &said)
	proxy := httptest.NewServer(before(forward(address)))
	t.Cleanup(proxy.Close)
	return S3URL("nightly", "repo", proxy.URL)
}

// forward hands requests on as they are: the name of the host is signed.
func forward(address string) http.Handler {
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: address})
		r.Out.Host = r.In.Host
	}}
}

func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }() // its number is all that is wanted
	return listener.Addr().String()
}

// waitFor waits until somebody listens.
func waitFor(t testing.TB, address string, said io.Writer) {
	t.Helper()
	for range 1000 {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close() // nothing was to be said
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s does not listen at %s: %v", RealS3, address, said)
}

// An output keeps what a process writes.
type output struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	return len(p), nil
}

// String implements fmt.Stringer.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}

// Flights counts what a server works on. Unlike with a sync.WaitGroup, something may
// begin while Idle waits.
type Flights struct {
	mu      sync.Mutex
	serving int
	idle    chan struct{} // closed when the number falls to 0
}

func (f *Flights) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.serving == 0 {
		f.idle = make(chan struct{})
	}
	f.serving++
}

func (f *Flights) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.serving--; f.serving == 0 {
		close(f.idle)
	}
}

// Before is a handler to put before a server.
func (f *Flights) Before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.begin()
		defer f.end()
		next.ServeHTTP(w, r)
	})
}

// Idle returns when nothing is worked on: when nothing that a killed client has asked
// for can still happen. No other client may use the server meanwhile.
func (f *Flights) Idle() {
	f.mu.Lock()
	idle := f.idle
	f.mu.Unlock()
	if idle != nil {
		<-idle
	}
}
