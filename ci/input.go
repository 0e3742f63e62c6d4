package ci

import (
	"net/http"
	"time"

	"github.com/mage-os/nightly/pipeline/remote"
)

// newClient gives up on a server that does not answer, or never ends. It follows no redirect
// to another host: what is read is what Composer gets.
func newClient() *http.Client {
	return &http.Client{Transport: remote.Client{}.RoundTripper(), Timeout: 30 * time.Minute}
}
