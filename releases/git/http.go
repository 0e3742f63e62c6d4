package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/mage-os/nightly/releases"
)

// maxAnswer bounds what a server may answer, in bytes; the refs of magento2 with all
// its pull requests are some 5 MB.
const maxAnswer = 128 << 20

// newHTTP makes go-git's transport with our rules about tokens and busy servers. It
// is used directly: go-git's table of protocols is global, and others change it too.
func newHTTP(o Options) transport.Transport {
	client := *o.Client
	if client.Transport == nil {
		client.Transport = http.DefaultTransport
	}
	client.Transport = roundTripper{next: client.Transport}
	return githttp.NewClient(&client)
}

func (l *Lister) listHTTP(ctx context.Context, endpoint *transport.Endpoint) ([]releases.Ref, error) {
	ctx = context.WithValue(ctx, credentialKey{}, l.credential(endpoint))
	session, err := l.http.NewUploadPackSession(endpoint, nil)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	answer, err := session.AdvertisedReferencesContext(ctx)
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return advertised(answer), nil
}

// A credential is a token and the one place that may see it. It does not print.
type credential struct {
	host  string // with a port that is not the usual one
	token string
}

func (credential) String() string   { return "redacted" }
func (credential) GoString() string { return "redacted" }

// credentialKey is the key of the request's credential in its context: the client
// is shared by all hosts, and go-git hands nothing else through.
type credentialKey struct{}

func (l *Lister) credential(endpoint *transport.Endpoint) credential {
	if l.options.Token == nil || endpoint.Protocol != "https" || endpoint.User != "" {
		return credential{}
	}
	host := strings.ToLower(endpoint.Host)
	token := l.options.Token(host)
	if endpoint.Port != 0 && endpoint.Port != 443 {
		host += ":" + strconv.Itoa(endpoint.Port)
	}
	return credential{host: host, token: token}
}

// roundTripper adds the token, and turns answers that may change into errors with
// the wait that the server asks for; go-git would drop their headers.
type roundTripper struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t roundTripper) RoundTrip(request *http.Request) (*http.Response, error) {
	secret, _ := request.Context().Value(credentialKey{}).(credential)
	// A redirect comes here as a request of its own, so a token goes to no other
	// host, port or scheme.
	if secret.token != "" && request.URL.Scheme == "https" && sameHost(request.URL.Host, secret.host) {
		request = request.Clone(request.Context())
		request.SetBasicAuth("x-access-token", secret.token)
	}
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if busy := busyError(response); busy != nil {
		response.Body.Close()
		return nil, busy
	}
	response.Body = &boundedBody{ReadCloser: response.Body, left: maxAnswer}
	return response, nil
}

func sameHost(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, ":443"), b)
}

// A statusError is an answer that may be another one later.
type statusError struct {
	status string
	after  time.Duration // how long the server asks to wait; 0: it does not say
}

func (e *statusError) Error() string { return "the server answered " + e.status }

// busyError is a *statusError for the answers 429 and 5xx, and for a 403 with a
// Retry-After, which is how GitHub says 429 at times.
func busyError(response *http.Response) error {
	after := retryAfter(response.Header)
	code := response.StatusCode
	if code == http.StatusTooManyRequests || code >= 500 || code == http.StatusForbidden && after > 0 {
		return &statusError{status: response.Status, after: after}
	}
	return nil
}

// retryAfter reads seconds or a date. A date is taken against the server's own,
// so that clocks that differ do no harm.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(value)
	now, nowErr := http.ParseTime(header.Get("Date"))
	if err != nil || nowErr != nil {
		return 0
	}
	return max(0, until.Sub(now))
}

// A boundedBody fails, instead of filling the memory, when an answer has no end.
type boundedBody struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the answer is longer than %d bytes", int64(maxAnswer))
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
