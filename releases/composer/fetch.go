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
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// A Fetcher reads what is at a URL. It reports fs.ErrNotExist when nothing is there; the caller closes what it
// gets.
type Fetcher interface {
	Fetch(ctx context.Context, url string) (io.ReadCloser, error)
}

// NewFetcher reads https:// and http:// with the client (http.DefaultClient when nil) and file:// from this machine.
func NewFetcher(client *http.Client) Fetcher {
	return schemes{http: HTTPFetcher{Client: client}}
}

type schemes struct {
	http HTTPFetcher
	file FileFetcher
}

func (s schemes) Fetch(ctx context.Context, address string) (io.ReadCloser, error) {
	scheme, _, _ := strings.Cut(address, ":")
	switch strings.ToLower(scheme) {
	case "http", "https":
		return s.http.Fetch(ctx, address)
	case "file":
		return s.file.Fetch(ctx, address)
	}
	return nil, fmt.Errorf("fetch %s: want a URL with https://, http:// or file://", redacted(address))
}

// FileFetcher reads file:// URLs.
type FileFetcher struct{}

// Fetch opens a regular file.
func (FileFetcher) Fetch(ctx context.Context, address string) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "file" || u.Host != "" && u.Host != "localhost" || !strings.HasPrefix(u.Path, "/") {
		return nil, fmt.Errorf("fetch %s: want file:// and an absolute path", address)
	}
	info, err := os.Stat(u.Path)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", address, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("fetch %s: not a regular file", address)
	}
	return os.Open(u.Path)
}

// The limits of an HTTPFetcher that sets none.
const (
	defaultTries = 5
	longestWait  = 2 * time.Minute
)

// HTTPFetcher reads http:// and https:// URLs. It reads an answer whole before it gives it out, so that one that breaks
// off is asked for again. It tries again, with growing waits, when the server answers 429 or 5xx or the connection
// breaks; a Retry-After of the server counts, up to two minutes. It is safe for several goroutines when Client and
// Wait are.
type HTTPFetcher struct {
	Client   *http.Client                               // http.DefaultClient when nil
	Wait     func(context.Context, time.Duration) error // between tries; nil waits in real time
	Tries    int                                        // 5 when 0
	MaxBytes int64                                      // of an answer; 64 MiB when 0
}

// Fetch reports fs.ErrNotExist for the answers 404 and 410.
func (f HTTPFetcher) Fetch(ctx context.Context, address string) (io.ReadCloser, error) {
	waits := backoff.NewExponentialBackOff()
	waits.InitialInterval, waits.Multiplier, waits.MaxInterval = time.Second, 2, 30*time.Second
	waits.RandomizationFactor = 0
	waits.Reset()
	tries := f.Tries
	if tries <= 0 {
		tries = defaultTries
	}
	for try := 1; ; try++ {
		body, err := f.once(ctx, address)
		if err == nil {
			return io.NopCloser(bytes.NewReader(body)), nil
		}
		var again *retryError
		if !errors.As(err, &again) || ctx.Err() != nil {
			return nil, fmt.Errorf("fetch %s: %w", redacted(address), err)
		}
		if try == tries {
			return nil, fmt.Errorf("fetch %s: %w, on %d tries; try later", redacted(address), err, tries)
		}
		wait := max(waits.NextBackOff(), again.after)
		if wait > longestWait {
			return nil, fmt.Errorf("fetch %s: %w; the server asks to wait %s, longer than %s; try later", redacted(address), err, wait, longestWait)
		}
		if err := f.wait(ctx, wait); err != nil {
			return nil, fmt.Errorf("fetch %s: wait before another try: %w", redacted(address), err)
		}
	}
}

// A retryError is a failure that may pass; after is how long the server asks to wait.
type retryError struct {
	err   error
	after time.Duration
}

func (e *retryError) Error() string { return e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

func (f HTTPFetcher) once(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	client := f.Client
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err // without the URL, which may hold a password
		}
		return nil, &retryError{err: err}
	}
	defer response.Body.Close()
	switch code := response.StatusCode; {
	case code == http.StatusNotFound || code == http.StatusGone:
		return nil, fmt.Errorf("%s: %w", response.Status, fs.ErrNotExist)
	case code == http.StatusTooManyRequests || code >= 500:
		return nil, &retryError{err: errors.New(response.Status), after: retryAfter(response.Header)}
	case code != http.StatusOK:
		return nil, errors.New(response.Status)
	}
	return f.body(response)
}

func (f HTTPFetcher) body(response *http.Response) ([]byte, error) {
	limit := f.MaxBytes
	if limit <= 0 {
		limit = maxRepository
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	switch {
	case int64(len(body)) > limit:
		return nil, fmt.Errorf("the answer is longer than %d bytes", limit)
	case err != nil:
		return nil, &retryError{err: fmt.Errorf("the answer breaks off after %d bytes: %w", len(body), err)}
	}
	return body, nil
}

// retryAfter is how long the server asks to wait: seconds, or a date, which is compared with the server's own clock
// in its "Date".
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	return max(0, until.Sub(now))
}

func (f HTTPFetcher) wait(ctx context.Context, d time.Duration) error {
	if f.Wait != nil {
		return f.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// redacted is the address without a password, for errors.
func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(not a URL)"
	}
	return u.Redacted()
}
