package remote

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
)

// A hop is a server's answer with a redirect to the next one, which lies at an address.
type hop struct{ url, at string }

// chain is the internet as far as redirects lead.
type chain struct {
	hops []hop
	seen []string // authorizations
}

// RoundTrip implements http.RoundTripper.
func (c *chain) RoundTrip(r *http.Request) (*http.Response, error) {
	here := c.hops[len(c.seen)]
	conn := &address{at: here.at}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: conn})
	}
	if conn.closed {
		return nil, errors.New("use of closed network connection")
	}
	c.seen = append(c.seen, r.Header.Get("Authorization"))
	response := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}
	if len(c.seen) < len(c.hops) {
		response.StatusCode = http.StatusFound
		response.Header.Set("Location", c.hops[len(c.seen)].url)
	}
	return response, nil
}

type address struct {
	net.Conn
	at     string
	closed bool
}

func (a *address) RemoteAddr() net.Addr {
	to, _ := net.ResolveTCPAddr("tcp", a.at)
	return to
}

func (a *address) Close() error { a.closed = true; return nil }

func TestRedirects(t *testing.T) {
	const public, other, local = "203.0.113.1:443", "203.0.113.2:443", "127.0.0.1:443"
	for _, test := range []struct {
		name    string
		anyHost bool
		hops    []hop
		err     string
	}{
		{"same host", false, []hop{{"https://a.example/", public}, {"https://a.example/x", public}}, ""},
		{"up", false, []hop{{"http://a.example/", public}, {"https://a.example/x", public}}, ""},
		{"down", false, []hop{{"https://a.example/", public}, {"http://a.example/x", public}}, "would not be asked over https"},
		{"down for a dist", true, []hop{{"https://a.example/", public}, {"https://b.example/x", other}, {"http://b.example/x", other}}, "would not be asked over https"},
		{"other host", false, []hop{{"https://a.example/", public}, {"https://b.example/x", other}}, "another host"},
		{"subdomain", false, []hop{{"https://a.example/", public}, {"https://b.a.example/x", other}}, "another host"},
		{"other port", false, []hop{{"https://a.example/", public}, {"https://a.example:8443/x", public}}, "another host"},
		{"other host for a dist", true, []hop{{"https://a.example/", public}, {"https://b.a.example/x", other}}, ""},
		{"loopback", true, []hop{{"https://a.example/", public}, {"https://127.0.0.9/x", local}}, "of this machine"},
		{"loopback by its name", true, []hop{{"https://a.example/", public}, {"https://LOCALHOST/x", local}}, "of this machine"},
		{"loopback as IPv6", true, []hop{{"https://a.example/", public}, {"https://[::ffff:127.0.0.1]/x", local}}, "of this machine"},
		{"unspecified", true, []hop{{"https://a.example/", public}, {"https://0.0.0.0/x", local}}, "of this machine"},
		{"the link", true, []hop{{"https://a.example/", public}, {"https://[fe80::1]/x", "[fe80::1]:443"}}, "of this machine"},
		{"a name that stands for loopback", true, []hop{{"https://a.example/", public}, {"https://b.example/x", local}}, "of this machine"},
		{"a name that changes", false, []hop{{"https://a.example/", public}, {"https://a.example/x", local}}, "of this machine"},
		{"within loopback", true, []hop{{"https://127.0.0.1/", local}, {"https://127.0.0.2/x", "127.0.0.2:443"}}, ""},
		{"out and back", true, []hop{{"https://127.0.0.1/", local}, {"https://a.example/x", public}, {"https://127.0.0.1/", local}}, "of this machine"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx := t.Context()
			if test.anyHost {
				ctx = ToAnyHost(ctx)
			}
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, test.hops[0].url, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "secret")
			net := &chain{hops: test.hops}
			response, err := (&http.Client{Transport: Bounded{Next: Client{Transport: net}.RoundTripper(), Max: 10}}).Do(request)
			if (err == nil) != (test.err == "") || err != nil && (!strings.Contains(err.Error(), test.err) || !IsIdentity(err)) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			if err == nil {
				response.Body.Close()
				if last := net.seen[len(net.seen)-1]; (last == "") != test.anyHost {
					t.Errorf("the last server sees the credential %q", last)
				}
			} else if len(net.seen) != len(test.hops)-1 {
				t.Errorf("%d servers were asked", len(net.seen))
			}
		})
	}
}

// A server outside sends to a service of this machine by a name that stands for it.
func TestRedirectToThisMachine(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	inner, outer := listen(t, "127.0.0.1:0"), listen(t, "203.0.113.1:0")
	asked := false
	go http.Serve(inner, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true })) //nolint:errcheck // ends with the test
	_, port, _ := net.SplitHostPort(inner.Addr().String())
	go http.Serve(outer, http.RedirectHandler("http://inner.example:"+port+"/", http.StatusFound)) //nolint:errcheck // ends with the test
	transport := NewTransport()
	transport.DialContext = func(ctx context.Context, network, to string) (net.Conn, error) { // the name server
		return new(net.Dialer).DialContext(ctx, network, strings.Replace(to, "inner.example", "127.0.0.1", 1))
	}
	client := http.Client{Transport: Client{Transport: transport}.RoundTripper()}
	for range 2 {
		request, err := http.NewRequestWithContext(ToAnyHost(t.Context()), http.MethodGet, "http://"+outer.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err == nil || !strings.Contains(err.Error(), "of this machine") || asked {
			t.Errorf("%v, %v, asked: %t", response, err, asked)
		}
		// Even over a connection that is there already.
		if response, err = client.Get("http://inner.example:" + port); err != nil || !asked {
			t.Fatal(err)
		}
		response.Body.Close()
		asked = false
	}
}

func listen(t *testing.T, at string) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}
