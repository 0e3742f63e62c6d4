package stages

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/mage-os/nightly/pipeline"
)

// SnapshotHandler serves a snapshot's folder as a Composer repository at the root of
// whatever host it is asked under. The URLs in its metadata are made from the
// request's Host, so that one snapshot installs from any address. The reader must
// stay open while the handler is in use.
func SnapshotHandler(r pipeline.Reader, n Snapshot) (http.Handler, error) {
	files, err := pipeline.List(context.Background(), r, n.Tree)
	if err != nil {
		return nil, fmt.Errorf("serve snapshot %s: %w", n.Name, err)
	}
	if _, ok := files.Find(PackagesFile); !ok {
		return nil, fmt.Errorf("serve snapshot %s: its folder has no %s; build it again with --fresh", n.Name, PackagesFile)
	}
	return &snapshotHandler{r, files}, nil
}

type snapshotHandler struct {
	reader pipeline.Reader
	files  pipeline.Listing
}

// ServeHTTP implements http.Handler.
func (h *snapshotHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !ReadOnly(w, r) {
		return
	}
	file, ok := h.files.Find(strings.TrimPrefix(r.URL.Path, "/"))
	if !ok || file.Mode == pipeline.Symlink {
		http.NotFound(w, r)
		return
	}
	content, err := h.reader.Open(r.Context(), file.Digest)
	if err != nil {
		http.Error(w, "cannot read "+file.Path, http.StatusInternalServerError)
		return
	}
	defer func() { _ = content.Close() }() // read only: nothing is lost
	if !IsMetadata(file.Path) {
		w.Header().Set("Content-Type", ContentType(file.Path))
		w.Header().Set("ETag", `"`+string(file.Digest)+`"`)
		http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(content, 0, file.Size))
		return
	}
	base, err := RequestBase(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	data, err := io.ReadAll(content)
	if err == nil {
		data, err = Render(data, base)
	}
	if err != nil {
		http.Error(w, "cannot render "+file.Path, http.StatusInternalServerError)
		return
	}
	ServeBytes(w, r, file.Path, data)
}

// ReadOnly answers requests that are neither GET nor HEAD with 405 and reports
// whether the request may go on.
func ReadOnly(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
	return false
}

// RequestBase is the base URL under which a request reached the root of the
// server. It is an error for a Host header that is no host.
func RequestBase(r *http.Request) (string, error) {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	base := scheme + "://" + r.Host + "/"
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Host != r.Host || strings.ContainsAny(r.Host, `"'<>&`) {
		return "", errors.New("the Host header names no host")
	}
	return base, nil
}

// ServeBytes answers with data that was made for this request. There is no
// Last-Modified, by which Composer would cache metadata: the same address can
// serve another repository a moment later.
func ServeBytes(w http.ResponseWriter, r *http.Request, name string, data []byte) {
	sum := sha256.Sum256(data)
	w.Header().Set("Content-Type", ContentType(name))
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// IsMetadata reports whether a file of a night's folder is Composer metadata,
// whose URLs Render makes absolute.
func IsMetadata(name string) bool {
	return name == PackagesFile || MetadataName(name) != ""
}

// MetadataName is what the metadata in a file of a night's folder is of: acme/shop, or
// acme/shop~dev. It is empty for all other files.
func MetadataName(file string) string {
	name, inside := strings.CutPrefix(file, MetadataDir+"/")
	if name, isJSON := strings.CutSuffix(name, ".json"); inside && isJSON {
		return name
	}
	return ""
}

// ContentType is the media type of a file of a repository. It does not depend on
// the machine's own table of types.
func ContentType(name string) string {
	switch path.Ext(name) {
	case ".json":
		return "application/json"
	case ".zip":
		return "application/zip"
	case ".html":
		return "text/html; charset=utf-8"
	case ".txt", ".md":
		return "text/plain; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".xml":
		return "application/xml; charset=utf-8"
	case ".png":
		return "image/png"
	}
	return "application/octet-stream"
}
