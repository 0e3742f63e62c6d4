package build

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
// copied from it. The zip itself says where they lie, and the cache which dist it is and what
// its contents are. Nothing is unpacked to compare it: like saved results, the cache is written
// by a process that runs no package code, where package code does not reach.
type lastDist struct {
	data  []byte
	files map[string]lastFile
}

// A lastFile is an entry of the last dist, and the digest of its content.
type lastFile struct {
	*zip.File
	digest pipeline.Digest
}

// lastKey is the cache's key for a package. It is hashed because a package's
// name may hold an underscore, which a key may not.
func lastKey(name string) string {
	return "dist/" + string(pipeline.DigestOf([]byte(compressor+"\x00"+name)))
}

// digestsOf are the lines that the cache keeps: the digest of a dist, and those of its
// contents in their order.
func digestsOf(dist pipeline.Digest, entries []entry) string {
	var lines strings.Builder
	lines.WriteString(string(dist))
	for i := range entries {
		lines.WriteString("\n" + string(entries[i].digest))
	}
	return lines.String()
}

// last finds a package's last dist. Whatever is wrong with the cache, or with that dist, only
// means to compress more.
func (p *packer) last(ctx context.Context, name string) lastDist {
	noted, err := p.recall(ctx, lastKey(name))
	if err != nil {
		return lastDist{}
	}
	lines := strings.Split(string(noted), "\n")
	data, err := p.whole(ctx, pipeline.Digest(lines[0]))
	if err != nil {
		return lastDist{}
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil || len(r.File) != len(lines)-1 {
		return lastDist{}
	}
	l := lastDist{data: data, files: make(map[string]lastFile, len(r.File))}
	for i, f := range r.File {
		l.files[f.Name] = lastFile{f, pipeline.Digest(lines[i+1])}
	}
	return l
}

// whole reads a dist to its end, so that the store checks it.
func (p *packer) whole(ctx context.Context, digest pipeline.Digest) ([]byte, error) {
	content, err := p.store.Open(ctx, digest)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	if content.Size() > maxLast {
		return nil, errors.New("it is too large to be held")
	}
	return io.ReadAll(content)
}

// packedKey is the cache's key for a dist: all that it is made of.
func packedKey(pk packing, entries []entry) string {
	var all bytes.Buffer
	fmt.Fprintf(&all, "%s\x00%s\x00", compressor, pk.path())
	for i := range entries {
		e := &entries[i]
		fmt.Fprintf(&all, "%s\x00%o\x00%s\x00", e.path, e.mode, e.digest)
	}
	return "packed/" + string(pipeline.DigestOf(all.Bytes()))
}

// made finds a dist that was made of the same, if the store still has it: a mirror has most
// packages of a tag in the version of the tag before.
func (p *packer) made(ctx context.Context, key string) (found packed, ok bool) {
	data, err := p.recall(ctx, key)
	if err == nil {
		err = json.Unmarshal(data, &found)
	}
	if err != nil {
		return packed{}, false
	}
	content, err := p.store.Open(ctx, found.File.Digest)
	return found, err == nil && content.Size() == found.File.Size && content.Close() == nil
}

// recall reads an entry of the cache.
func (p *packer) recall(ctx context.Context, key string) ([]byte, error) {
	if p.cache == nil {
		return nil, fs.ErrNotExist
	}
	content, err := p.cache.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(content)
	return data, errors.Join(err, content.Close())
}

// remember notes something for the next snapshot.
func (p *packer) remember(ctx context.Context, key, what string) error {
	if p.cache == nil {
		return nil
	}
	if err := p.cache.Put(ctx, key, strings.NewReader(what)); err != nil {
		return fmt.Errorf("keep which dist was made: %w", err)
	}
	return nil
}

// content gives the packed content of an entry that the last dist also has; nil if it does not.
// The mode counts not: it stands in the frame, which is written anew. But a symbolic link is
// checked and packed in another way than a file of the same content.
func (l lastDist) content(e *entry) writeFunc {
	f, ok := l.files[e.path]
	if !ok || f.digest != e.digest || f.UncompressedSize64 != uint64(e.size) || e.directory() || e.mode == zipSymlink || f.ExternalAttrs>>16 == zipSymlink {
		return nil
	}
	at, err := f.DataOffset()
	if err != nil || at+int64(f.CompressedSize64) > int64(len(l.data)) {
		return nil
	}
	e.method, e.crc, e.packed = f.Method, f.CRC32, int64(f.CompressedSize64)
	return func(w io.Writer) error {
		_, err := w.Write(l.data[at : at+e.packed])
		return err
	}
}
