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
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/mage-os/nightly/stages/publish/target/targettest"
)

func TestParseS3(t *testing.T) {
	amazon := s3Address{bucket: "b", host: "s3.amazonaws.com", secure: true}
	with := func(change func(*s3Address)) s3Address {
		changed := amazon
		change(&changed)
		return changed
	}
	for _, test := range []struct {
		name, to string
		options  Options
		want     s3Address
		fails    string
	}{
		{name: "bucket alone", to: "s3://b", want: amazon},
		{name: "folder", to: "s3://b/a/c/?region=x", want: with(func(s *s3Address) { s.prefix, s.region = "a/c/", "x" })},
		{name: "region of the environment", to: "s3://b", options: Options{Region: "y"}, want: with(func(s *s3Address) { s.region = "y" })},
		{name: "region of both", to: "s3://b?region=x", options: Options{Region: "y"}, want: with(func(s *s3Address) { s.region = "x" })},
		{name: "server", to: "s3://b?endpoint=https://s3.example.org/", want: with(func(s *s3Address) { s.host = "s3.example.org" })},
		{name: "server of the environment", to: "s3://b", options: Options{Endpoint: "http://[::1]:9000"}, want: with(func(s *s3Address) { s.host, s.secure = "[::1]:9000", false })},
		{name: "path", to: "s3://b?use_path_style=true", want: with(func(s *s3Address) { s.lookup = minio.BucketLookupPath })},
		{name: "host", to: "s3://b?use_path_style=false", want: with(func(s *s3Address) { s.lookup = minio.BucketLookupDNS })},
		{name: "nobody", to: "s3://b?anonymous=true", want: with(func(s *s3Address) { s.anonymous = true })},
		{name: "profile", to: "s3://b?profile=night", want: with(func(s *s3Address) { s.profile = "night" })},
		{name: "no yes or no", to: "s3://b?use_path_style=perhaps", fails: "perhaps"},
		{name: "no yes or no either", to: "s3://b?anonymous=perhaps", fails: "perhaps"},
		{name: "twice", to: "s3://b?region=x&region=y", fails: `"region" is no option`},
		{name: "unknown", to: "s3://b?secret=canary", fails: "there are anonymous, endpoint, profile, region, use_path_style"},
		{name: "unreadable", to: "s3://b?region=canary%zz", fails: "cannot be read"},
		{name: "server without a scheme", to: "s3://b?endpoint=canary", fails: "give the endpoint as https://host"},
		{name: "server with a key", to: "s3://b?endpoint=https://canary@host", fails: "give the endpoint"},
		{name: "server with a folder", to: "s3://b?endpoint=https://host/canary", fails: "give the endpoint"},
	} {
		t.Run(test.name, func(t *testing.T) {
			u, err := url.Parse(test.to)
			if err != nil {
				t.Fatal(err)
			}
			got, err := parseS3(u, test.options)
			if test.fails == "" {
				if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(s3Address{})); diff != "" || err != nil {
					t.Error(diff, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.fails) || strings.Contains(err.Error(), "canary") {
				t.Errorf("error %v", err)
			}
			var address *AddressError
			if _, err := Open(t.Context(), test.to, test.options); !errors.As(err, &address) || strings.Contains(err.Error(), "canary") {
				t.Errorf("Open: %v", err)
			}
		})
	}
}

// openS3 opens a server with a handler before it.
func openS3(t *testing.T, before func(w http.ResponseWriter, r *http.Request, next http.Handler)) Target {
	t.Helper()
	return openAt(t, targettest.StartS3Behind(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { before(w, r, next) })
	}))
}

func openAt(t *testing.T, to string) Target {
	t.Helper()
	opened, err := Open(t.Context(), to, Options{})
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

func setKeys(t *testing.T, id, secret, token string) {
	t.Helper()
	dir := t.TempDir()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": id, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token, "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": filepath.Join(dir, "config"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(dir, "credentials"),
		// Else the machine is asked for its role.
		"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/",
	} {
		t.Setenv(name, value)
	}
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
		case r.Method == http.MethodGet && gets.Add(1) == 1:
			http.Error(w, "", http.StatusBadGateway)
		default:
			next.ServeHTTP(w, r)
		}
	})
	content := Bytes(big)
	open, opened := content.Open, 0
	content.Open = func(ctx context.Context) (io.ReadCloser, error) {
		opened++
		return open(ctx)
	}
	if err := to.Write(t.Context(), "big", content); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(t.Context(), to, "big"); !bytes.Equal(got, big) || err != nil {
		t.Errorf("%d bytes are there, %v", len(got), err)
	}
	if puts.Load() != 3 || gets.Load() != 3 || opened != 3 {
		t.Errorf("%d times put, %d times got, read %d times", puts.Load(), gets.Load(), opened)
	}
}

// A store that is damaged sends no server all that it announced, and is not read again.
func TestS3SendsNothingDamaged(t *testing.T) {
	var got atomic.Value
	server := startSpy(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		got.Store(fmt.Sprint(err))
	})
	to := openAt(t, targettest.S3URL("nightly", "repo", server.URL)+"&anonymous=true")
	for _, sent := range []string{"bad", "baddest", "b"} {
		damaged := Bytes([]byte("new"))
		damaged.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(sent)), nil }
		err := to.Write(t.Context(), "file", damaged)
		if err == nil || !strings.Contains(err.Error(), "the store is damaged") {
			t.Errorf("%s: %v", sent, err)
		}
		if len(server.asked()) > 0 && got.Load() == "<nil>" {
			t.Errorf("%s was taken for whole", sent)
		}
	}
	if asked := len(server.asked()); asked > 3 {
		t.Errorf("asked %d times", asked)
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

// A long list comes in parts; one that is broken off is none.
func TestS3ListsParts(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	lists, cancelAt := 0, -1
	to := openS3(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if query := r.URL.Query(); query.Has("list-type") {
			query.Set("max-keys", "2")
			r.URL.RawQuery = query.Encode()
			if lists++; lists == cancelAt {
				cancel()
			}
		}
		next.ServeHTTP(w, r)
	})
	want := []string{"a d", "b f", "c f", "d d", "e f", "f f"}
	for _, name := range []string{"a/x", "a/y", "b", "c", "d/x", "e", "f"} {
		write(t, to, name, name)
	}
	entries, err := to.List(ctx, ".")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, e := range entries {
		got = append(got, e.Name+map[bool]string{true: " d", false: " f"}[e.Dir])
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || lists < 3 {
		t.Errorf("%d lists: %s", lists, diff)
	}
	cancelAt = lists + 1
	if entries, err := to.List(ctx, "."); !errors.Is(err, context.Canceled) {
		t.Errorf("a list that was broken off: %v, %v", entries, err)
	}
}

// Keys come from where Amazon's tools take them, and go to no other server.
func TestS3Keys(t *testing.T) {
	elsewhere := startSpy(t, func(http.ResponseWriter, *http.Request) {})
	server := startSpy(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
	})
	role := startSpy(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"AccessKeyId": "of-role", "SecretAccessKey": "canary", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}`)
	})
	files := map[string]string{
		"AWS_SHARED_CREDENTIALS_FILE": "[default]\naws_access_key_id = of-file\naws_secret_access_key = canary\n[night]\naws_access_key_id = of-night\naws_secret_access_key = canary\n",
		"AWS_CONFIG_FILE":             "[profile taker]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n",
	}
	for _, test := range []struct {
		name    string
		id      string // in the environment
		files   bool
		role    bool
		query   string
		want    string
		wantErr string
	}{
		{name: "environment", id: "of-env", files: true, role: true, want: "of-env"},
		{name: "files", files: true, role: true, want: "of-file"},
		{name: "profile", id: "of-env", files: true, query: "&profile=night", want: "of-night"},
		{name: "role", role: true, want: "of-role"},
		{name: "nobody", id: "of-env", query: "&anonymous=true", want: ""},
		{name: "none", wantErr: "no keys were found"},
		{name: "a profile that takes a role", files: true, query: "&profile=taker", wantErr: "export-credentials"},
		{name: "no such profile", id: "of-env", files: true, query: "&profile=none", wantErr: "no keys were found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			setKeys(t, test.id, map[bool]string{true: "canary"}[test.id != ""], "")
			if test.role {
				t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", role.URL)
			}
			for name, text := range files {
				if !test.files {
					continue
				}
				if err := os.WriteFile(os.Getenv(name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			to, err := Open(t.Context(), targettest.S3URL("nightly", "repo", server.URL)+test.query, Options{})
			if test.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) || strings.Contains(err.Error(), "canary") {
					t.Fatalf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = to.Close() }()
			if _, err := to.Open(t.Context(), "file"); err == nil || strings.Contains(err.Error(), "canary") {
				t.Errorf("error %v; want one of the redirect, without the key", err)
			}
			asked := server.asked()
			_, by, _ := strings.Cut(asked[len(asked)-1].Header.Get("Authorization"), "Credential=")
			if by, _, _ = strings.Cut(by, "/"); by != test.want {
				t.Errorf("signed by %q, want %q", by, test.want)
			}
		})
	}
	if asked := elsewhere.asked(); len(asked) > 0 {
		t.Errorf("another server was asked: %v", asked[0].URL)
	}
}

// What a proxy would reach at a machine's own address is the proxy's machine.
func TestProxy(t *testing.T) {
	const inner = "NIGHTLY_TEST_PROXY"
	if os.Getenv(inner) == "" {
		// Go reads these variables once for each process.
		command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxy$")
		command.Env = append(os.Environ(), inner+"=1", "HTTP_PROXY=http://proxy.example.org:1", "NO_PROXY=", "no_proxy=")
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	for address, want := range map[string]string{"http://169.254.169.254/latest": "", "http://bucket.example.org/": "http://proxy.example.org:1"} {
		r := httptest.NewRequest(http.MethodGet, address, nil)
		got := ""
		if u, err := proxy(r); err != nil {
			t.Error(err)
		} else if u != nil {
			got = u.String()
		}
		if got != want {
			t.Errorf("%s by %q, want %q", address, got, want)
		}
	}
}
