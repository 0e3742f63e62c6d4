package composer

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// IsZip says whether a file with that name is a package's zip. Beside a zip macOS may leave
// a file of the same name behind "._", which is none.
func IsZip(name string) bool {
	base := path.Base(name)
	return strings.HasSuffix(base, ".zip") && !strings.HasPrefix(base, "._")
}

// ZipManifest reads the composer.json of a package's zip, at its root or in the
// one folder that all lies in, and lists the paths beside and below it. The folder
// __MACOSX, which macOS adds to a zip, is passed over.
func ZipManifest(r io.ReaderAt, size int64) (m *Manifest, paths []string, err error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, nil, fmt.Errorf("it is no zip: %w", err)
	}
	var best *zip.File
	for _, f := range z.File {
		if strings.HasPrefix(f.Name, "__MACOSX/") {
			continue
		}
		if depth := strings.Count(f.Name, "/"); path.Base(f.Name) == "composer.json" && depth < 2 {
			if best == nil || depth < strings.Count(best.Name, "/") {
				best = f
			}
		}
	}
	if best == nil {
		return nil, nil, errors.New("it holds no composer.json; take the zip away")
	}
	content, err := best.Open()
	if err != nil {
		return nil, nil, err
	}
	defer content.Close()
	data, err := io.ReadAll(io.LimitReader(content, maxManifest+1))
	if err != nil {
		return nil, nil, err
	}
	for _, f := range z.File {
		if p, below := strings.CutPrefix(f.Name, strings.TrimSuffix(best.Name, "composer.json")); below && p != "" {
			paths = append(paths, p)
		}
	}
	m, err = ParseManifest(data)
	return m, paths, err
}
