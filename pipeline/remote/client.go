package remote

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
)

// A Client is how servers are reached. The zero Client reaches public ones, and those
// that the user's own ssh keys open.
type Client struct {
	// Transport asks over HTTP; nil: one of NewTransport.
	Transport http.RoundTripper
	// Token gives the secret for a host ("github.com"), or none; nil: there is none. It
	// is sent to that host alone, over https only, and stands in no message.
	Token func(host string) Token
	// Credential gives what opens a Composer repository at a host, with a port that is not
	// the usual one, or none; nil: there is none. It is sent as a Token is.
	Credential func(host string) Credential
	// SSH is how ssh:// and sftp:// are logged in to.
	SSH SSH
	// Policy is how often a server that fails is asked again.
	Policy Policy
}

// RoundTripper is the client's transport, or the one that all others share. It follows no
// redirect that CheckReference refuses, and hears out no server that trickles.
func (c Client) RoundTripper() http.RoundTripper {
	if c.Transport == nil {
		return guarded{shared, grace}
	}
	return guarded{c.Transport, grace}
}

// TokenFor gives the secret for a host.
func (c Client) TokenFor(host string) Token {
	if c.Token == nil {
		return Token{}
	}
	return c.Token(host)
}

// A Credential is a header of requests and its secret value.
type Credential struct {
	header string
	value  Token
}

// NewCredential makes a Credential; with the value "" none.
func NewCredential(header, value string) Credential { return Credential{header, NewToken(value)} }

// Opening is next with the credential of the host of a URL, unless the URL has one itself.
func (c Client) Opening(to *url.URL, next http.RoundTripper) http.RoundTripper {
	if c.Credential == nil || to.Scheme != "https" || to.User != nil {
		return next
	}
	opens := c.Credential(strings.TrimSuffix(strings.ToLower(to.Host), ":443"))
	if opens.value.IsZero() {
		return next
	}
	return Authorize(next, func(r *http.Request) error {
		r.Header.Set(opens.header, opens.value.Reveal())
		return nil
	}, to)
}

// A Token is a secret that opens a server: a personal access token, an installation
// token of a GitHub App, or the GITHUB_TOKEN of a workflow. It cannot be printed, logged
// or marshalled: the text lies in a function, which no verb of package fmt calls. The
// zero Token is none.
type Token struct{ secret func() string }

// NewToken makes a Token of its text; of "" none.
func NewToken(secret string) Token {
	if secret == "" {
		return Token{}
	}
	return Token{func() string { return secret }}
}

// IsZero reports whether there is no token.
func (t Token) IsZero() bool { return t.secret == nil }

// String implements fmt.Stringer.
func (t Token) String() string {
	if t.IsZero() {
		return "none"
	}
	return "redacted"
}

// GoString implements fmt.GoStringer.
func (t Token) GoString() string { return t.String() }

// LogValue implements slog.LogValuer.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText implements encoding.TextMarshaler, which JSON and YAML ask.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Reveal is the secret itself, for the request that it opens.
func (t Token) Reveal() string {
	if t.IsZero() {
		return ""
	}
	return t.secret()
}
