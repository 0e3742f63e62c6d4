package install

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// maxForeign bounds a file of a package or of the shop that is read whole, in
// bytes. The largest real one is composer.lock, with 1 MB.
const maxForeign = 64 << 20

// readForeign is os.ReadFile for what packages bring or Composer wrote of them: no
// more than maxForeign bytes, of a plain file. A link that leads to a device never
// ends.
func readForeign(name string) (data []byte, err error) {
	info, err := os.Stat(name) // before it is opened: opening a pipe may wait for ever
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no plain file (%s); see which package brings it", name, info.Mode())
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err = io.ReadAll(io.LimitReader(f, maxForeign+1))
	if err == nil && len(data) > maxForeign {
		return nil, fmt.Errorf("%s has more than %d MiB; see which package brings it", name, maxForeign>>20)
	}
	return data, err
}
