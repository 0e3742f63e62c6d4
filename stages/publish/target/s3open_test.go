package target

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
		{name: "no yes or no", to: "s3://b?use_path_style=canary", fails: "as true or false"},
		{name: "no yes or no either", to: "s3://b?anonymous=canary", fails: "as true or false"},
		{name: "twice", to: "s3://b?region=x&region=y", fails: `"region" is no option`},
		{name: "unknown", to: "s3://b?secret=canary", fails: "there are anonymous, endpoint, profile, region, use_path_style"},
		{name: "unreadable", to: "s3://b?region=canary%zz", fails: "cannot be read"},
		{name: "server without a scheme", to: "s3://b?endpoint=canary", fails: "give the endpoint as https://host"},
		{name: "server with a key", to: "s3://b?endpoint=https://canary@host", fails: "give the endpoint"},
		{name: "server with more", to: "s3://b?endpoint=https://host%23canary", fails: "give the endpoint"},
		{name: "bucket with more", to: "s3://b#canary", fails: "give a bucket"},
		{name: "server with a folder", to: "s3://b?endpoint=https://host/canary", fails: "give the endpoint"},
	} {
		t.Run(test.name, func(t *testing.T) {
			u, err := url.Parse(test.to)
			if err != nil {
				t.Fatal(err)
			}
			got, err := parseS3(u, test.options)
			if test.fails == "" {
				test.want.name, _, _ = strings.Cut(test.to, "?")
				if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(s3Address{})); diff != "" || err != nil {
					t.Error(diff, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.fails) || strings.Contains(err.Error(), "canary") {
				t.Errorf("error %v", err)
			}
			var address *AddressError
			_, err = Open(t.Context(), test.to, test.options)
			if checked := Check(test.to, test.options); !errors.As(err, &address) || checked == nil || checked.Error() != err.Error() {
				t.Errorf("Check: %v; Open: %v", checked, err)
			}
		})
	}
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
		name     string
		id       string // in the environment
		noSecret bool
		files    bool
		role     string // URL
		query    string
		want     string
		wantErr  string
	}{
		{name: "environment", id: "of-env", files: true, role: role.URL, want: "of-env"},
		{name: "files", files: true, role: role.URL, want: "of-file"},
		{name: "profile", id: "of-env", files: true, query: "&profile=night", want: "of-night"},
		{name: "role", role: role.URL, want: "of-role"},
		{name: "nobody", id: "of-env", query: "&anonymous=true", want: ""},
		{name: "none", wantErr: "no keys were found"},
		{name: "half of a key", id: "of-env", noSecret: true, wantErr: "no keys were found"},
		{name: "a role that is elsewhere", role: server.URL, wantErr: "no keys were found"},
		{name: "a profile that takes a role", files: true, query: "&profile=taker", wantErr: "export-credentials"},
		{name: "no such profile", id: "of-env", files: true, query: "&profile=none", wantErr: "no keys were found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			setKeys(t, test.id, map[bool]string{true: "canary"}[test.id != "" && !test.noSecret], "")
			if test.role != "" {
				t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", test.role)
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

// Which host is asked for a bucket.
func TestS3Hosts(t *testing.T) {
	setKeys(t, "key", "secret", "")
	for to, want := range map[string]string{
		"s3://bck/a?region=eu-west-1":                                               "https://bck.s3.eu-west-1.amazonaws.com/a/x",
		"s3://bck/a?region=eu-west-1&use_path_style=true":                           "https://s3.eu-west-1.amazonaws.com/bck/a/x",
		"s3://b.ck/a?region=eu-west-1":                                              "https://s3.eu-west-1.amazonaws.com/b.ck/a/x",
		"s3://bck?region=auto&endpoint=https://r2.example.org":                      "https://r2.example.org/bck/x",
		"s3://bck?region=auto&endpoint=https://r2.example.org&use_path_style=false": "https://bck.r2.example.org/x",
		"s3://bck?region=auto&endpoint=https://storage.googleapis.com":              "https://bck.storage.googleapis.com/x",
	} {
		b := openAt(t, to).(*bucket)
		got, err := b.client.PresignedGetObject(t.Context(), b.bucket, b.prefix+"x", time.Hour, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got.RawQuery = ""; got.String() != want {
			t.Errorf("%s: %s, want %s", to, got, want)
		}
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
	transport := newTransport()
	for address, want := range map[string]string{"http://169.254.169.254/latest": "", "http://bucket.example.org/": "http://proxy.example.org:1"} {
		r := httptest.NewRequest(http.MethodGet, address, nil)
		got := ""
		if u, err := transport.Proxy(r); err != nil {
			t.Error(err)
		} else if u != nil {
			got = u.String()
		}
		if got != want {
			t.Errorf("%s by %q, want %q", address, got, want)
		}
	}
}
