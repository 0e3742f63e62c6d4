package build

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
)

const manifestFile = "composer.json"

// An entry is one entry of a dist and, once that is known, what stands of its packed form in the zip.
type entry struct {
	path   string // a directory's ends in a slash
	mode   uint16
	digest pipeline.Digest // of the content; empty for a directory
	size   int64           // in bytes

	method uint16
	crc    uint32
	packed int64 // bytes in the zip
}

func (e *entry) directory() bool { return e.mode == zipDirectory }

// list gives a packing's entries in the order of the zip.
func list(pk packing) ([]entry, error) {
	entries := make([]entry, 0, len(pk.Files)+len(pk.Directories)+1)
	entries = append(entries, entry{path: manifestFile, mode: zipRegular, size: int64(len(pk.Manifest)), digest: pipeline.DigestOf(pk.Manifest)})
	var errs []error
	for _, f := range pk.Files {
		mode, err := zipMode(f)
		errs = append(errs, err)
		entries = append(entries, entry{path: f.Path, mode: mode, size: f.Size, digest: f.Digest})
	}
	for _, path := range pk.Directories {
		errs = append(errs, pipeline.ValidPath(path))
		entries = append(entries, entry{path: path + "/", mode: zipDirectory})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	return entries, checkTwice(entries)
}

// zipMode also checks the file's path.
func zipMode(f pipeline.File) (uint16, error) {
	if err := pipeline.ValidPath(f.Path); err != nil {
		return 0, err
	}
	switch f.Mode {
	case pipeline.Regular:
		return zipRegular, nil
	case pipeline.Executable:
		return zipExecutable, nil
	case pipeline.Symlink:
		return zipSymlink, nil
	}
	return 0, fmt.Errorf("%s has mode %o, which a dist cannot hold; exclude it from the package", f.Path, f.Mode)
}

// checkTwice finds paths that come twice in sorted entries.
func checkTwice(entries []entry) error {
	var errs []error
	for i := 1; i < len(entries); i++ {
		if entries[i].path == entries[i-1].path {
			errs = append(errs, fmt.Errorf("%s comes twice in the package", entries[i].path))
		}
	}
	return errors.Join(errs...)
}
