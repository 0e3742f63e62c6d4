package remote

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Authorize adds the token of a repository's host to requests to that host, and
// to no other host, port or scheme: a redirect comes as a request of its own. A
// token goes over https only; token gives it for a host, or "". A URL with a
// password of its own needs none.
func Authorize(next http.RoundTripper, repository *url.URL, token func(host string) string) http.RoundTripper {
	if token == nil || repository.User != nil || repository.Scheme != "https" {
		return next
	}
	secret := token(strings.ToLower(repository.Hostname()))
	if secret == "" {
		return next
	}
	return &authorized{next: next, host: hostPort(repository), token: secret}
}

func hostPort(u *url.URL) string {
	return net.JoinHostPort(strings.ToLower(u.Hostname()), cmp.Or(u.Port(), "443"))
}

// authorized holds a token; it does not print it.
type authorized struct {
	next        http.RoundTripper
	host, token string
}

func (*authorized) String() string   { return "redacted" }
func (*authorized) GoString() string { return "redacted" }

// RoundTrip implements http.RoundTripper.
func (a *authorized) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme == "https" && hostPort(request.URL) == a.host {
		request = request.Clone(request.Context())
		// The forges take a token as the password of any user; GitHub documents this one.
		request.SetBasicAuth("x-access-token", a.token)
	}
	return a.next.RoundTrip(request)
}

// maxRetryAfter bounds what a header can say, so that no sum of times overflows.
const maxRetryAfter = 24 * time.Hour

// RetryAfter reads how long a server asks to wait, in seconds or as a date; 0: it
// does not say. A date is taken against the server's own, so that clocks that
// differ do no harm.
func RetryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	until, err := http.ParseTime(value)
	now, nowErr := http.ParseTime(header.Get("Date"))
	if err != nil || nowErr != nil {
		return 0
	}
	return min(max(0, until.Sub(now)), maxRetryAfter)
}
