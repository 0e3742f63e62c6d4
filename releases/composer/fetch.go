package composer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/remote"
)

// A Fetcher reads what is at a URL. It reports fs.ErrNotExist when nothing is there; the caller closes what it
// gets.
type Fetcher interface {
	Fetch(ctx context.Context, url string) (io.ReadCloser, error)
}

// FetchDist reads a dist, which its server may have on another host.
func FetchDist(ctx context.Context, f Fetcher, url string) (io.ReadCloser, error) {
	return f.Fetch(remote.ToAnyHost(ctx), url)
}

// NewFetcher reads https:// and http:// with the client, with its Credential, and regular files of this machine at file://.
// It is safe for several goroutines.
func NewFetcher(client remote.Client) Fetcher { return fetcher{client, maxRepository} }

type fetcher struct {
	client   remote.Client
	maxBytes int64 // of an answer
}

func (f fetcher) Fetch(ctx context.Context, address string) (io.ReadCloser, error) {
	scheme, _, _ := strings.Cut(address, ":")
	switch strings.ToLower(scheme) {
	case "http", "https":
		return f.web(ctx, address)
	case "file":
		return file(ctx, address)
	}
	return nil, fmt.Errorf("fetch %s: want a URL with https://, http:// or file://", remote.Redacted(address))
}

func file(ctx context.Context, address string) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "file" || u.Host != "" && u.Host != "localhost" || !strings.HasPrefix(u.Path, "/") {
		return nil, fmt.Errorf("fetch %s: want file:// and an absolute path", address)
	}
	f, err := files.Open(u.Path)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", address, err)
	}
	return f, nil
}

// silence is how long a server may send nothing.
const silence = time.Minute

// web reads an answer whole before it gives it out, so that one that breaks off is asked for again. It reports
// fs.ErrNotExist for the answers 404 and 410.
func (f fetcher) web(ctx context.Context, address string) (io.ReadCloser, error) {
	var body []byte
	err := f.client.Policy.Or(remote.Policy{Timeout: silence}).Do(ctx, remote.Redacted(address), func(ctx context.Context) (err error) {
		body, err = f.once(ctx, address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", remote.Redacted(address), remote.Advise(err))
	}
	return io.NopCloser(bytes.NewReader(body)), nil
}

func (f fetcher) once(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	client := http.Client{Transport: f.client.Opening(request.URL, remote.Bounded{Next: f.client.RoundTripper(), Max: f.maxBytes})}
	response, err := client.Do(request)
	if err != nil {
		return nil, remote.Again(remote.WithoutURL(err), 0)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return io.ReadAll(response.Body)
	case http.StatusNotFound, http.StatusGone:
		return nil, fmt.Errorf("%s: %w", response.Status, fs.ErrNotExist)
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, fmt.Errorf("%s; give a login that may read it, in COMPOSER_AUTH or an auth.json in Composer's home", response.Status)
	}
	return nil, errors.New(response.Status)
}
