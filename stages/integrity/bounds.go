package integrity

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
)

// The bounds of what is read of repositories and shops, in bytes but for the
// entries. The largest real dist, the framework, has 5,000 files of 30 MB.
const (
	maxList     = 64 << 20 // packages.json, installed.json
	maxDist     = 512 << 20
	maxEntries  = 200_000
	maxUnpacked = 2 << 30
)

// bounded reads all of what name names, up to a limit.
func bounded(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, fmt.Errorf("%s has more than %d MiB", name, limit>>20)
	}
	return data, err
}

func readFile(name string) (data []byte, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return bounded(f, name, maxList)
}

// checkSize refuses a zip that unpacks to more than any package has. Reading an
// entry stops at the size that is looked at here.
func checkSize(z *zip.Reader) error {
	if len(z.File) > maxEntries {
		return fmt.Errorf("its dist has %d entries, more than %d", len(z.File), maxEntries)
	}
	var total uint64
	for _, f := range z.File {
		if total += min(f.UncompressedSize64, maxUnpacked+1); total > maxUnpacked {
			return fmt.Errorf("its dist is a zip bomb: it unpacks to more than %d MiB", maxUnpacked>>20)
		}
	}
	return nil
}
