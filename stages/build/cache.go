package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/mage-os/nightly/pipeline"
)

// compressor names what decides the bytes of a packed content, beside the
// content. It is part of every key, so that a dist never holds what another
// compressor made. The last number is raised when our own rules change.
const compressor = "klauspost/compress v1.20.3 flate 5, 1"

// An index says which dist was last made of a package, and what of which file
// lies where in it. It is what the cache keeps: no second copy of the contents,
// which the store has in the dist itself.
//
// In bytes: the dist's SHA-256; for every entry, in the order of the zip, the
// length of its path (as all numbers, a uvarint) and the path, the SHA-256 of
// its content, method, CRC-32, packed size and size; in the end the SHA-256 of
// all that. Where an entry lies follows from those before it. Directories and
// symbolic links, which are always read again, have a digest of zeros.
type index struct {
	dist pipeline.Digest
	rest []byte // entries that were not read yet
	at   int64  // where the next entry begins in the dist
}

// An indexEntry is one entry of an index. Path and digest are only good until
// the index is gone.
type indexEntry struct {
	path, digest []byte
	method       uint16
	crc          uint32
	packed, size int64
	offset       int64 // of the packed content in the dist
}

// indexKey is the cache's key for a package. It is hashed because a package's
// name may hold an underscore, which a key may not.
func indexKey(name string) string {
	return "dist/" + string(pipeline.DigestOf([]byte(compressor+"\x00"+name)))
}

func encodeIndex(dist pipeline.Digest, entries []entry) []byte {
	b := appendDigest(make([]byte, 0, 64+len(entries)*128), dist)
	for i := range entries {
		e := &entries[i]
		b = binary.AppendUvarint(b, uint64(len(e.path)))
		b = append(b, e.path...)
		if e.mode == zipSymlink {
			b = appendDigest(b, "")
		} else {
			b = appendDigest(b, e.digest)
		}
		b = binary.AppendUvarint(b, uint64(e.method))
		b = binary.AppendUvarint(b, uint64(e.crc))
		b = binary.AppendUvarint(b, uint64(e.packed))
		b = binary.AppendUvarint(b, uint64(e.size))
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// appendDigest appends 32 bytes, of zeros for the empty digest.
func appendDigest(b []byte, d pipeline.Digest) []byte {
	var raw [sha256.Size]byte
	// A store gave the digest, so that it is one; if not, the entry is not found again.
	_, _ = hex.Decode(raw[:], []byte(d[:min(len(d), 2*sha256.Size)]))
	return append(b, raw[:]...)
}

// parseIndex checks the checksum; what is behind it is read by next.
func parseIndex(data []byte) (*index, error) {
	if len(data) < 2*sha256.Size {
		return nil, errors.New("it is too short")
	}
	body, end := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], end) {
		return nil, errors.New("it has another checksum")
	}
	return &index{dist: pipeline.Digest(hex.EncodeToString(body[:sha256.Size])), rest: body[sha256.Size:]}, nil
}

// next gives the next entry, or io.EOF.
func (x *index) next() (indexEntry, error) {
	if len(x.rest) == 0 {
		return indexEntry{}, io.EOF
	}
	r := indexReader{rest: x.rest}
	e := indexEntry{
		path:   r.bytes(r.number(math.MaxUint16)),
		digest: r.bytes(sha256.Size),
		method: uint16(r.number(methodDeflate)),
		crc:    uint32(r.number(math.MaxUint32)),
		packed: int64(r.number(zipLimit)),
		size:   int64(r.number(zipLimit)),
	}
	e.offset = x.at + localSize + int64(len(e.path))
	if r.bad || e.offset+e.packed > zipLimit {
		return indexEntry{}, errors.New("it has an entry that cannot be")
	}
	x.rest, x.at = r.rest, e.offset+e.packed
	return e, nil
}

// An indexReader reads fields until one is bad.
type indexReader struct {
	rest []byte
	bad  bool
}

func (r *indexReader) number(limit uint64) uint64 {
	v, n := binary.Uvarint(r.rest)
	if r.bad || n <= 0 || v > limit {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *indexReader) bytes(n uint64) []byte {
	if r.bad || n > uint64(len(r.rest)) {
		r.bad = true
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// reuse finds the entries that the package's last dist has already. Whatever is
// wrong with the cache, or with that dist, only means to compress more.
func (p *packer) reuse(ctx context.Context, d *dist) {
	if p.cache == nil {
		return
	}
	kept, last, err := p.last(ctx, d)
	if err != nil || kept == 0 {
		for i := range d.entries {
			d.entries[i].kept = false
		}
		return
	}
	d.previous = last
}

// last marks what the package's last dist has: the same content at the same
// path. It gives their number and the dist.
func (p *packer) last(ctx context.Context, d *dist) (int, pipeline.Digest, error) {
	data, err := p.index(ctx, d.Name)
	if err != nil {
		return 0, "", err
	}
	x, err := parseIndex(data)
	if err != nil {
		return 0, "", fmt.Errorf("the index of %s is damaged: %w", d.Name, err)
	}
	content, err := p.store.Open(ctx, x.dist)
	if err != nil {
		return 0, "", err
	}
	kept, err := x.match(d.entries)
	return kept, x.dist, errors.Join(err, content.Close())
}

func (p *packer) index(ctx context.Context, name string) ([]byte, error) {
	content, err := p.cache.Get(ctx, indexKey(name))
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(content)
}

// match walks the index and the entries, which are both in order.
func (x *index) match(entries []entry) (kept int, err error) {
	for {
		old, err := x.next()
		if err == io.EOF {
			return kept, nil
		}
		if err != nil {
			return 0, err
		}
		for len(entries) > 0 && strings.Compare(entries[0].path, string(old.path)) < 0 {
			entries = entries[1:]
		}
		if len(entries) == 0 {
			return kept, nil
		}
		if e := &entries[0]; e.path == string(old.path) && e.same(old) {
			e.kept, e.offset = true, old.offset
			e.method, e.crc, e.packed = old.method, old.crc, old.packed
			kept++
		}
	}
}

// same says whether an entry of the last dist has the content. The mode counts
// not: it stands in the frame, which is written anew. But a symbolic link is
// checked and packed in another way than a file of the same content.
func (e *entry) same(old indexEntry) bool {
	var raw [sha256.Size]byte
	if e.directory() || e.mode == zipSymlink || len(e.digest) != 2*sha256.Size || e.size != old.size {
		return false
	}
	_, err := hex.Decode(raw[:], []byte(e.digest))
	return err == nil && bytes.Equal(raw[:], old.digest)
}
