package build

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/mage-os/nightly/pipeline"
)

// copySize is the size of the buffer before the store, in bytes.
const copySize = 128 << 10

// dist gives one dist: the one that was made of the same before, or a new one.
func (p *packer) dist(ctx context.Context, df *deflater, pk packing) (packed, error) {
	entries, err := list(pk)
	if err != nil {
		return packed{}, err
	}
	key := packedKey(pk, entries)
	if made, ok := p.made(ctx, key); ok {
		return made, nil
	}
	made, err := p.write(ctx, df, pk, entries)
	if err != nil {
		return packed{}, err
	}
	data, err := json.Marshal(made)
	return made, errors.Join(err, p.remember(ctx, key, string(data)), p.remember(ctx, lastKey(pk.Name), digestsOf(made.File.Digest, entries)))
}

// write makes a dist in the store.
func (p *packer) write(ctx context.Context, df *deflater, pk packing, entries []entry) (packed, error) {
	r, w := io.Pipe()
	sum := sha1.New() // all that Composer knows
	last := p.last(ctx, pk.Name)
	written := make(chan error, 1)
	go func() {
		buffered := bufio.NewWriterSize(io.MultiWriter(w, sum), copySize)
		err := writeEntries(ctx, buffered, df, pk, entries, last)
		w.CloseWithError(err)
		written <- err
	}()
	digest, size, err := p.store.Add(ctx, r)
	r.CloseWithError(errStopped)
	if cause := <-written; cause != nil && !errors.Is(cause, errStopped) {
		return packed{}, cause
	}
	if err != nil {
		return packed{}, fmt.Errorf("add the dist to the store: %w", err)
	}
	return packed{
		File: pipeline.File{Path: pk.path(), Mode: pipeline.Regular, Size: size, Digest: digest},
		SHA1: hex.EncodeToString(sum.Sum(nil)),
	}, nil
}

var errStopped = errors.New("the store stopped reading")

// writeEntries writes the zip. It goes on after a file that cannot be read, to find all of
// them.
func writeEntries(ctx context.Context, w *bufio.Writer, df *deflater, pk packing, entries []entry, last lastDist) error {
	z := newZipWriter(w)
	var errs []error
	for i := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		e := &entries[i]
		content := last.content(e)
		var err error
		if content == nil {
			content, err = df.content(ctx, pk, e)
		}
		if err == nil && len(errs) == 0 {
			err = z.add(e, content)
		}
		if errors.Is(err, errStopped) {
			return err
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return z.finish()
}
