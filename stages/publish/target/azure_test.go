package target

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAzureRefuses writes to a store that reads all and then refuses it, as Azure
// does when a lock is taken.
func TestAzureRefuses(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // what is refused does not matter
		w.Header().Set("x-ms-error-code", "BlobAlreadyExists")
		w.WriteHeader(http.StatusConflict)
	}))
	defer server.Close()
	t.Setenv("AZURE_STORAGE_ACCOUNT", "devstoreaccount1")
	t.Setenv("AZURE_STORAGE_KEY", base64.StdEncoding.EncodeToString([]byte("a key of this test")))
	address := "azblob://nightly/repository?protocol=http&localemu=true&domain=" + strings.TrimPrefix(server.URL, "http://")
	to, err := Open(t.Context(), address, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := to.Close(); err != nil {
			t.Error(err)
		}
	}()
	err = to.Write(t.Context(), "file", Bytes([]byte("content")))
	if err == nil || !strings.Contains(err.Error(), "write file of azblob://nightly/repository") || !strings.Contains(err.Error(), "BlobAlreadyExists") {
		t.Errorf("%v; want that the write was refused, and why", err)
	}
}
