package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/git/remote"
)

// maxAnswer bounds what a server may answer, in bytes; the refs of magento2 with all
// its pull requests are some 5 MB.
const maxAnswer = 128 << 20

func (l *Lister) listHTTP(ctx context.Context, address string, endpoint *transport.Endpoint) ([]releases.Ref, error) {
	repository, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("not a URL; want https://, ssh:// or file://")
	}
	client := *l.options.Client
	client.Transport = remote.Authorize(roundTripper{next: cmp.Or(client.Transport, http.DefaultTransport)}, repository, l.options.Token)
	// go-git's table of protocols is global, and others change it too.
	session, err := githttp.NewClient(&client).NewUploadPackSession(endpoint, nil)
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

// roundTripper turns answers that may change into errors with the wait that the
// server asks for; go-git would drop their headers.
type roundTripper struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t roundTripper) RoundTrip(request *http.Request) (*http.Response, error) {
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

// A statusError is an answer that may be another one later.
type statusError struct {
	status string
	after  time.Duration // how long the server asks to wait; 0: it does not say
}

func (e *statusError) Error() string { return "the server answered " + e.status }

// busyError is a *statusError for the answers 429 and 5xx, and for a 403 with a
// Retry-After, which is how GitHub says 429 at times.
func busyError(response *http.Response) error {
	after := remote.RetryAfter(response.Header)
	code := response.StatusCode
	if code == http.StatusTooManyRequests || code >= 500 || code == http.StatusForbidden && after > 0 {
		return &statusError{status: response.Status, after: after}
	}
	return nil
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
