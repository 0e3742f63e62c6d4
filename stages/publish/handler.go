package publish

import (
	"bytes"
	"encoding/json"
	"errors"
	"html"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/page"
)

// Handler serves a published folder at the root of whatever host it is asked
// under: the base URL that the repository was published for is replaced by the
// request's, in the metadata and in the page's commands. It follows no link out
// of the folder and shows neither hidden files nor listings. The folder may be
// published to meanwhile.
func Handler(dir string) http.Handler { return &handler{dir} }

type handler struct{ dir string }

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !stages.ReadOnly(w, r) {
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = pageFile
	}
	if !fs.ValidPath(name) || strings.HasPrefix(name, ".") || strings.Contains(name, "/.") {
		http.NotFound(w, r)
		return
	}
	root, err := os.OpenRoot(h.dir)
	if err != nil {
		http.Error(w, "no repository here", http.StatusNotFound)
		return
	}
	defer func() { _ = root.Close() }() // read only: nothing is lost
	file, info, err := openFile(root, name)
	if err != nil {
		fail(w, r, err)
		return
	}
	defer func() { _ = file.Close() }() // read only: nothing is lost
	w.Header().Set("Cache-Control", caching(name))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if !hasBase(name) {
		w.Header().Set("Content-Type", stages.ContentType(name))
		http.ServeContent(w, r, "", info.ModTime(), file)
		return
	}
	base, err := stages.RequestBase(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	data, err := rebased(root, file, name, base)
	if err != nil {
		fail(w, r, err)
		return
	}
	stages.ServeBytes(w, r, name, data)
}

// hasBase reports whether a file of the repository names the base URL.
func hasBase(name string) bool {
	switch path.Base(name) {
	case pageFile, statusFile, stages.PackagesFile, page.FeedFile, page.BreakagesFile:
		return true
	case releases.ManifestName:
		return false // as it was built, to be compared with its checksum
	}
	if path.Ext(name) == ".html" && strings.HasPrefix(name, page.PackagesDir+"/") {
		return true
	}
	_, _, ofSnapshot := releases.CutSnapshotDir(name)
	return path.Ext(name) == ".json" && (ofSnapshot || strings.HasPrefix(name, metaDir+"/"))
}

// rebased reads a file and puts the given base in the place of the recorded one.
func rebased(root *os.Root, file io.Reader, name, base string) ([]byte, error) {
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	packages, err := root.ReadFile(stages.PackagesFile)
	if err != nil {
		return nil, err
	}
	var s switchFile
	if err := json.Unmarshal(packages, &s); err != nil || s.Nightly.URL == "" {
		return data, err // not published by this program: served as it is
	}
	from := s.Nightly.URL
	switch path.Ext(name) {
	case ".html", ".xml":
		return bytes.ReplaceAll(data, pageText(from), pageText(base)), nil
	}
	switch path.Base(name) {
	case stages.PackagesFile, statusFile:
		data = bytes.ReplaceAll(data, jsonText(from), jsonText(base)) // also what it records
	}
	return stages.Rebase(data, from, base)
}

// jsonText is a text as it stands within a string of JSON that encode wrote.
func jsonText(text string) []byte {
	data, _ := encode(text) // a string always can be written
	return bytes.Trim(bytes.TrimSpace(data), `"`)
}

// pageText is a text as html/template writes it.
func pageText(text string) []byte {
	return []byte(strings.ReplaceAll(html.EscapeString(text), "+", "&#43;"))
}

func openFile(root *os.Root, name string) (*os.File, fs.FileInfo, error) {
	// Lstat first: opening a named pipe would wait for its other end.
	info, err := root.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, nil, err
	}
	file, err := root.Open(name)
	return file, info, err
}

// fail answers without telling where the folder lies on this machine.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Del("Cache-Control")
	if errors.Is(err, fs.ErrNotExist) {
		http.NotFound(w, r)
		return
	}
	http.Error(w, "cannot read "+path.Base(r.URL.Path), http.StatusInternalServerError)
}
