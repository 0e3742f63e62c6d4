// Package git lists the refs of git repositories, and makes repositories of the
// sources that the program carries in itself. It needs no git program.
package git

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/git/remote"
)

// Options are what a Lister needs from outside. The zero Options list public
// repositories, and those that the user's own ssh keys open.
type Options struct {
	// Token gives the secret for a host ("github.com"), or "". It is sent to that
	// host alone, over https only, and stands in no message.
	Token func(host string) string
	// Locate gives the folder of an embedded: URL.
	Locate func(url string) (string, error)
	// SSH is how ssh:// repositories are opened.
	SSH remote.SSH
	// Client asks https:// and http:// repositories; nil: http.DefaultClient.
	Client *http.Client
	// Wait passes the time between tries; nil waits in real time.
	Wait func(context.Context, time.Duration) error
	// Timeout is how long one try may take; 0: 30 seconds.
	Timeout time.Duration
	// Tries is how often an unreliable server is asked; 0: 5 times.
	Tries int
	// Log tells of tries that failed; nil: no log.
	Log *slog.Logger
}

// A Lister lists the refs of git repositories: https://, http://, ssh://, file://
// and embedded:. Several goroutines may use it at once.
type Lister struct{ options Options }

// The limits of a Lister that is given none.
const (
	defaultTimeout = 30 * time.Second
	defaultTries   = 5
)

// NewLister makes a Lister.
func NewLister(o Options) *Lister {
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Tries <= 0 {
		o.Tries = defaultTries
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Lister{options: o}
}

// List gives a repository's branches, tags and other refs, and "HEAD", in byte
// order of their names; the commit of an annotated tag is the one that it stands
// for. A server that fails, is busy (429) or breaks off is asked again, with
// growing waits. Errors name the URL, without a password in it, and say what to do.
func (l *Lister) List(ctx context.Context, address string) ([]releases.Ref, error) {
	refs, err := l.list(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("list refs of %s: %w", redacted(address), advise(err))
	}
	slices.SortFunc(refs, func(a, b releases.Ref) int { return strings.Compare(a.Name, b.Name) })
	return refs, nil
}

func (l *Lister) list(ctx context.Context, address string) ([]releases.Ref, error) {
	if _, embedded := releases.IsEmbedded(address); embedded {
		if l.options.Locate == nil {
			return nil, errors.New("what the program carries in itself cannot be located here; give an https:// or file:// URL")
		}
		dir, err := l.options.Locate(address)
		if err != nil {
			return nil, err
		}
		return listFolder(ctx, dir)
	}
	endpoint, err := transport.NewEndpoint(address)
	if err != nil {
		return nil, errors.New("not a URL; want https://, ssh:// or file://")
	}
	switch endpoint.Protocol {
	case "file":
		return listFolder(ctx, endpoint.Path)
	case "http", "https":
		return l.retry(ctx, address, func(ctx context.Context) ([]releases.Ref, error) { return l.listHTTP(ctx, address, endpoint) })
	case "ssh":
		return l.retry(ctx, address, func(ctx context.Context) ([]releases.Ref, error) { return l.listSSH(ctx, endpoint) })
	}
	return nil, fmt.Errorf("%s:// is not spoken here; want https://, ssh:// or file://", endpoint.Protocol)
}

// advertised turns what a server advertised into refs. A server gives an annotated
// tag twice: the tag object, and after it the commit.
func advertised(answer *packp.AdvRefs) []releases.Ref {
	refs := make([]releases.Ref, 0, len(answer.References)+1)
	for name, hash := range answer.References {
		if peeled, ok := answer.Peeled[name]; ok {
			hash = peeled
		}
		refs = append(refs, releases.Ref{Name: name, Commit: hash.String()})
	}
	if _, listed := answer.References[string(plumbing.HEAD)]; answer.Head != nil && !listed {
		refs = append(refs, releases.Ref{Name: string(plumbing.HEAD), Commit: answer.Head.String()})
	}
	return refs
}

// redacted is a URL without its password.
func redacted(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Redacted()
	}
	if _, host, ok := strings.Cut(address, "@"); ok {
		return "…@" + host
	}
	return address
}
