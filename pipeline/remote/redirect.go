package remote

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

type anyHost struct{}

// ToAnyHost lets a server send requests with this context on to another host, which gets
// no credential: they are for a dist or an LFS object, whose digest somebody else tells.
func ToAnyHost(ctx context.Context) context.Context { return context.WithValue(ctx, anyHost{}, true) }

// CheckReference reports why what lies at from may not name to, as a redirect or in
// what it says: it would lead from https to http, from elsewhere to this machine or its
// link, or to another host unless anyHost.
func CheckReference(from, to *url.URL, anyHost bool) error {
	switch {
	case from.Scheme == "file": // somebody put it on this machine
		return nil
	case to.Scheme != "https" && to.Scheme != from.Scheme:
		return refused(to, "it would not be asked over "+from.Scheme)
	case sameHost(from, to):
		return nil
	case !anyHost:
		return refused(to, "it is another host")
	case namesLocal(to) && !namesLocal(from):
		return errLocal(to)
	}
	return nil
}

func refused(to *url.URL, why string) error {
	return &IdentityError{fmt.Errorf("the server sends to %s, which is not followed: %s; give the URL that is meant, or ask who runs the server", to.Redacted(), why)}
}

func errLocal(to *url.URL) error {
	return refused(to, "it is an address of this machine or its link, and the server is not")
}

// sameHost says that two URLs are of one host and port, or both of a host's own ports.
func sameHost(a, b *url.URL) bool {
	return origin(a) == origin(b) || strings.EqualFold(a.Hostname(), b.Hostname()) && a.Port() == "" && b.Port() == ""
}

// namesLocal says that a URL itself names a local address; a name that stands for one is
// seen when it is connected to.
func namesLocal(u *url.URL) bool {
	ip, err := netip.ParseAddr(u.Hostname())
	return strings.EqualFold(u.Hostname(), "localhost") || err == nil && isLocal(ip)
}

func isLocal(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified()
}

// guarded keeps redirects to CheckReference, and answers to a pace. A redirect comes as a
// request of its own, which holds the answer that it follows.
type guarded struct {
	next  http.RoundTripper
	grace time.Duration // see steady
}

// A peer is the server that an answer comes from.
type peer struct{ local, refused bool }

type peerKey struct{}

// RoundTrip implements http.RoundTripper.
func (g guarded) RoundTrip(request *http.Request) (*http.Response, error) {
	at, mayBeLocal := &peer{local: namesLocal(request.URL)}, true
	ctx := context.WithValue(request.Context(), peerKey{}, at)
	if request.Response != nil {
		from := request.Response.Request
		before, known := from.Context().Value(peerKey{}).(*peer)
		mayBeLocal = known && before.local
		if err := CheckReference(from.URL, request.URL, ctx.Value(anyHost{}) != nil); err != nil {
			return nil, err
		}
		if request = request.Clone(ctx); !sameHost(from.URL, request.URL) {
			for _, name := range []string{"Authorization", "Cookie", "Referer"} {
				request.Header.Del(name)
			}
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	response, err := g.next.RoundTrip(request.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		to, err := netip.ParseAddrPort(c.Conn.RemoteAddr().String())
		at.local = err == nil && isLocal(to.Addr())
		if at.refused = at.local && !mayBeLocal; at.refused {
			_ = c.Conn.Close() // before anything is written to it
		}
	}})))
	switch {
	case err == nil:
		if request.Method != http.MethodGet {
			g.grace *= 5
		}
		response.Body = newSteady(ctx, cancel, response.Body, g.grace)
		return response, nil
	case at.refused:
		err = errLocal(request.URL)
	}
	cancel(nil)
	return nil, err
}
