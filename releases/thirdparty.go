package releases

import (
	"archive/zip"
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/mage-os/nightly/releases/composer"
)

// WriteThirdParty writes the third-party packages of the sample distribution
// as a Composer repository: dir/packages.json and one zip a package. The URLs
// in it are file:// URLs of dir, so the folder cannot be moved.
//
// It can be called again, and by several processes at once: the zips are named
// by their content, and packages.json is replaced last.
func WriteThirdParty(dir string) error {
	if err := writeThirdParty(Sample(), dir); err != nil {
		return fmt.Errorf("write the sample's third-party packages to %s: %w", dir, err)
	}
	return nil
}

func writeThirdParty(sample fs.FS, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	folders, err := fs.Glob(sample, "third-party/*/*")
	if err != nil {
		return err
	}
	packages := map[string]map[string]*composer.Manifest{}
	var errs []error
	for _, folder := range folders {
		m, err := writePackage(sample, folder, dir)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", folder, err))
			continue
		}
		packages[m.Name()] = map[string]*composer.Manifest{m.Version(): m}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	index, err := json.MarshalIndent(map[string]any{"packages": packages}, "", "    ")
	if err != nil {
		return err
	}
	return writeWhole(filepath.Join(dir, "packages.json"), append(index, '\n'))
}

// writePackage writes the zip of one package and gives its entry in the
// repository.
func writePackage(sample fs.FS, folder, dir string) (*composer.Manifest, error) {
	data, err := fs.ReadFile(sample, folder+"/composer.json")
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
	archive, err := zipFolder(sample, folder)
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum(archive)
	digest := hex.EncodeToString(sum[:])
	file := filepath.Join(dir, name.Vendor(), fmt.Sprintf("%s-%s-%s.zip", name.Project(), m.Version(), digest[:12]))
	if err := writeWhole(file, archive); err != nil {
		return nil, err
	}
	// Composer hands a file:// URL to PHP, which decodes no %20: the path stands
	// in it as it is.
	dist := composer.Dist{Type: "zip", URL: "file://" + filepath.ToSlash(file), Reference: digest, SHASum: digest}
	return m, m.Set("dist", dist)
}

// zipFolder packs a folder, the same bytes every time: in byte order, nothing
// compressed, one date.
func zipFolder(sample fs.FS, folder string) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	err := fs.WalkDir(sample, folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(sample, name)
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

// writeWhole writes a file through a temporary one beside it, so that nobody
// sees half of it. A file that holds the same already stays untouched.
func writeWhole(name string, data []byte) (err error) {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
