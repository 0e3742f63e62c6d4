package integrity

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// The bounds of what is read of repositories and shops, in bytes.
const (
	maxList = 64 << 20 // packages.json, installed.json
	maxDist = 512 << 20
)

// bounded reads all that a reader has, up to a limit in bytes; name stands in its error.
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
