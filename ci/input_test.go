package ci

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file that a flag names may be anything.
func TestReadBounded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := readBounded(file, 5); err != nil || string(data) != "12345" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := readBounded(file, 4); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file that is too long: %v", err)
	}
	if err := os.Truncate(file, 2<<30); err != nil {
		t.Fatal(err)
	}
	if _, err := readInput(file); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a plan of 2 GB: %v", err)
	}
}

// What is verified comes from the server that was asked, and from no other.
func TestStrictClient(t *testing.T) {
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
		response, err := strictClient().Get(server.URL + path)
		if (err == nil) != good {
			t.Errorf("%s: %v", path, err)
		}
		if err == nil {
			response.Body.Close()
		}
	}
}
