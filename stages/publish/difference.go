package publish

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
)

const (
	maxDiffLines = 60       // of one file
	maxDiffText  = 8 << 20  // bytes of a text whose lines are compared
	maxZipEntry  = 64 << 20 // bytes of a file in a zip
)

// explain says in what two contents of a file differ; nothing if they are the same.
func explain(name string, theirs, ours []byte) string {
	if bytes.Equal(theirs, ours) {
		return ""
	}
	if path.Ext(name) == ".zip" {
		if detail, err := explainZip(theirs, ours); err == nil {
			return detail
		}
	}
	return explainText(name, theirs, ours)
}

// explainText compares by lines. JSON on a single line is indented for that.
func explainText(name string, theirs, ours []byte) string {
	if !utf8.Valid(theirs) || !utf8.Valid(ours) || len(theirs)+len(ours) > maxDiffText {
		return fmt.Sprintf("published: %d bytes; here: %d bytes; they differ from byte %d on", len(theirs), len(ours), firstDifference(theirs, ours))
	}
	if a, b := indented(name, theirs), indented(name, ours); !bytes.Equal(a, b) {
		theirs, ours = a, b
	}
	text := string(diff.Diff("published", theirs, "here", ours))
	_, text, _ = strings.Cut(text, "\n") // "diff published here"
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > maxDiffLines {
		lines = append(lines[:maxDiffLines], fmt.Sprintf("… and %d more lines", len(lines)-maxDiffLines))
	}
	return strings.Join(lines, "\n")
}

func indented(name string, data []byte) []byte {
	var b bytes.Buffer
	if path.Ext(name) != ".json" || bytes.Count(data, []byte("\n")) > 1 || json.Indent(&b, data, "", "  ") != nil {
		return data
	}
	return b.Bytes()
}

func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// explainZip compares the files of two zips, and what a zip says of each.
func explainZip(theirs, ours []byte) (string, error) {
	a, err := zip.NewReader(bytes.NewReader(theirs), int64(len(theirs)))
	if err != nil {
		return "", err
	}
	b, err := zip.NewReader(bytes.NewReader(ours), int64(len(ours)))
	if err != nil {
		return "", err
	}
	published, here := entries(a), entries(b)
	all := maps.Clone(published)
	maps.Copy(all, here)
	var details []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		detail, err := explainEntry(name, published[name], here[name])
		if err != nil {
			return "", err
		}
		if detail != "" {
			details = append(details, name+": "+detail)
		}
	}
	if len(details) == 0 {
		details = []string{fmt.Sprintf("the zips hold the same files, but are packed otherwise: %d and %d bytes, different from byte %d on", len(theirs), len(ours), firstDifference(theirs, ours))}
	}
	return strings.Join(details, "\n"), nil
}

func entries(r *zip.Reader) map[string]*zip.File {
	files := make(map[string]*zip.File, len(r.File))
	for _, f := range r.File {
		files[f.Name] = f
	}
	return files
}

func explainEntry(name string, theirs, ours *zip.File) (string, error) {
	switch {
	case ours == nil:
		return "is in the published zip only", nil
	case theirs == nil:
		return "is in the zip built here only", nil
	}
	a, err := readEntry(theirs)
	if err != nil {
		return "", err
	}
	b, err := readEntry(ours)
	if err != nil {
		return "", err
	}
	if !bytes.Equal(a, b) {
		return "its content differs\n" + explainText(name, a, b), nil
	}
	for _, property := range []struct{ name, theirs, ours string }{
		{"mode", theirs.Mode().String(), ours.Mode().String()},
		{"time", theirs.Modified.UTC().String(), ours.Modified.UTC().String()},
		{"method", fmt.Sprint(theirs.Method), fmt.Sprint(ours.Method)},
		{"extra field", fmt.Sprintf("%x", theirs.Extra), fmt.Sprintf("%x", ours.Extra)},
	} {
		if property.theirs != property.ours {
			return fmt.Sprintf("its %s is %s in the published zip, %s here", property.name, property.theirs, property.ours), nil
		}
	}
	return "", nil
}

func readEntry(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // read only: nothing is lost
	data, err := io.ReadAll(io.LimitReader(r, maxZipEntry+1))
	if err == nil && len(data) > maxZipEntry {
		err = fmt.Errorf("%s in the zip is larger than %d bytes", f.Name, maxZipEntry)
	}
	return data, err
}
