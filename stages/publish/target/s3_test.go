package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/stages/publish/target/targettest"
)

// openS3 opens a server with a handler before it.
func openS3(t *testing.T, before func(w http.ResponseWriter, r *http.Request, next http.Handler)) Target {
	t.Helper()
	return openAt(t, targettest.StartS3Behind(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { before(w, r, next) })
	}))
}

func openAt(t *testing.T, to string) Target {
	t.Helper()
	opened, err := Open(t.Context(), to, Options{Policy: remote.Policy{Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	})
	return opened
}

// A spy is a server that remembers what it was asked, and knows nothing.
type spy struct {
	*httptest.Server
	mu   sync.Mutex
	asks []*http.Request
}

func startSpy(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *spy {
	s := &spy{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asks = append(s.asks, r)
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *spy) asked() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asks)
}

// What a server is sent of a file: who sends it, for which region, what it is, how long
// clients keep it, and its sum; the key itself is not in it.
func TestS3Sends(t *testing.T) {
	setKeys(t, "key", "canary", "token")
	server := startSpy(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusForbidden) })
	to := openAt(t, targettest.S3URL("nightly", "repo", server.URL))
	content := Bytes([]byte("{}"))
	content.Type, content.Cache = "application/json", "no-cache"
	if err := to.Write(t.Context(), "p2/x y+z.json", content); err == nil {
		t.Error("no error of a server that refuses")
	}
	asked := server.asked()
	if len(asked) != 1 {
		t.Fatalf("asked %d times", len(asked))
	}
	r := asked[0]
	got := map[string]string{"": r.Method + " " + r.RequestURI, "Content-Length": fmt.Sprint(r.ContentLength), "Transfer-Encoding": strings.Join(r.TransferEncoding, "")}
	for _, name := range []string{"Content-Type", "Cache-Control", "X-Amz-Meta-Sha256", "X-Amz-Content-Sha256", "X-Amz-Security-Token", "Content-Encoding"} {
		got[name] = r.Header.Get(name)
	}
	want := map[string]string{
		"": "PUT /nightly/repo/p2/x%20y%2Bz.json", "Content-Length": "2", "Transfer-Encoding": "", "Content-Encoding": "",
		"Content-Type": "application/json", "Cache-Control": "no-cache",
		"X-Amz-Meta-Sha256": content.SHA256, "X-Amz-Content-Sha256": content.SHA256, "X-Amz-Security-Token": "token",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	signature := r.Header.Get("Authorization")
	if !strings.HasPrefix(signature, "AWS4-HMAC-SHA256 Credential=key/") || !strings.Contains(signature, "/us-east-1/s3/aws4_request") {
		t.Errorf("signed by %q", signature)
	}
	if strings.Contains(fmt.Sprint(r.Header), "canary") {
		t.Errorf("the key was sent: %v", r.Header)
	}
}

// A server that fails for a moment is asked again, and then gets all.
func TestS3TriesAgain(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 400_000)
	var puts, gets atomic.Int64
	to := openS3(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		switch {
		case r.Method == http.MethodPut && puts.Add(1) == 1: // before it read anything
			http.Error(w, "<Error><Code>SlowDown</Code></Error>", http.StatusServiceUnavailable)
		case r.Method == http.MethodPut && puts.Load() == 2:
			_, _ = io.CopyN(io.Discard, r.Body, 1<<20)
			panic(http.ErrAbortHandler)
		case r.Method == http.MethodPut && puts.Load() == 3:
			http.Error(w, "<Error><Code>RequestTimeout</Code></Error>", http.StatusBadRequest)
		case r.Method == http.MethodGet && gets.Add(1) == 1:
			http.Error(w, "", http.StatusBadGateway)
		default:
			next.ServeHTTP(w, r)
		}
	})
	if err := to.Write(t.Context(), "big", Bytes(big)); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(t.Context(), to, "big"); !bytes.Equal(got, big) || err != nil {
		t.Errorf("%d bytes are there, %v", len(got), err)
	}
	if puts.Load() != 4 || gets.Load() != 3 {
		t.Errorf("%d times put, %d times got", puts.Load(), gets.Load())
	}
}

// Only the policy of all servers says how often one is asked that does not recover.
func TestS3GivesUp(t *testing.T) {
	server := startSpy(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusServiceUnavailable) })
	to := openAt(t, targettest.S3URL("nightly", "repo", server.URL)+"&anonymous=true")
	if _, err := to.Open(t.Context(), "file"); err == nil || !strings.Contains(err.Error(), "503 Service Unavailable, on each of 5 tries") {
		t.Errorf("error %v", err)
	}
	if asked := len(server.asked()); asked != 5 {
		t.Errorf("asked %d times", asked)
	}
}

// What is damaged is sent to no server.
func TestS3SendsNothingDamaged(t *testing.T) {
	server := startSpy(t, func(http.ResponseWriter, *http.Request) {})
	to := openAt(t, targettest.S3URL("nightly", "repo", server.URL)+"&anonymous=true")
	for _, sent := range []string{"bad", "baddest", "b"} {
		damaged := Bytes([]byte("new"))
		damaged.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(sent)), nil }
		err := to.Write(t.Context(), "file", damaged)
		if err == nil || !strings.Contains(err.Error(), "the store is damaged") {
			t.Errorf("%s: %v", sent, err)
		}
	}
	if asked := server.asked(); len(asked) > 0 {
		t.Errorf("%s was sent", asked[0].URL)
	}
}

// A refusal says what was refused, and why.
func TestS3Refuses(t *testing.T) {
	for _, test := range []struct {
		status    int
		code      string
		kind      error
		wantNot   error
		inMessage string
	}{
		{http.StatusForbidden, "AccessDenied", nil, fs.ErrExist, "AccessDenied: because"},
		{http.StatusPreconditionFailed, "PreconditionFailed", fs.ErrExist, fs.ErrNotExist, "because"},
		{http.StatusConflict, "ConditionalRequestConflict", fs.ErrExist, fs.ErrNotExist, "because"},
		{http.StatusNotFound, "NoSuchBucket", fs.ErrNotExist, fs.ErrExist, "NoSuchBucket: because"},
	} {
		to := openS3(t, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			_, _ = io.Copy(io.Discard, r.Body) // what is refused does not matter
			w.WriteHeader(test.status)
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>because</Message></Error>", test.code)
		})
		err := to.Write(t.Context(), "file", Bytes([]byte("content")))
		if err == nil || !strings.Contains(err.Error(), "write file of s3://nightly/repo: ") || !strings.Contains(err.Error(), test.inMessage) {
			t.Errorf("%s: %v", test.code, err)
		}
		if test.kind != nil && !errors.Is(err, test.kind) || errors.Is(err, test.wantNot) {
			t.Errorf("%s is of the wrong kind: %v", test.code, err)
		}
		if _, err := to.List(t.Context(), "."); err == nil || strings.Contains(err.Error(), "make the bucket first") != (test.code == "NoSuchBucket") {
			t.Errorf("%s: list: %v", test.code, err)
		}
	}
}

// A long list comes in parts; one that is broken off is none, though the client ends it
// without an error. The object that some tools make of a folder is no file.
func TestS3Lists(t *testing.T) {
	lists := 0
	to := openS3(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if query := r.URL.Query(); query.Has("list-type") {
			query.Set("max-keys", "2")
			r.URL.RawQuery = query.Encode()
			lists++
		}
		next.ServeHTTP(w, r)
	})
	for _, name := range []string{"a/", "a/x", "a/y", "b", "c", "d/x", "e", "f"} {
		write(t, to, name, name)
	}
	for dir, want := range map[string][]string{".": {"a d", "b f", "c f", "d d", "e f", "f f"}, "a": {"a/x f", "a/y f"}, "none": {}} {
		entries, err := to.List(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, e := range entries {
			got = append(got, e.Name+map[bool]string{true: " d", false: " f"}[e.Dir])
		}
		slices.Sort(got)
		got = slices.Compact(got) // this server names a folder in every part that it reaches into
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	if lists < 5 {
		t.Errorf("%d lists; want them in parts", lists)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if entries, err := to.List(ctx, "."); !errors.Is(err, context.Canceled) {
		t.Errorf("a list that was broken off: %v, %v", entries, err)
	}
}

// What the list tells of an object is enough where it is an MD5; a store that encrypts
// tells something else, and is asked.
func TestS3Same(t *testing.T) {
	heads := 0
	to := openS3(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodHead {
			heads++
		}
		next.ServeHTTP(w, r)
	})
	write(t, to, "a", "abc")
	entries, err := to.List(t.Context(), ".")
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	listed, encrypted := entries[0], entries[0]
	encrypted.md5 = make([]byte, 16)
	for _, test := range []struct {
		name      string
		entry     Entry
		content   string
		want      bool
		wantHeads int
	}{
		{"as listed", listed, "abc", true, 0},
		{"of another size", listed, "abcd", false, 0},
		{"other", listed, "xyz", false, 1},
		{"encrypted", encrypted, "abc", true, 1},
		{"encrypted and other", encrypted, "xyz", false, 1},
		{"a folder", Entry{Name: "a", Dir: true}, "", false, 0},
	} {
		heads = 0
		if same, err := to.Same(t.Context(), test.entry, Bytes([]byte(test.content))); same != test.want || heads != test.wantHeads || err != nil {
			t.Errorf("%s: %v, asked %d times, %v", test.name, same, heads, err)
		}
	}
	broken := Bytes([]byte("abc"))
	broken.Open = func(context.Context) (io.ReadCloser, error) { return nil, errors.New("disk is gone") }
	if same, err := to.Same(t.Context(), listed, broken); same || err == nil {
		t.Errorf("what cannot be read: %v, %v", same, err)
	}
}
