package ci

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// What is verified comes from the server that was asked, and from no other.
func TestClientStaysOnItsHost(t *testing.T) {
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/here":
			http.Redirect(w, r, "/good", http.StatusFound)
		case "/away":
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		}
	}))
	defer server.Close()
	for path, good := range map[string]bool{"/good": true, "/here": true, "/away": false, "/round": false} {
		response, err := newClient().Get(server.URL + path)
		if (err == nil) != good {
			t.Errorf("%s: %v", path, err)
		}
		if err == nil {
			response.Body.Close()
		}
	}
}
