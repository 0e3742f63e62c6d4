package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases/github/fake"
)

// TestFailures: what the client does when one request for a release fails.
func TestFailures(t *testing.T) {
	reset := func(after time.Duration) map[string]string {
		at := time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)
		return map[string]string{
			"Date": at.Format(http.TimeFormat), "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": fmt.Sprint(at.Add(after).Unix()),
		}
	}
	const busy = `{"message":"You have exceeded a secondary rate limit."}`
	for _, c := range []struct {
		name  string
		fault fake.Fault
		waits []int  // seconds
		err   string // "" is success
	}{
		{"500 twice", fake.Fault{Status: 500, Times: 2}, []int{1, 2}, ""},
		{"502 for ever", fake.Fault{Status: 502, Times: 99}, []int{1, 2, 4, 8}, "the server answered 502 Bad Gateway, on each of 5 tries"},
		{"503 that says when", fake.Fault{Status: 503, Header: map[string]string{"Retry-After": "7"}}, []int{7}, ""},
		{"501 stays", fake.Fault{Status: 501, Times: 99}, []int{}, "GitHub answered 501"},
		{"connection cut", fake.Fault{Times: 3}, []int{1, 2, 4}, ""},
		{"answer cut", fake.Fault{Half: true, Times: 2}, []int{1, 2}, ""},
		{"connection cut for ever", fake.Fault{Times: 99}, []int{1, 2, 4, 8}, "EOF"},
		{"hourly limit", fake.Fault{Status: 403, Header: reset(4 * time.Minute)}, []int{241}, ""},
		{"hourly limit as 429", fake.Fault{Status: 429, Header: reset(4 * time.Minute)}, []int{241}, ""},
		{"hourly limit, too long", fake.Fault{Status: 403, Header: reset(40 * time.Minute)}, []int{}, "GitHub's hourly limit is reached, which a token raises; the next try would come after 40m1s"},
		{"secondary limit", fake.Fault{Status: 403, Header: map[string]string{"Retry-After": "90"}, Body: busy, Times: 2}, []int{90, 90}, ""},
		{"secondary limit, no time", fake.Fault{Status: 403, Body: busy, Times: 3}, []int{60, 120, 240}, ""},
		{"secondary limit for ever", fake.Fault{Status: 403, Body: busy, Times: 99}, []int{60, 120, 240, 480}, "secondary limit is reached"},
		{"429 and nothing else", fake.Fault{Status: 429}, []int{60}, ""},
		{"a right is missing", fake.Fault{
			Status: 403, Times: 99, Header: map[string]string{"X-Accepted-GitHub-Permissions": "contents=write"}, Body: `{"message":"Resource not accessible"}`,
		}, []int{}, "GitHub answered 403, Resource not accessible; the token needs contents=write"},
		{"single sign-on", fake.Fault{Status: 403, Header: map[string]string{"X-GitHub-SSO": "required; url=https://x"}}, []int{}, "single sign-on"},
		{"bad token", fake.Fault{Status: 401, Body: `{"message":"Bad credentials"}`}, []int{}, "the token is not valid any more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, repository, client := newFake(t)
			repository.Releases = []*fake.Release{{ID: 1, Tag: "1.0.0", Assets: []*fake.Asset{}}}
			server.Break(c.fault)
			release, err := client.FindRelease(context.Background(), shop, "1.0.0")
			if c.err == "" && (err != nil || release.Tag != "1.0.0") {
				t.Errorf("got %v, %v", release, err)
			}
			if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("got error %v, want %s", err, c.err)
			}
			if diff := cmp.Diff(c.waits, seconds(server.Waits())); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLimitOfTheHour(t *testing.T) {
	server, _, client := newFake(t, func(o *Options) { o.Policy.Deadline = 2 * time.Hour })
	server.Allowed = 3
	for i := range 8 {
		if _, err := client.FindRelease(context.Background(), shop, "1.0.0"); !errors.Is(err, ErrNotFound) {
			t.Fatalf("look-up %d: %v", i, err)
		}
	}
	if n := len(server.Waits()); n != 5 { // 16 requests, three an hour
		t.Errorf("waited %d times, want 5", n)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestTokenStaysHome: another host is not asked, and for an asset it gets no token.
func TestTokenStaysHome(t *testing.T) {
	var seen []string
	client, err := New(Options{Token: remote.NewToken("secret"), Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		seen = append(seen, r.URL.Scheme+"://"+r.URL.Host+" "+r.Header.Get("Authorization"))
		response := &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}
		if r.URL.Host == "api.github.com" {
			response.StatusCode = 301
			response.Header.Set("Location", "https://elsewhere.example/"+fmt.Sprint(len(seen)))
		}
		return response, nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.FindRelease(context.Background(), shop, "1")
	_, errAsset := client.has(context.Background(), shop, Asset{Whole: true}, "")
	if err == nil || !strings.Contains(err.Error(), "it is another host") || errAsset != nil {
		t.Error(err, errAsset)
	}
	if diff := cmp.Diff([]string{"https://api.github.com Bearer secret", "https://api.github.com Bearer secret", "https://elsewhere.example "}, seen); diff != "" {
		t.Error(diff)
	}
}

func TestBases(t *testing.T) {
	for _, c := range []struct{ base, upload, host, err string }{
		{"", "https://uploads.github.com/", "github.com", ""},
		{"https://api.github.com", "https://uploads.github.com/", "github.com", ""},
		{"https://github.example.org/api/v3", "https://github.example.org/api/uploads/", "github.example.org", ""},
		{"https://api.acme.ghe.com/", "https://uploads.acme.ghe.com/", "acme.ghe.com", ""},
		{"http://127.0.0.1:8080/api/v3/", "http://127.0.0.1:8080/api/uploads/", "127.0.0.1:8080", ""},
		{"http://github.example.org/api/v3/", "", "", "want https://"},
		{"github.example.org", "", "", "not a URL"},
		{"https://me:secret@github.example.org/", "", "", "without user"},
	} {
		client, err := New(Options{BaseURL: c.base})
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: got error %v", c.base, err)
			}
			continue
		}
		if err != nil || client.rest.UploadURL.String() != c.upload || client.host != c.host {
			t.Errorf("%s: got %v, %s, %v", c.base, client.rest.UploadURL, client.host, err)
		}
	}
}

func TestRepository(t *testing.T) {
	client, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ url, want string }{
		{"https://github.com/mage-os/mageos-magento2.git", "mage-os/mageos-magento2"},
		{"https://www.GitHub.com/mage-os/nightly/", "mage-os/nightly"},
		{"ssh://git@github.com/mage-os/nightly.git", "mage-os/nightly"},
		{"ssh://git@ssh.github.com:443/mage-os/nightly.git", "mage-os/nightly"},
		{"https://gitlab.com/mage-os/nightly", ""},
		{"http://github.com/mage-os/nightly", ""},
		{"https://github.com/mage-os", ""},
		{"https://github.com/mage-os/nightly/tree/main", ""},
		{"embedded:sample", ""},
		{"file:///srv/git/nightly", ""},
	} {
		r, err := client.Repository(c.url)
		if got := r.String(); err == nil && got != c.want || err != nil && c.want != "" {
			t.Errorf("%s: got %s, %v", c.url, got, err)
		}
	}
}
