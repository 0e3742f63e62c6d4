package git

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/git/remote"
)

// longestWait is the longest Retry-After that is waited for.
const longestWait = 2 * time.Minute

// retry lists until it succeeds, the failure is one that stays, or all tries are
// used up. Each try has its own timeout, so that a server that hangs is left.
func (l *Lister) retry(ctx context.Context, address string, list func(context.Context) ([]releases.Ref, error)) ([]releases.Ref, error) {
	waits := backoff.NewExponentialBackOff()
	waits.InitialInterval, waits.Multiplier, waits.MaxInterval = time.Second, 2, 30*time.Second
	waits.RandomizationFactor = 0
	waits.Reset()
	for try := 1; ; try++ {
		refs, err := l.try(ctx, list)
		if err == nil || ctx.Err() != nil || !passing(err) {
			return refs, err
		}
		if try == l.options.Tries {
			return nil, fmt.Errorf("%w, on each of %d tries", err, try)
		}
		pause := waits.NextBackOff()
		var busy *statusError
		if errors.As(err, &busy) {
			pause = max(pause, busy.after)
		}
		if pause > longestWait {
			return nil, fmt.Errorf("%w, and asks to wait %s, longer than %s", err, pause, longestWait)
		}
		l.options.Log.Info("repository does not answer, asking again", slog.String("url", redacted(address)),
			slog.Int("try", try), slog.Duration("wait", pause), slog.String("error", err.Error()))
		if err := l.options.Wait(ctx, pause); err != nil {
			return nil, err
		}
	}
}

func (l *Lister) try(ctx context.Context, list func(context.Context) ([]releases.Ref, error)) ([]releases.Ref, error) {
	tryCtx, cancel := context.WithTimeout(ctx, l.options.Timeout)
	defer cancel()
	refs, err := list(tryCtx)
	if err != nil && tryCtx.Err() != nil && ctx.Err() == nil {
		return nil, &hangError{l.options.Timeout}
	}
	return refs, err
}

// A hangError is a server that took too long.
type hangError struct{ after time.Duration }

func (e *hangError) Error() string { return fmt.Sprintf("no whole answer within %s", e.after) }

// passing says whether a failure may be gone at the next try.
func passing(err error) bool {
	var busy *statusError
	var hang *hangError
	var network net.Error
	var cut *packp.ErrUnexpectedData
	var identity *remote.IdentityError
	switch {
	case isCertificate(err), errors.As(err, &identity):
		return false
	case errors.As(err, &busy), errors.As(err, &hang), errors.As(err, &cut):
		return true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, packp.ErrEmptyInput):
		return true
	}
	return errors.As(err, &network)
}

func isCertificate(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid)
}

// advise adds to a failure what to do about it.
func advise(err error) error {
	advice := ""
	var busy *statusError
	var network net.Error
	var hang *hangError
	switch {
	case isCertificate(err):
		advice = "the server's certificate is not to be trusted: correct the host of the URL, or add its authority to those of this machine"
	case errors.Is(err, transport.ErrRepositoryNotFound):
		advice = "correct the URL in the release line"
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		advice = "there is no such repository, or a token that may read it is needed (GITHUB_TOKEN), or the one given is no longer valid"
	case errors.Is(err, context.Canceled):
	case errors.As(err, &busy), errors.As(err, &hang):
		advice = "try later, or name another URL in the release line"
	case errors.As(err, &network):
		advice = "check the host of the URL and this machine's network"
	}
	if advice == "" {
		return err
	}
	return fmt.Errorf("%w; %s", err, advice)
}

// wait passes time, or ends with the context.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
