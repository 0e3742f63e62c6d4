package ci

import (
	"fmt"
	"net/http"
	"time"
)

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
