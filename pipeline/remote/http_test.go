package remote

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
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
		name, origin, request string
		want                  string
	}{
		{"the origin itself", "https://git.example/a", "https://git.example/a/info/refs", "secret"},
		{"the usual port named", "https://git.example/a", "https://git.example:443/a", "secret"},
		{"capitals", "https://Git.Example/a", "https://gIT.example/a", "secret"},
		{"http on this machine", "http://127.0.0.1:80/a", "http://127.0.0.1/a", "secret"},
		{"another host", "https://git.example/a", "https://elsewhere.example/a", ""},
		{"another port", "https://git.example/a", "https://git.example:8443/a", ""},
		{"not https", "https://git.example/a", "http://git.example/a", ""},
		{"not https on the same port", "https://git.example/a", "http://git.example:443/a", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			origin, err := url.Parse(c.origin)
			if err != nil {
				t.Fatal(err)
			}
			request, err := http.NewRequest(http.MethodGet, c.request, nil)
			if err != nil {
				t.Fatal(err)
			}
			s, token := &seen{}, NewToken("secret")
			transport := Authorize(s, func(r *http.Request) error { r.SetBasicAuth("", token.Reveal()); return nil }, origin)
			if _, err := transport.RoundTrip(request); err != nil {
				t.Fatal(err)
			}
			if s.password != c.want {
				t.Errorf("sent %q, want %q", s.password, c.want)
			}
			if text := fmt.Sprintf("%v %+v %#v", transport, transport, transport); strings.Contains(text, "secret") {
				t.Errorf("prints as %s", text)
			}
			if request.Header.Get("Authorization") != "" {
				t.Error("the caller's request was changed")
			}
		})
	}
}

func TestRedacted(t *testing.T) {
	for address, want := range map[string]string{
		"https://me:secret@git.example/a": "https://xxxxx@git.example/a", "https://token@git.example/a": "https://xxxxx@git.example/a", "sftp://me:secret@git.example/a": "sftp://me:xxxxx@git.example/a", "https://git.example/a": "https://git.example/a",
		"git@git.example:a/b": "…@git.example:a/b", "https://me:secret@bad host/a": "…@bad host/a", "https://bad host/a": "https://bad host/a",
	} {
		if got := Redacted(address); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
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

// An answer is refused by the size that it announces, and ended when it trickles.
func TestAnswersAreBounded(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		err    string
	}{
		{"fast", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 90)) }, ""},
		{"announced too long", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "101")
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, "more than 100 bytes"},
		{"trickles", trickle, "less than 16384 bytes a second"},
		{"stops", func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, "less than 16384 bytes a second"},
	} {
		t.Run(test.name, func(t *testing.T) {
			url, _ := unsteady(t, test.answer)
			began := time.Now()
			client := http.Client{Transport: Bounded{Next: guarded{shared, 50 * time.Millisecond}, Max: 100}}
			response, err := client.Get(url)
			if err == nil {
				_, err = io.ReadAll(response.Body)
				response.Body.Close()
			}
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			if time.Since(began) > 5*time.Second {
				t.Errorf("took %s", time.Since(began))
			}
		})
	}
}
