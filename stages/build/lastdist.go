package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zip"

	"github.com/mage-os/nightly/pipeline"
)

// compressor names what decides the bytes of a packed content, beside the
// content. It is part of every key, so that a dist never holds what another
// compressor made. The last number is raised when our own rules change.
const compressor = "klauspost/compress v1.20.3 flate 5, 1"

// maxLast bounds a last dist, in bytes: it is held in memory.
const maxLast = 64 << 20

// A lastDist is what was made of a package the last time: entries that have not changed are
// copied from it. The cache keeps its digest, and the zip itself says where they lie.
type lastDist struct {
	digest pipeline.Digest // empty: there is none
	data   []byte
	files  map[string]*zip.File
}

// lastKey is the cache's key for a package. It is hashed because a package's
// name may hold an underscore, which a key may not.
func lastKey(name string) string {
	return "dist/" + string(pipeline.DigestOf([]byte(compressor+"\x00"+name)))
}

// last finds a package's last dist. Whatever is wrong with the cache, or with that dist, only
// means to compress more.
func (p *packer) last(ctx context.Context, name string) lastDist {
	if p.cache == nil {
		return lastDist{}
	}
	content, err := p.cache.Get(ctx, lastKey(name))
	if err != nil {
		return lastDist{}
	}
	digest, err := io.ReadAll(content)
	if err := errors.Join(err, content.Close()); err != nil {
		return lastDist{}
	}
	l, err := openLast(ctx, p.store, pipeline.Digest(digest))
	if err != nil {
		return lastDist{}
	}
	return l
}

// openLast reads a dist whole, so that the store checks it.
func openLast(ctx context.Context, store pipeline.Reader, digest pipeline.Digest) (lastDist, error) {
	content, err := store.Open(ctx, digest)
	if err != nil {
		return lastDist{}, err
	}
	defer content.Close()
	if content.Size() > maxLast {
		return lastDist{}, errors.New("it is too large to be held")
	}
	data, err := io.ReadAll(content)
	if err != nil {
		return lastDist{}, err
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return lastDist{}, err
	}
	l := lastDist{digest: digest, data: data, files: make(map[string]*zip.File, len(r.File))}
	for _, f := range r.File {
		l.files[f.Name] = f
	}
	return l, nil
}

// remember notes a package's dist for the next snapshot.
func (p *packer) remember(ctx context.Context, name string, last lastDist, made pipeline.Digest) error {
	if p.cache == nil || last.digest == made {
		return nil
	}
	if err := p.cache.Put(ctx, lastKey(name), strings.NewReader(string(made))); err != nil {
		return fmt.Errorf("keep which dist was made: %w", err)
	}
	return nil
}

// content gives the packed content of an entry that the last dist has, too; nil: it has not.
// It is unpacked and compared: what the cache says is no proof. The mode counts not: it stands
// in the frame, which is written anew. But a symbolic link is checked and packed in another
// way than a file of the same content, and what is streamed is not held to be compared.
func (l lastDist) content(df *deflater, e *entry) writeFunc {
	f := l.files[e.path]
	if f == nil || e.size > streamSize || e.directory() || e.mode == zipSymlink || f.ExternalAttrs>>16 == zipSymlink || f.UncompressedSize64 != uint64(e.size) {
		return nil
	}
	at, err := f.DataOffset()
	if err != nil || at+int64(f.CompressedSize64) > int64(len(l.data)) {
		return nil
	}
	packed := l.data[at : at+int64(f.CompressedSize64)]
	if digest, crc, err := df.unpack(packed, f.Method, e.size); err != nil || digest != e.digest || crc != f.CRC32 {
		return nil
	}
	e.method, e.crc, e.packed = f.Method, f.CRC32, int64(len(packed))
	return func(w io.Writer) error {
		_, err := w.Write(packed)
		return err
	}
}
