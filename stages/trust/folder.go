package trust

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mage-os/nightly/pipeline/files"
)

// ReadAuthority reads the public files of an authority from a folder.
func ReadAuthority(dir string) (*Authority, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{}
	for _, e := range entries {
		if _, _, ok := cutVersioned(e.Name()); !ok {
			continue
		}
		if all[e.Name()], err = files.Read(filepath.Join(dir, e.Name()), files.Small); err != nil {
			return nil, err
		}
	}
	a, err := ParseAuthority(all)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return a, nil
}

// Save writes the public files of an authority to a folder.
func (a *Authority) Save(dir string) error {
	err := os.MkdirAll(dir, 0o755)
	for name, data := range a.files {
		if err == nil {
			err = files.Replace(filepath.Join(dir, name), data)
		}
	}
	return err
}

// SaveKey writes a private key to a new file, readable for its owner alone: no key is written over another.
func SaveKey(name string, text []byte) error {
	dir := filepath.Dir(name)
	_, there := os.Stat(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if there != nil { // it may be made in a clone: git is not to take what lies in it
		if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("*\n"), 0o600); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w; keep it, and choose another folder", err)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
