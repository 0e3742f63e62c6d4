// Package gateway lets package code reach Composer repositories, and nothing else: a
// proxy for Composer that reads what the repositories of a line have, with the logins
// that package code must not see, and keeps their dists for the next run.
//
// It answers https itself, with certificates of an authority of its own, so that nothing
// is rewritten: what Composer reads, verifies and locks is what the repository says.
package gateway

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // Composer's shasum
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
)

// authorityPath is where a gateway has the certificate of its authority.
const authorityPath = "/authority.pem"

// Authority asks the gateway at a URL for the certificate of its authority, as PEM.
func Authority(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+authorityPath, nil)
	if err != nil {
		return nil, err
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", remote.Redacted(address), response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, 1<<20))
}

// Options say what a gateway reads.
type Options struct {
	// Repositories are Composer repositories at https://, http:// or file://. What the
	// program itself has in it, Composer reads from a folder.
	Repositories []releases.ComposerRepository
	// Client is how they are reached, with their logins.
	Client remote.Client
	// Cache keeps dists whose bytes cannot change; nil: none are kept. Package code must not
	// be able to write to it.
	Cache pipeline.Cache
	Log   *slog.Logger // gets what was refused; nil: none
}

// A Gateway is an HTTP proxy for one test installation; see the package. It is safe for
// several goroutines.
type Gateway struct {
	options     Options
	fetcher     composer.Fetcher
	authority   *tls.Certificate
	certificate []byte        // of the authority, as PEM
	password    string        // of its clients; "": none is wanted
	answers     chan struct{} // has one for each answer that is under way

	mu       sync.Mutex
	known    catalog
	metadata map[string][]byte // as it was first read: one installation sees one state
	kept     int               // bytes of metadata
}

// New makes a gateway; nothing is read yet but repositories of this machine.
func New(o Options) (*Gateway, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	authority, certificate, err := newAuthority()
	if err != nil {
		return nil, fmt.Errorf("make the gateway's authority: %w", err)
	}
	g := &Gateway{
		options: o, fetcher: composer.NewFetcher(o.Client), authority: authority, certificate: certificate,
		answers: make(chan struct{}, maxAnswers), metadata: map[string][]byte{},
	}
	for _, r := range o.Repositories {
		if _, embedded := releases.IsEmbedded(r.URL); embedded {
			continue
		}
		if err := g.known.open(r.URL); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// result is what a repository has at the URL of a request, and its status.
func (g *Gateway) result(r *http.Request, question []byte) (body []byte, status int) {
	body, err := g.read(r, question)
	var refused *refusedError
	switch {
	case err == nil:
		return body, http.StatusOK
	case errors.As(err, &refused):
		g.options.Log.Warn("the test installation asked for something that no Composer repository of the line names: it was refused",
			slog.String("url", remote.Redacted(r.URL.String())), slog.String("method", r.Method))
		status = http.StatusForbidden
	case errors.Is(err, fs.ErrNotExist):
		status = http.StatusNotFound
	default:
		g.options.Log.Warn("what the test installation asked for cannot be had", slog.Any("err", err))
		status = Unreachable
	}
	return []byte(err.Error()), status
}

// Unreachable is the status of an answer when the repository itself gave none. Composer
// asks for it once: it has been asked for often enough.
const Unreachable = http.StatusFailedDependency

// A refusedError says that nothing at a URL is for package code.
type refusedError struct{ url string }

func (e *refusedError) Error() string {
	return fmt.Sprintf("%s: the gateway of the test installation gives only what the line's composer-repositories name", e.url)
}

// maxMetadata bounds the metadata of all repositories, in bytes: package code may ask for any
// package.
const maxMetadata = 256 << 20

func (g *Gateway) read(r *http.Request, question []byte) ([]byte, error) {
	address := normal(r.URL)
	g.mu.Lock()
	dist, isDist := g.known.dist(address)
	repository := g.known.repository(address)
	advises := g.known.advises(address)
	data, read := g.metadata[address]
	g.mu.Unlock()
	switch {
	case r.Method == http.MethodPost && advises:
		return g.ask(r.Context(), address, r.Header.Get("Content-Type"), question)
	case r.Method != http.MethodGet || !isDist && repository == nil:
		return nil, &refusedError{remote.Redacted(address)}
	case read:
		return data, nil
	case isDist:
		return g.dist(r.Context(), address, dist)
	}
	data, err := fetch(r.Context(), g.fetcher.Fetch, address)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if first, ok := g.metadata[address]; ok {
		return first, nil
	}
	if g.kept += len(data); g.kept > maxMetadata {
		return nil, fmt.Errorf("%s: the metadata of Composer repositories are more than %d MB for one test installation", remote.Redacted(address), maxMetadata>>20)
	}
	g.metadata[address] = data
	g.known.learn(repository, data)
	return data, nil
}

// maxAdvice bounds what is said of packages for which advisories are asked, in bytes.
const maxAdvice = 64 << 20

// ask asks for security advisories, which is the one thing that Composer asks with a body.
func (g *Gateway) ask(ctx context.Context, address, kind string, question []byte) (data []byte, err error) {
	err = g.options.Client.Policy.Or(remote.Policy{Timeout: time.Minute}).Do(ctx, address, func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(question))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", kind)
		client := http.Client{Transport: g.options.Client.Opening(request.URL, remote.Bounded{Next: g.options.Client.RoundTripper(), Max: maxAdvice})}
		response, err := client.Do(request)
		if err != nil {
			return remote.Again(remote.WithoutURL(err), 0)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return errors.New(response.Status)
		}
		data, err = io.ReadAll(io.LimitReader(response.Body, maxAdvice))
		return err
	})
	return data, err
}

// dist gives a dist, from the cache where its bytes are known not to change.
func (g *Gateway) dist(ctx context.Context, address string, d dist) ([]byte, error) {
	cached := g.options.Cache != nil && d.fixed(address)
	key := "dist/" + string(pipeline.DigestOf([]byte(address+"\n"+d.Reference+"\n"+d.Shasum)))
	if cached {
		data, err := fetch(ctx, func(ctx context.Context, key string) (io.ReadCloser, error) { return g.options.Cache.Get(ctx, key) }, key)
		if err == nil && d.matches(data) {
			return data, nil
		}
	}
	data, err := fetch(ctx, func(ctx context.Context, address string) (io.ReadCloser, error) {
		return composer.FetchDist(ctx, g.fetcher, address)
	}, address)
	if err != nil || !cached || !d.matches(data) { // Composer tells of what does not match
		return data, err
	}
	if err := g.options.Cache.Put(ctx, key, bytes.NewReader(data)); err != nil { // the next run asks again
		g.options.Log.Warn("a dist cannot be kept for the next run", slog.Any("err", err))
	}
	return data, nil
}

func fetch(ctx context.Context, from func(context.Context, string) (io.ReadCloser, error), address string) (data []byte, err error) {
	body, err := from(ctx, address)
	if err != nil {
		return nil, err
	}
	data, err = io.ReadAll(body)
	return data, errors.Join(err, body.Close())
}

// A dist is what metadata says of one, beside its URL.
type dist struct{ Reference, Shasum string }

// fixed says that the URL cannot give other bytes another day: the commit stands in it, or
// its digest is told.
func (d dist) fixed(address string) bool {
	return d.Shasum != "" || len(d.Reference) >= 40 && strings.Contains(address, d.Reference)
}

func (d dist) matches(data []byte) bool {
	sum := sha1.Sum(data) //nolint:gosec // Composer's shasum
	return d.Shasum == "" || strings.EqualFold(d.Shasum, hex.EncodeToString(sum[:]))
}

// normal is a URL as the catalog has it: without a fragment and a usual port.
func normal(u *url.URL) string {
	n := *u
	n.Fragment, n.RawFragment, n.User = "", "", nil
	n.Host = strings.ToLower(n.Host)
	switch n.Scheme {
	case "https":
		n.Host = strings.TrimSuffix(n.Host, ":443")
	case "http":
		n.Host = strings.TrimSuffix(n.Host, ":80")
	}
	return n.String()
}
