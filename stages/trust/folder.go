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
	ignored := "*\n" // it may be in a clone: git is not to take what lies in it
	if there == nil {
		ignored = "*.key\n"
	}
	if err := writeNew(filepath.Join(dir, ".gitignore"), []byte(ignored)); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	err := writeNew(name, text)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w; keep it, and choose another folder", err)
	}
	return err
}

// writeNew writes a file that is not there yet, for its owner alone.
func writeNew(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
