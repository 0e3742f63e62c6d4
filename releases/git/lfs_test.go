package git

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/remote"
)

// The server of the repository says where an object is; its token goes there with nothing
// that lies on another host, nor where the server gives a credential of its own.
func TestLFSOverHTTP(t *testing.T) {
	content := "a large file"
	sum := sha256.Sum256([]byte(content))
	wanted := LFSObject{OID: hex.EncodeToString(sum[:]), Size: int64(len(content))}
	var asked []string
	give := func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		asked = append(asked, r.Method+" "+r.URL.Path+" "+password+r.Header.Get("X-Signed"))
		_, _ = io.WriteString(w, content)
	}
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(give))
	defer elsewhere.Close()
	href, message, header := "", "", map[string]string{"X-Signed": "+signed"}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			give(w, r)
			return
		}
		_, password, _ := r.BasicAuth()
		asked = append(asked, r.Method+" "+r.URL.Path+" "+password)
		object := map[string]any{"oid": wanted.OID, "size": wanted.Size}
		if message == "" {
			object["actions"] = map[string]any{"download": map[string]any{"href": href, "header": header}}
		} else {
			object["error"] = map[string]any{"code": 404, "message": message}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"objects": []any{object}})
	}))
	defer server.Close()
	o := Options{Client: remote.Client{Transport: server.Client().Transport, Token: func(string) remote.Token { return remote.NewToken("secret") }, Policy: remote.Policy{Tries: 1}}}
	o.Transport.(*http.Transport).TLSClientConfig.InsecureSkipVerify = true
	var got []string
	fetch := func(address string) error {
		asked, got = nil, nil
		return o.LFS(t.Context(), address, []LFSObject{wanted}, func(_ LFSObject, r io.Reader) error {
			data, err := io.ReadAll(r)
			got = append(got, string(data))
			return err
		})
	}
	for _, c := range []struct{ name, address, href, batch, get string }{
		{"on its host", "/one", server.URL + "/o", "POST /one.git/info/lfs/objects/batch secret", "GET /o secret+signed"},
		{"elsewhere", "/one.git", elsewhere.URL + "/o", "POST /one.git/info/lfs/objects/batch secret", "GET /o +signed"},
	} {
		href = c.href
		if err := fetch(server.URL + c.address); err != nil {
			t.Fatal(c.name, err)
		}
		if diff := cmp.Diff([]string{c.batch, c.get}, asked); diff != "" || len(got) != 1 || got[0] != content {
			t.Errorf("%s: got %q, and asked for (-want +got):\n%s", c.name, got, diff)
		}
	}
	href, header = server.URL+"/o", map[string]string{"Authorization": "Bearer x"}
	if err := fetch(server.URL + "/one"); err != nil || asked[len(asked)-1] != "GET /o " {
		t.Errorf("with a credential of its own: %v, asked for %v", err, asked)
	}
	href = "http" + strings.TrimPrefix(elsewhere.URL, "https") + "/o"
	if err := fetch(server.URL + "/one"); err == nil || !strings.Contains(err.Error(), "which is not followed") || len(asked) != 1 {
		t.Errorf("led to http: %v, asked for %v", err, asked)
	}
	message = "gone for good"
	if err := fetch(server.URL + "/one"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), message) {
		t.Errorf("an object that is not there: %v", err)
	}
	if err := fetch("ssh://git@example.org/one.git"); err == nil || !strings.Contains(err.Error(), "over https:// alone") {
		t.Errorf("over ssh: %v", err)
	}
}
