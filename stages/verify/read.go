package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"time"

	"github.com/mage-os/nightly/pipeline/files"
)

// The bounds of what is read, in bytes and time. A real repository of 367 packages has
// a packages.json of 20 kB, metadata of 150 kB at most, a manifest of 300 kB.
const (
	maxSwitch    = 4 << 20
	maxManifest  = 32 << 20
	maxMetadata  = 16 << 20
	maxVersions  = 512 << 20
	maxPage      = 64 << 20
	maxDist      = 1 << 30
	maxSnapshots = 2000 // in packages.json
	maxNames     = 100_000

	fileTime = 5 * time.Minute // for one file to arrive
)

// errTooLong is the error of a file that is longer than anything that belongs there.
var errTooLong = errors.New("is longer")

// open reads one file whole, up to a limit in bytes. A server that was too slow for one file
// is asked for no other, so that it does not hold a run for ever.
func (c *check) open(ctx context.Context, name string, limit int64) ([]byte, error) {
	c.mu.Lock()
	slow := c.slow
	c.mu.Unlock()
	if slow != "" {
		return nil, fmt.Errorf("the server was too slow for %s", slow)
	}
	data, err := c.openInTime(ctx, name, limit)
	c.mu.Lock()
	defer c.mu.Unlock()
	var network net.Error
	if err == nil {
		c.report.Files++
		c.report.Bytes += int64(len(data))
	} else if ctx.Err() == nil && errors.As(err, &network) && network.Timeout() {
		c.slow = name
	}
	return data, err
}

func (c *check) openInTime(ctx context.Context, name string, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, fileTime, fmt.Errorf("%w: it did not arrive within %s", context.DeadlineExceeded, fileTime))
	defer cancel()
	if c.o.Progress != nil {
		c.o.Progress(name)
	}
	file, err := c.o.Source.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	var data []byte
	size := files.SizeOf(file)
	if size <= limit {
		data, err = io.ReadAll(io.LimitReader(file, limit+1))
		size = int64(len(data))
	}
	if err = errors.Join(err, file.Close()); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("%w than the %d bytes that it may have", errTooLong, limit)
	}
	return data, nil
}

// read reads a file that has to be there.
func (c *check) read(ctx context.Context, name string, limit int64) ([]byte, bool) {
	data, ok := c.readIfThere(ctx, name, limit)
	if ok && data == nil {
		c.bad(name, "is missing")
		return nil, false
	}
	return data, ok
}

// readIfThere returns no bytes for a file that is not there. It is not ok when there is a
// problem, which it has noted.
func (c *check) readIfThere(ctx context.Context, name string, limit int64) ([]byte, bool) {
	data, err := c.open(ctx, name, limit)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, true
	case err != nil:
		c.bad(name, "cannot be read: %v", err)
		return nil, false
	}
	c.belongs(name)
	c.signed(name, data)
	if data == nil {
		data = []byte{}
	}
	return data, true
}
