// Package sample holds the sources of the made-up distribution "sample", which the
// program carries in itself.
package sample

import (
	"archive/zip"
	"bytes"
	"crypto/sha1"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases/composer"
)

// Sources are repositories/NAME/head and repositories/NAME/tags/TAG, the files of git
// repositories, and third-party/VENDOR/NAME, those of packages that the distribution
// requires from elsewhere.
//
//go:embed all:repositories all:third-party
var Sources embed.FS

// WriteThirdParty writes the third-party packages as a Composer repository:
// dir/packages.json and one zip a package. The URLs in it are file:// URLs of dir, so the
// folder cannot be moved. Several processes may write the same folder at once: zips are
// named by their content, and packages.json is replaced last.
func WriteThirdParty(dir string) error {
	if err := writeThirdParty(dir); err != nil {
		return fmt.Errorf("write the sample's third-party packages to %s: %w", dir, err)
	}
	return nil
}

func writeThirdParty(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	folders, err := fs.Glob(Sources, "third-party/*/*")
	if err != nil {
		return err
	}
	packages := map[string]map[string]*composer.Manifest{}
	for _, folder := range folders {
		m, err := writePackage(folder, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
		packages[m.Name()] = map[string]*composer.Manifest{m.Version(): m}
	}
	index, err := json.MarshalIndent(map[string]any{"packages": packages}, "", "    ")
	if err != nil {
		return err
	}
	return replace(filepath.Join(dir, "packages.json"), append(index, '\n'))
}

// writePackage writes the zip of one package and returns its entry in the repository.
func writePackage(folder, dir string) (*composer.Manifest, error) {
	data, err := Sources.ReadFile(folder + "/composer.json")
	if err != nil {
		return nil, err
	}
	m, err := composer.ParseManifest(data)
	if err != nil {
		return nil, err
	}
	name, err := composer.ParseName(m.Name())
	if err != nil {
		return nil, err
	}
	archive, err := zipFolder(folder)
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum(archive)
	digest := hex.EncodeToString(sum[:])
	file := filepath.Join(dir, name.Vendor(), fmt.Sprintf("%s-%s-%s.zip", name.Project(), m.Version(), digest[:12]))
	if err := replace(file, archive); err != nil {
		return nil, err
	}
	// Composer hands a file:// URL to PHP, which decodes no %20: the path stands
	// in it as it is.
	dist := composer.Dist{Type: "zip", URL: "file://" + filepath.ToSlash(file), Reference: digest, SHASum: digest}
	return m, m.Set("dist", dist)
}

// zipFolder packs a folder with the same bytes every time: in byte order, uncompressed,
// with one date.
func zipFolder(folder string) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	err := fs.WalkDir(Sources, folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := Sources.ReadFile(name)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{
			Name: path.Base(folder) + name[len(folder):], Method: zip.Store,
			Modified: time.Date(2022, 2, 22, 22, 2, 22, 0, time.UTC),
		}
		header.SetMode(0o644)
		if bytes.HasPrefix(data, []byte("#!")) {
			header.SetMode(0o755) // the embedded files have lost their modes
		}
		f, err := w.CreateHeader(header)
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		return err
	})
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// replace leaves a file alone that has this content already.
func replace(name string, data []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return files.Replace(name, data)
}
