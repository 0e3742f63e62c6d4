package checkout

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"

	"github.com/mage-os/nightly/releases/git/remote"
	"github.com/mage-os/nightly/stages"
)

const (
	maxTries = 4
	// maxWait is the longest that a server's Retry-After is obeyed. Longer than
	// that, somebody should know.
	maxWait = 5 * time.Minute
)

// A try is one attempt to talk to a server. Its context ends when the server
// sends nothing for too long.
type try struct {
	base   http.RoundTripper
	idle   time.Duration
	timer  *time.Timer
	status atomic.Int64 // of the last HTTP response, 0 if none
	after  atomic.Int64 // its Retry-After, as a time.Duration
}

func (c *checkout) newTry(ctx context.Context) (context.Context, *try, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	t := &try{base: c.Transport, idle: c.Idle}
	t.timer = time.AfterFunc(c.Idle, func() {
		cancel(fmt.Errorf("the server sent nothing for %s", c.Idle))
	})
	return ctx, t, func() { t.timer.Stop(); cancel(nil) }
}

// alive says that something came from the server.
func (t *try) alive() { t.timer.Reset(t.idle) }

// RoundTrip implements http.RoundTripper: it notes what the server says about
// trying again, and that it is alive.
func (t *try) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	t.alive()
	t.status.Store(int64(response.StatusCode))
	t.after.Store(int64(remote.RetryAfter(response.Header)))
	body := io.Reader(response.Body)
	if response.StatusCode >= 400 {
		body = io.LimitReader(body, 4096) // becomes part of an error
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{t.count(body, nil), response.Body}
	return response, nil
}

// A counter tells of each read.
type counter struct {
	io.Reader
	try      *try
	n        int64
	progress func(n int64)
}

// count makes reading keep the try alive, and tells of every whole MiB.
func (t *try) count(r io.Reader, progress func(n int64)) *counter {
	return &counter{Reader: r, try: t, progress: progress}
}

func (r *counter) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.try.alive()
	}
	const step = 1 << 20
	before := r.n
	r.n += int64(n)
	if r.progress != nil && before/step != r.n/step {
		r.progress(r.n)
	}
	return n, err
}

// exchange asks the server, again after a pause where that may help.
func (c *checkout) exchange(ctx context.Context, pin stages.Pin, q *quarantine, depth int, choose choice) error {
	for n := 1; ; n++ {
		pause := time.Second << (2 * (n - 1))
		err := c.attempt(ctx, pin, q, depth, choose, &pause)
		if err == nil || ctx.Err() != nil || !mayPass(err) {
			return err
		}
		if n == maxTries {
			return fmt.Errorf("%w; tried %d times: try again later, or see whether the server is up", err, n)
		}
		if pause > maxWait {
			return fmt.Errorf("%w; the server asks to come back in %s: try again then", err, pause)
		}
		c.Log.Warn("fetching failed: trying again", slog.String("repository", pin.Name), slog.Int("try", n), slog.Duration("pause", pause), slog.Any("error", err))
		if err := c.Wait(ctx, pause); err != nil {
			return err
		}
	}
}

// attempt is one try. It raises the pause to what the server asks for.
func (c *checkout) attempt(parent context.Context, pin stages.Pin, q *quarantine, depth int, choose choice, pause *time.Duration) error {
	ctx, t, end := c.newTry(parent)
	defer end()
	session, err := c.open(ctx, pin.URL, t)
	if err == nil {
		err = c.ask(ctx, pin, session, q, depth, choose, t)
		if closed := session.Close(); err == nil && closed != nil && !errors.Is(closed, io.EOF) {
			err = closed
		}
	}
	*pause = max(*pause, time.Duration(t.after.Load()))
	switch status := t.status.Load(); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx) // says more than "context canceled"
	case status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout:
		return fmt.Errorf("fetch: HTTP status %d", status)
	case status >= 400:
		return &finalError{fmt.Errorf("fetch: HTTP status %d: %w%s", status, err, advice(status))}
	}
	return fmt.Errorf("fetch: %w", err)
}

func advice(status int64) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return "; correct the URL in the release line, or give a token that may read the repository"
	}
	return ""
}

// A finalError would come again at the next try.
type finalError struct{ err error }

func (e *finalError) Error() string { return e.err.Error() }
func (e *finalError) Unwrap() error { return e.err }

// mayPass reports whether an error may pass by itself: what is no answer of the
// server about this repository, and no question of trust.
func mayPass(err error) bool {
	var final *finalError
	var identity *remote.IdentityError
	var limit *remote.LimitError
	var certificate *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var dns *net.DNSError
	switch {
	case errors.As(err, &final), errors.As(err, &identity), errors.As(err, &limit), errors.As(err, &certificate), errors.As(err, &unknown),
		errors.Is(err, errRefused), errors.Is(err, errNoRef),
		errors.Is(err, transport.ErrRepositoryNotFound), errors.Is(err, transport.ErrEmptyRemoteRepository),
		errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		return false
	case errors.As(err, &dns):
		return !dns.IsNotFound
	}
	return true
}

// open opens a session over https, http or ssh.
func (c *checkout) open(ctx context.Context, address string, t *try) (transport.UploadPackSession, error) {
	endpoint, err := transport.NewEndpoint(address)
	if err != nil {
		return nil, &finalError{errors.New("the URL cannot be parsed")}
	}
	switch endpoint.Protocol {
	case "https", "http":
		repository, err := url.Parse(address)
		if err != nil {
			return nil, &finalError{errors.New("the URL cannot be parsed")}
		}
		client := githttp.NewClient(&http.Client{Transport: remote.Authorize(t, repository, c.Token)})
		return client.NewUploadPackSession(endpoint, nil)
	case "ssh":
		return c.openSSH(ctx, endpoint)
	}
	return nil, &finalError{fmt.Errorf("%s:// is not supported; give an https, http, ssh or file URL", endpoint.Protocol)}
}

// A login is what go-git logs in with over ssh.
type login struct{ config *ssh.ClientConfig }

// Name implements transport.AuthMethod.
func (login) Name() string { return "ssh-public-keys" }

// String implements transport.AuthMethod.
func (l login) String() string { return l.config.User }

// ClientConfig implements go-git's ssh.AuthMethod.
func (l login) ClientConfig() (*ssh.ClientConfig, error) { return l.config, nil }

// openSSH connects. go-git's dialling knows no context, so it is left behind
// when the try ends.
func (c *checkout) openSSH(ctx context.Context, endpoint *transport.Endpoint) (transport.UploadPackSession, error) {
	address := net.JoinHostPort(endpoint.Host, strconv.Itoa(cmp.Or(endpoint.Port, gitssh.DefaultPort)))
	config, closeAgent, err := c.SSH.Config(address, endpoint.User)
	if err != nil {
		return nil, err
	}
	config.Timeout = c.Idle
	type opened struct {
		session transport.UploadPackSession
		err     error
	}
	result := make(chan opened, 1)
	go func() {
		defer closeAgent()
		s, err := gitssh.NewClient(nil).NewUploadPackSession(endpoint, login{config})
		result <- opened{s, err}
	}()
	select {
	case r := <-result:
		if r.err != nil {
			return nil, remote.Judge(r.err, address)
		}
		return r.session, nil
	case <-ctx.Done():
		go func() {
			if r := <-result; r.err == nil {
				_ = r.session.Close()
			}
		}()
		return nil, context.Cause(ctx)
	}
}
