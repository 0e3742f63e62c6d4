// Package github talks to GitHub, or a GitHub Enterprise Server, through its API:
// releases with their assets, the commits between two commits, one issue for a
// failing nightly, and the organization's repositories, teams and protections.
//
// Reading public repositories needs no token (then GitHub allows 60 calls an
// hour). The least rights of a fine-grained token or of a GitHub App, by what is
// done (GitHub's documentation, "Permissions required for fine-grained personal
// access tokens"):
//
//	History of public repositories   none
//	History of private repositories  Contents: read, Pull requests: read
//	Releases and their assets        Contents: write
//	Issue of a nightly               Issues: write
//	Organization                     Metadata, Contents, Administration: read; of the organization Members, Administration: read
//
// Limits are waited out within a bound, failures that may pass are tried again,
// and every write can be repeated: what a connection that broke has done already
// is found and not done twice.
package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	api "github.com/google/go-github/v84/github"

	"github.com/mage-os/nightly/pipeline/remote"
)

// Options are what a Client needs from outside. The zero Options read what is
// public on github.com.
type Options struct {
	// BaseURL is the API's: "" is https://api.github.com/; of a GitHub Enterprise
	// Server https://HOST/api/v3/. Plain http is only for this machine itself.
	BaseURL string
	// UploadURL is where assets are uploaded; "" follows from BaseURL.
	UploadURL string
	// Token opens the API. It is sent to the hosts of BaseURL and UploadURL alone.
	Token remote.Token
	// App, if there is one, gets tokens by itself and renews them; Token is then
	// not used.
	App *App
	// Transport sends requests; nil for the one that all clients share.
	Transport http.RoundTripper
	// Policy is how often one call asks again, and how long it waits for limits and
	// failures to pass: 15 minutes, and a minute for one try, uploads apart, where it
	// does not say.
	// Its log tells of each asset that is written, too.
	Policy remote.Policy
}

const (
	publicAPI    = "https://api.github.com/"
	publicUpload = "https://uploads.github.com/"
)

// A Client asks GitHub. Several goroutines may use it at once; what they write is
// written one after the other, as GitHub asks for.
type Client struct {
	rest    *api.Client
	next    http.RoundTripper // what rest asks with, once for each request
	host    string            // of the web: github.com
	options Options
}

// New makes a Client. It asks nothing yet.
func New(o Options) (*Client, error) {
	o = o.withDefaults()
	base, err := parseBase("base URL of GitHub's API", o.BaseURL)
	if err != nil {
		return nil, err
	}
	upload, err := parseBase("URL of GitHub's uploads", o.upload(base))
	if err != nil {
		return nil, err
	}
	token := func(context.Context) (remote.Token, error) { return o.Token, nil }
	if o.App != nil {
		// The requests for a token bring one of their own.
		token = (&installation{app: *o.App, client: newClient(o, o.Transport, base, upload)}).token
	}
	return newClient(o, remote.Authorize(o.Transport, func(request *http.Request) error {
		token, err := token(request.Context())
		if err == nil && !token.IsZero() {
			request.Header.Set("Authorization", "Bearer "+token.Reveal())
		}
		return err
	}, base, upload), base, upload), nil
}

func newClient(o Options, next http.RoundTripper, base, upload *url.URL) *Client {
	c := &Client{next: next, host: webHost(base), options: o}
	c.rest = api.NewClient(&http.Client{Transport: &transport{next: next, policy: o.Policy}})
	c.rest.BaseURL, c.rest.UploadURL = base, upload
	c.rest.DisableRateLimitCheck = true // the transport waits for limits
	c.rest.UserAgent = "mage-os-nightly"
	return c
}

func (o Options) withDefaults() Options {
	o.BaseURL = cmp.Or(o.BaseURL, publicAPI)
	o.Transport = remote.Client{Transport: o.Transport}.RoundTripper()
	o.Policy = o.Policy.Or(remote.Policy{Tries: 5, Timeout: time.Minute, Deadline: 15 * time.Minute, Wait: remote.Wait, Log: slog.New(slog.DiscardHandler)})
	return o
}

// upload is where assets go: on an Enterprise Server beside the API (GitHub
// Enterprise Server's documentation, "Releases"), on github.com and its
// subdomains at a host of its own.
func (o Options) upload(base *url.URL) string {
	if o.UploadURL != "" {
		return o.UploadURL
	}
	u := *base
	switch host, dotted := strings.CutPrefix(base.Host, "api."); {
	case dotted:
		u.Host, u.Path = "uploads."+host, "/"
	case strings.HasSuffix(base.Path, "/api/v3/"):
		u.Path = strings.TrimSuffix(base.Path, "v3/") + "uploads/"
	}
	return u.String()
}

func parseBase(what, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return nil, fmt.Errorf("%s: not a URL; want one such as %s or https://github.example.org/api/v3/", what, publicAPI)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%s %s: want it without user, '?' and '#'", what, u.Redacted())
	case u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())):
		return nil, fmt.Errorf("%s %s: want https://; a token would be read by others", what, text)
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return u, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// webHost is the host of the pages and of git that belong to an API.
func webHost(base *url.URL) string {
	return strings.ToLower(strings.TrimPrefix(base.Host, "api."))
}

// A Repository is one repository of the client's GitHub.
type Repository struct{ Owner, Name string }

// String is "owner/name".
func (r Repository) String() string { return r.Owner + "/" + r.Name }

// errElsewhere says that a URL is of another host, or of no repository.
var errElsewhere = errors.New("is no repository of this GitHub")

// Repository finds the repository that a git URL names: https:// or ssh://. Its
// error says that the URL is of another host.
func (c *Client) Repository(address string) (Repository, error) {
	u, err := url.Parse(address)
	if err != nil {
		return Repository{}, errors.New("not a URL; want https:// or ssh://")
	}
	host := strings.ToLower(u.Host)
	if u.Scheme == "ssh" {
		host = strings.TrimPrefix(strings.ToLower(u.Hostname()), "ssh.")
	}
	owner, name, ok := strings.Cut(strings.Trim(strings.TrimSuffix(strings.TrimRight(u.Path, "/"), ".git"), "/"), "/")
	web := u.Scheme == "https" || u.Scheme == "ssh" || u.Scheme == "http" && isLoopback(u.Hostname())
	if !web || strings.TrimPrefix(host, "www.") != c.host || !ok || owner == "" || name == "" || strings.Contains(name, "/") {
		return Repository{}, fmt.Errorf("%s %w (%s)", u.Redacted(), errElsewhere, c.host)
	}
	return Repository{Owner: owner, Name: name}, nil
}
