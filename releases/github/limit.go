package github

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// A LimitError says that GitHub asks to wait longer than the client does.
type LimitError struct {
	Cause string        // what GitHub said
	Wait  time.Duration // the wait that would have been the next
	Bound time.Duration // Options.LongestWait
}

// Error says when to try again.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: it asks to wait %s, and no call waits longer than %s in all; try again then, or give a token, which raises the limit",
		e.Cause, e.Wait.Round(time.Second), e.Bound)
}

// limit gives the wait that a limit asks for: GitHub's documentation, "Rate limits
// for the REST API", "Exceeding the rate limit". A request that is refused so was
// not carried out. Times are taken against the server's own clock.
func (p *patience) limit(r *http.Request, response *http.Response, body []byte) (time.Duration, string) {
	header := response.Header
	refused := response.StatusCode == http.StatusForbidden || response.StatusCode == http.StatusTooManyRequests
	query := isGraphQL(r) && response.StatusCode == http.StatusOK && bytes.Contains(body, []byte(`"RATE_LIMITED"`))
	after := retryAfter(header)
	switch {
	case !refused && !query:
		return 0, ""
	case after > 0:
		return after, "GitHub's limit is reached"
	case header.Get("X-Ratelimit-Remaining") == "0":
		return untilReset(header), "GitHub's hourly limit is reached"
	case query, response.StatusCode == http.StatusTooManyRequests, isSecondary(body):
		pause := p.secondary
		p.secondary *= 2
		return pause, "GitHub's secondary limit is reached"
	}
	return 0, "" // a right is missing
}

func isSecondary(body []byte) bool {
	return bytes.Contains(bytes.ToLower(body), []byte("secondary rate limit")) || bytes.Contains(body, []byte("#abuse-rate-limits"))
}

// untilReset is the time to the end of the hour that GitHub counts, and a second
// more since it rounds down.
func untilReset(header http.Header) time.Duration {
	reset, err := strconv.ParseInt(header.Get("X-Ratelimit-Reset"), 10, 64)
	now, dateErr := http.ParseTime(header.Get("Date"))
	if err != nil || dateErr != nil {
		return time.Minute
	}
	return max(time.Unix(reset, 0).Sub(now), 0) + time.Second
}

// maxRetryAfter bounds what a header can say, so that no sum of times overflows.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads the seconds that a server asks to wait; 0: it does not say.
func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.ParseUint(header.Get("Retry-After"), 10, 31)
	if err != nil {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxRetryAfter)
}

// passing says whether a failure of the connection may be gone at the next try.
func passing(err error) bool {
	var network net.Error
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &certificate), errors.As(err, &authority), errors.Is(err, context.Canceled):
		return false
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, context.DeadlineExceeded):
		return true
	}
	return errors.As(err, &network)
}
