package ci

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// The bounds of files that a flag or an argument names, in bytes.
const (
	maxSmall = 1 << 20  // a key, a list
	maxInput = 32 << 20 // a plan, a manifest
)

func readSmall(name string) ([]byte, error) { return readBounded(name, maxSmall) }

// readInput reads a plan or a manifest.
func readInput(name string) ([]byte, error) { return readBounded(name, maxInput) }

// readBounded reads a file that may be anything: also /dev/zero.
func readBounded(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return data, nil
}

// The bounds of an answer over HTTP, in time and bytes. Its body is bounded where it is
// read.
const (
	answerTime = time.Minute // until it begins
	wholeTime  = 30 * time.Minute
	maxHeader  = 1 << 20
)

// newClient gives up on a server that does not answer, or never ends.
func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // of the standard library
	transport.ResponseHeaderTimeout = answerTime
	transport.MaxResponseHeaderBytes = maxHeader
	return &http.Client{Transport: transport, Timeout: wholeTime}
}

// strictClient also follows no redirect to another host: what is verified is what
// Composer gets.
func strictClient() *http.Client {
	client := newClient()
	client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) > 5 || r.URL.Host != via[0].URL.Host {
			return fmt.Errorf("the server sends to %s", r.URL.Redacted())
		}
		return nil
	}
	return client
}
