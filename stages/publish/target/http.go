package target

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/mage-os/nightly/pipeline/remote"
)

// A web is a published repository as its clients see it.
type web struct {
	base   *url.URL
	client *http.Client
}

// OpenWeb gives a repository that is served at an http:// or https:// URL, to read
// from.
func OpenWeb(base string, client *http.Client) (Source, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("repository to read: %w", remote.WithoutURL(err))
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("cannot read a repository at %s; give its http:// or https:// URL", u.Redacted())
	}
	u.Path = strings.TrimRight(u.Path, "/") + "/"
	return &web{base: u, client: client}, nil
}

// String implements Source.
func (w *web) String() string { return w.base.Redacted() }

// Open implements Source.
func (w *web) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	at := w.base.JoinPath(strings.Split(name, "/")...)
	at.RawPath = strings.ReplaceAll(at.EscapedPath(), "+", "%2B") // as stages.DistURL
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := w.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", at.Redacted(), remote.WithoutURL(err))
	}
	if response.StatusCode == http.StatusOK {
		return answer{response.Body, response.ContentLength}, nil
	}
	_ = response.Body.Close() // nothing of it is wanted
	err = fmt.Errorf("get %s: %s", at.Redacted(), response.Status)
	if response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusGone {
		err = fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	return nil, err
}

// An answer tells how long it says to be; -1: it does not say.
type answer struct {
	io.ReadCloser
	size int64
}

// Size is in bytes.
func (a answer) Size() int64 { return a.size }
