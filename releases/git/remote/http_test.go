package remote

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// seen keeps the password of the last request.
type seen struct{ password string }

// RoundTrip implements http.RoundTripper.
func (s *seen) RoundTrip(r *http.Request) (*http.Response, error) {
	_, s.password, _ = r.BasicAuth()
	return &http.Response{}, nil
}

func TestAuthorize(t *testing.T) {
	for _, c := range []struct {
		name, repository, request string
		want                      string
	}{
		{"the repository itself", "https://git.example/a", "https://git.example/a/info/refs", "secret of git.example"},
		{"the usual port named", "https://git.example/a", "https://git.example:443/a", "secret of git.example"},
		{"capitals", "https://Git.Example/a", "https://gIT.example/a", "secret of git.example"},
		{"redirect to another host", "https://git.example/a", "https://elsewhere.example/a", ""},
		{"redirect to another port", "https://git.example/a", "https://git.example:8443/a", ""},
		{"redirect to http", "https://git.example/a", "http://git.example/a", ""},
		{"http", "http://git.example/a", "http://git.example/a", ""},
		{"http on this machine", "http://127.0.0.1/a", "http://127.0.0.1/a", ""},
		{"a password in the URL", "https://me:mine@git.example/a", "https://git.example/a", ""},
		{"no token for the host", "https://public.example/a", "https://public.example/a", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			repository, err := url.Parse(c.repository)
			if err != nil {
				t.Fatal(err)
			}
			request, err := http.NewRequest(http.MethodGet, c.request, nil)
			if err != nil {
				t.Fatal(err)
			}
			s := &seen{}
			transport := Authorize(s, repository, func(host string) string {
				if host == "public.example" {
					return ""
				}
				return "secret of " + host
			})
			if _, err := transport.RoundTrip(request); err != nil {
				t.Fatal(err)
			}
			if s.password != c.want {
				t.Errorf("sent %q, want %q", s.password, c.want)
			}
			if text := fmt.Sprintf("%v %+v %#v", transport, transport, transport); c.want != "" && text != "redacted redacted redacted" {
				t.Errorf("prints as %s", text)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	const date = "Tue, 24 Nov 2026 04:00:00 GMT"
	for _, c := range []struct {
		name, value, date string
		want              time.Duration
	}{
		{"seconds", "7", "", 7 * time.Second},
		{"a date", "Tue, 24 Nov 2026 04:01:30 GMT", date, 90 * time.Second},
		{"a date that is over", "Tue, 24 Nov 2026 03:00:00 GMT", date, 0},
		{"a date without the server's own", "Tue, 24 Nov 2026 04:01:30 GMT", "", 0},
		{"more than a day", "2000000000", "", maxRetryAfter},
		{"negative", "-3", "", 0},
		{"nothing", "", date, 0},
		{"words", "soon", date, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := http.Header{}
			header.Set("Retry-After", c.value)
			header.Set("Date", c.date)
			if got := RetryAfter(header); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
