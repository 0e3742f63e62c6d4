package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"

	"github.com/mage-os/nightly/pipeline/remote"
)

// Exchange opens a session with the server of a repository and lets talk use it; both
// again where that may help, as the policy says. Its errors say what to do.
func Exchange(ctx context.Context, o Options, address string, talk func(context.Context, transport.UploadPackSession) error) error {
	return exchange(ctx, o, address, transport.Transport.NewUploadPackSession, talk)
}

// open is NewUploadPackSession or NewReceivePackSession.
func exchange[S io.Closer](
	ctx context.Context, o Options, address string,
	open func(transport.Transport, *transport.Endpoint, transport.AuthMethod) (S, error), talk func(context.Context, S) error,
) error {
	endpoint, err := transport.NewEndpoint(address)
	if err != nil {
		return errURL
	}
	return advise(o.Policy.Do(ctx, remote.Redacted(address), func(ctx context.Context) error {
		to := *endpoint // go-git changes it where the server redirects
		session, err := connect(ctx, o, address, &to, open)
		if err != nil {
			return judge(err)
		}
		err = talk(ctx, session)
		if closed := session.Close(); err == nil && !errors.Is(closed, io.EOF) {
			err = closed
		}
		return judge(err)
	}))
}

// connect opens a session over http or ssh.
func connect[S io.Closer](
	ctx context.Context, o Options, address string, to *transport.Endpoint,
	open func(transport.Transport, *transport.Endpoint, transport.AuthMethod) (S, error),
) (none S, err error) {
	switch to.Protocol {
	case "https", "http":
		base, err := o.authorized(address, maxRefs)
		if err != nil {
			return none, err
		}
		// go-git's table of protocols is global, and others change it too.
		return open(githttp.NewClient(&http.Client{Transport: base}), to, nil)
	case "ssh":
	default:
		return none, fmt.Errorf("%s:// is not spoken here; want https://, ssh:// or file://", to.Protocol)
	}
	host := net.JoinHostPort(to.Host, strconv.Itoa(cmp.Or(to.Port, gitssh.DefaultPort)))
	config, closeAgent, err := o.SSH.Config(host, to.User)
	if err != nil {
		return none, err
	}
	type result struct {
		session S
		err     error
	}
	opened := make(chan result, 1)
	go func() {
		defer closeAgent()
		s, err := open(gitssh.NewClient(nil), to, login{config})
		opened <- result{s, err}
	}()
	select {
	case r := <-opened:
		return r.session, remote.Judge(r.err, host)
	case <-ctx.Done(): // go-git's dialling knows no context, so it is left behind
		go func() {
			if r := <-opened; r.err == nil {
				_ = r.session.Close()
			}
		}()
		return none, context.Cause(ctx)
	}
}

// A login is what go-git logs in with over ssh.
type login struct{ config *ssh.ClientConfig }

// Name implements transport.AuthMethod.
func (login) Name() string { return "ssh-public-keys" }

// String implements transport.AuthMethod.
func (l login) String() string { return l.config.User }

// ClientConfig implements go-git's ssh.AuthMethod.
func (l login) ClientConfig() (*ssh.ClientConfig, error) { return l.config, nil }

// maxRefs bounds a list of refs, in bytes; that of magento2 with all its pull requests has
// some 5 MB.
const maxRefs = 128 << 20

// authorized asks over HTTP with the token of the repository's host: over https only,
// and not where the URL has a password of its own.
func (o Options) authorized(address string, limit int64) (http.RoundTripper, error) {
	repository, err := url.Parse(address)
	if err != nil {
		return nil, errURL
	}
	base := remote.Bounded{Next: o.RoundTripper(), Max: limit}
	secret := o.TokenFor(strings.ToLower(repository.Hostname()))
	if secret.IsZero() || repository.User != nil || repository.Scheme != "https" {
		return base, nil
	}
	return remote.Authorize(base, func(r *http.Request) error {
		// The forges take a token as the password of any user; GitHub documents this one.
		r.SetBasicAuth("x-access-token", secret.Reveal())
		return nil
	}, repository), nil
}

// judge marks failures that may be over at the next try: where a proxy calls an answer
// whole that was cut, go-git cannot read it. The URL that net/http tells is known.
func judge(err error) error {
	var cut *packp.ErrUnexpectedData
	var web *url.Error
	if errors.As(err, &web) {
		return remote.Again(web.Err, 0)
	}
	if errors.As(err, &cut) || errors.Is(err, packp.ErrEmptyInput) {
		return remote.Again(err, 0)
	}
	return err
}

// advise adds to a failure what to do about it.
func advise(err error) error {
	switch {
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return fmt.Errorf("%w; correct the URL in the release line", err)
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		return fmt.Errorf("%w; there is no such repository, or a token that may read it is needed (GITHUB_TOKEN), or the one given is no longer valid", err)
	}
	return remote.Advise(err)
}
