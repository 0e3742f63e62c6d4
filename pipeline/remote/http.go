package remote

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The bounds of an answer over HTTP until its body begins.
const (
	headerTime = 2 * time.Minute
	maxHeader  = 1 << 20 // bytes
)

// NewTransport is http.DefaultTransport with bounds: it gives up on a server that does
// not answer.
func NewTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // of the standard library
	t.ResponseHeaderTimeout, t.MaxResponseHeaderBytes = headerTime, maxHeader
	return t
}

// shared keeps the connections of all clients that are given no transport.
var shared = NewTransport()

// A StatusError is an answer that may be another one later.
type StatusError struct {
	Status string // as "503 Service Unavailable"
	Code   int
	After  time.Duration // how long the server asks to wait; 0: it does not say
}

// Error implements error.
func (e *StatusError) Error() string { return "the server answered " + e.Status }

// Busy gives a *StatusError for the answers 408, 429 and 5xx but 501, and for a 403 with
// a Retry-After, which is how GitHub says 429 at times; else nil.
func Busy(response *http.Response) error {
	after := RetryAfter(response.Header)
	switch code := response.StatusCode; {
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests,
		code >= 500 && code != http.StatusNotImplemented, code == http.StatusForbidden && after > 0:
		return &StatusError{Status: response.Status, Code: code, After: after}
	}
	return nil
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

// A Bounded transport gives answers that may be others later as a *StatusError, and
// ends answers to GET that are longer than Max bytes with an error. What comes of an
// answer keeps the try of a Policy alive.
type Bounded struct {
	Next http.RoundTripper
	Max  int64
}

// RoundTrip implements http.RoundTripper.
func (b Bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := b.Next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if err := Busy(response); err != nil {
		return nil, errors.Join(err, response.Body.Close())
	}
	limit := b.Max
	switch {
	case response.StatusCode >= 400:
		limit = 4096 // it becomes a part of an error
	case request.Method != http.MethodGet:
		limit = math.MaxInt64 - 1
	}
	bounded := &body{response.Body, limit, limit, func() { Alive(request.Context()) }}
	if response.StatusCode < 400 && response.ContentLength > limit {
		bounded.left = -1 // nothing is read
	}
	response.Body = bounded
	return response, nil
}

type body struct {
	io.ReadCloser
	left, limit int64
	alive       func()
}

// Read implements io.Reader. It asks for a byte too many, to tell an answer that is too
// long from one that ends there.
func (b *body) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, b.tooLong()
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	if n > 0 {
		b.alive()
	}
	if b.left -= int64(n); b.left < 0 {
		return 0, b.tooLong()
	}
	return n, err
}

func (b *body) tooLong() error { return fmt.Errorf("the answer has more than %d bytes", b.limit) }

// What comes of an answer has to come at slowest bytes a second, after a time for its
// beginning; what is asked for with more than a GET may take longer to make.
const (
	slowest = 16 << 10
	grace   = time.Minute
)

var errSlow = Again(fmt.Errorf("the answer comes with less than %d bytes a second: %w", slowest, os.ErrDeadlineExceeded), 0)

// A steady body ends an answer that comes too slowly, so that the bound on its size is one
// on its time as well. Only the time counts in which it is waited for.
type steady struct {
	io.ReadCloser
	ctx    context.Context // of the request
	cancel context.CancelCauseFunc
	timer  *time.Timer
	left   time.Duration
}

func newSteady(ctx context.Context, cancel context.CancelCauseFunc, body io.ReadCloser, left time.Duration) *steady {
	timer := time.AfterFunc(left, func() { cancel(errSlow) })
	timer.Stop()
	return &steady{body, ctx, cancel, timer, left}
}

// Read implements io.Reader.
func (s *steady) Read(p []byte) (int, error) {
	began := time.Now()
	s.timer.Reset(s.left)
	n, err := s.ReadCloser.Read(p)
	s.timer.Stop()
	s.left += time.Duration(n)*time.Second/slowest - time.Since(began)
	if err != nil && !errors.Is(err, io.EOF) && s.ctx.Err() != nil {
		err = context.Cause(s.ctx)
	}
	return n, err
}

// Close implements io.Closer.
func (s *steady) Close() error {
	err := s.ReadCloser.Close()
	s.cancel(nil)
	return err
}

// Authorize lets set add a credential to requests to these origins (scheme, host and
// port) and to no other: a redirect comes as a request of its own.
func Authorize(next http.RoundTripper, set func(*http.Request) error, origins ...*url.URL) http.RoundTripper {
	known := map[string]bool{}
	for _, u := range origins {
		known[origin(u)] = true
	}
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		if known[origin(request.URL)] {
			request = request.Clone(request.Context())
			if err := set(request); err != nil {
				return nil, err
			}
		}
		return next.RoundTrip(request)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func origin(u *url.URL) string {
	port := map[string]string{"https": "443", "http": "80"}[u.Scheme]
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), cmp.Or(u.Port(), port))
}

// Redacted is a URL without its password, and over http without its user, which may be a token.
func Redacted(address string) string {
	if u, err := url.Parse(address); err == nil {
		if u.User != nil && (u.Scheme == "https" || u.Scheme == "http") {
			u.User = url.User("xxxxx")
		}
		return u.Redacted()
	}
	if _, host, ok := strings.Cut(address, "@"); ok {
		return "…@" + host
	}
	return address
}

// WithoutURL is an error of package net/url or net/http without the URL, which may hold
// a password.
func WithoutURL(err error) error {
	var inner *url.Error
	if errors.As(err, &inner) {
		return inner.Err
	}
	return err
}

// IsNetwork reports whether a failure is one of the connection: there is none, it broke
// off, or nothing came over it in time.
func IsNetwork(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// IsIdentity reports whether a failure is about who somebody is, the server or this
// user. Another try would end the same way.
func IsIdentity(err error) bool {
	var login *IdentityError
	return errors.As(err, &login) || isCertificate(err)
}

func isCertificate(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid)
}

// Advise adds to a failure of the network what to do about it; other failures stay as
// they are.
func Advise(err error) error {
	var busy *StatusError
	var marked *againError
	var login *IdentityError
	switch {
	case err == nil || errors.As(err, &login):
	case isCertificate(err):
		return fmt.Errorf("%w; the server's certificate is not to be trusted: correct the host of the URL, or add its authority to those of this machine", err)
	case !errors.As(err, &busy) && IsNetwork(err):
		return fmt.Errorf("%w; check the host of the URL and this machine's network", err)
	case busy != nil, errors.As(err, &marked):
		return fmt.Errorf("%w; try later, or see whether the server is up", err)
	}
	return err
}
