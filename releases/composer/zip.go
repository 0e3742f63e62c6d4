package composer

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// ZipManifest reads the composer.json of a package's zip: at its root, or in the
// one folder that all lies in.
func ZipManifest(r io.ReaderAt, size int64) (*Manifest, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("it is no zip: %w", err)
	}
	var best *zip.File
	for _, f := range z.File {
		if depth := strings.Count(f.Name, "/"); path.Base(f.Name) == "composer.json" && depth < 2 {
			if best == nil || depth < strings.Count(best.Name, "/") {
				best = f
			}
		}
	}
	if best == nil {
		return nil, errors.New("it holds no composer.json; take the zip away")
	}
	content, err := best.Open()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	data, err := io.ReadAll(io.LimitReader(content, maxManifest+1))
	if err != nil {
		return nil, err
	}
	return ParseManifest(data)
}
