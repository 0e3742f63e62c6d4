package ci

import (
	"fmt"
	"net/http"
	"time"

	"github.com/mage-os/nightly/pipeline/remote"
)

// newClient gives up on a server that does not answer, or never ends.
func newClient() *http.Client {
	return &http.Client{Transport: remote.NewTransport(), Timeout: 30 * time.Minute}
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
