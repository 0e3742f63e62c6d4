package checkout

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
	"path"
	"runtime"
	"slices"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/util"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	gitbinary "github.com/go-git/go-git/v5/utils/binary"
	"github.com/klauspost/compress/zlib"
)

// A gitObject is an object as it was read. Others read its content, too.
type gitObject struct {
	id      plumbing.Hash
	kind    plumbing.ObjectType
	content []byte
}

// A pack is a pack file with its index in memory.
type pack struct {
	fs    billy.Filesystem
	path  string
	index *idxfile.MemoryIndex
}

// openPack loads a pack's index and checks its sum, because lookups in a broken
// one are not bounded.
func openPack(dir billy.Filesystem, base string) (*pack, error) {
	data, err := util.ReadFile(dir, base+".idx")
	if err != nil {
		return nil, damaged("read the index of a pack: %w", err)
	}
	end := len(data) - sha1.Size
	if end < 0 {
		return nil, damaged("the index %s.idx is cut off", path.Base(base))
	}
	if sum := sha1.Sum(data[:end]); !bytes.Equal(sum[:], data[end:]) {
		return nil, damaged("the index %s.idx does not have its checksum", path.Base(base))
	}
	index := idxfile.NewMemoryIndex()
	if err := idxfile.NewDecoder(bytes.NewReader(data)).Decode(index); err != nil {
		return nil, damaged("read the index %s.idx: %w", path.Base(base), err)
	}
	return &pack{fs: dir, path: base + ".pack", index: index}, nil
}

// readers lends what packs are read with. Who reads objects holds one, so that
// their number bounds both the memory and the work done at once.
type readers chan *packReader

func newReaders() readers {
	n := runtime.GOMAXPROCS(0)
	r := make(readers, n)
	for range n {
		r <- &packReader{buffer: bufio.NewReaderSize(nil, packBuffer)}
	}
	return r
}

const (
	// deltaBases is how much of a pack one reader keeps in memory.
	deltaBases = 32 << 20
	// packBuffer is how much of a pack is read at once.
	packBuffer = 32 << 10
	// maxDeltas is how many deltas git puts upon each other at most.
	maxDeltas = 4095
)

// A packReader reads objects of packs, one pack at a time: go-git's own looks for each by
// two walks of its index and inflates by the standard library, which takes twice as long.
// The format is git's, gitformat-pack(5).
type packReader struct {
	pack    *pack
	file    billy.File
	section *io.SectionReader
	buffer  *bufio.Reader
	inflate io.ReadCloser // made for the first object

	bases map[int64]gitObject // of the pack, by their offsets
	held  int                 // bytes in bases
}

// close closes the pack's file. What is held of it stays good.
func (r *packReader) close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}

// open turns to a pack.
func (r *packReader) open(p *pack) (err error) {
	if r.pack == p && r.file != nil {
		return nil
	}
	if err := r.close(); err != nil {
		return err
	}
	if r.file, err = p.fs.Open(p.path); err != nil {
		return fmt.Errorf("open a pack: %w", err)
	}
	r.section = io.NewSectionReader(r.file, 0, 1<<62)
	r.buffer.Reset(r.section)
	if r.pack != p {
		r.pack, r.bases, r.held = p, map[int64]gitObject{}, 0
	}
	return nil
}

// seek turns to an offset, which mostly is in the buffer already.
func (r *packReader) seek(offset int64) error {
	end, err := r.section.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if ahead := offset - (end - int64(r.buffer.Buffered())); ahead >= 0 && offset <= end {
		_, err = r.buffer.Discard(int(ahead))
		return err
	}
	_, err = r.section.Seek(offset, io.SeekStart)
	r.buffer.Reset(r.section)
	return err
}

// A delta is what makes an object of its base.
type delta struct {
	offset  int64 // of the object
	changes []byte
}

// read reads an object: the deltas down to one that is whole, or was kept, and what they
// make of it.
func (r *packReader) read(p *pack, at place, most bound) (found gitObject, err error) {
	if err := r.open(p); err != nil {
		return found, err
	}
	var deltas []delta
	offset := at.offset
	found, ok := r.bases[offset]
	for ; !ok; found, ok = r.bases[offset] {
		var base int64
		if found, base, err = r.entry(offset, at.id, most); err != nil {
			return found, err
		}
		if !found.kind.IsDelta() {
			r.keep(offset, found)
			break
		}
		if deltas = append(deltas, delta{offset, found.content}); len(deltas) > maxDeltas {
			return found, fmt.Errorf("it is more than %d deltas deep", maxDeltas)
		}
		offset, most = base, anyObject
	}
	for _, d := range slices.Backward(deltas) {
		if found.content, err = packfile.PatchDelta(found.content, d.changes); err != nil {
			return found, err
		}
		r.keep(d.offset, found)
	}
	found.id = at.id
	return found, nil
}

// keep keeps an object, which neighbours in the pack may be deltas of.
func (r *packReader) keep(offset int64, o gitObject) {
	if r.held += len(o.content); r.held > deltaBases {
		clear(r.bases)
		r.held = len(o.content)
	}
	r.bases[offset] = o
}

// entry reads what lies at an offset: an object, or a delta of the object at the offset
// base. What it makes may have most bytes.
func (r *packReader) entry(offset int64, id plumbing.Hash, most bound) (found gitObject, base int64, err error) {
	if err := r.seek(offset); err != nil {
		return found, 0, err
	}
	var size int64
	if found.kind, size, err = r.header(); err != nil {
		return found, 0, err
	}
	switch found.kind {
	case plumbing.OFSDeltaObject:
		base, err = gitbinary.ReadVariableWidthInt(r.buffer)
		base = offset - base
	case plumbing.REFDeltaObject:
		var of plumbing.Hash
		if _, err = io.ReadFull(r.buffer, of[:]); err == nil {
			base, err = r.pack.index.FindOffset(of)
		}
	default:
		err = most.check(id, size)
	}
	if err == nil {
		err = anyObject.check(id, size)
	}
	if err == nil {
		found.content, err = r.inflated(size)
	}
	if err == nil && found.kind.IsDelta() {
		_, n := binary.Uvarint(found.content) // the size of the base
		made, _ := binary.Uvarint(found.content[max(n, 0):])
		err = most.check(id, int64(min(made, 1<<62)))
	}
	return found, base, err
}

// header reads what kind an entry is, and how many bytes it unpacks to.
func (r *packReader) header() (kind plumbing.ObjectType, size int64, err error) {
	b, err := r.buffer.ReadByte()
	kind, size = plumbing.ObjectType(b>>4&7), int64(b&15)
	for shift := 4; err == nil && b >= 0x80; shift += 7 {
		if b, err = r.buffer.ReadByte(); shift > 53 {
			return kind, size, fmt.Errorf("its size cannot be")
		}
		size |= int64(b&0x7f) << shift
	}
	return kind, size, err
}

// inflated unpacks so many bytes, and checks their sum.
func (r *packReader) inflated(size int64) ([]byte, error) {
	var err error
	if r.inflate == nil {
		r.inflate, err = zlib.NewReader(r.buffer)
	} else {
		err = r.inflate.(zlib.Resetter).Reset(r.buffer, nil)
	}
	if err != nil {
		return nil, err
	}
	return readSized(r.inflate, size)
}

// readSized reads all, which is to be so many bytes. What a head says takes no memory before
// that much comes.
func readSized(r io.Reader, size int64) ([]byte, error) {
	var all bytes.Buffer
	all.Grow(int(min(size, 1<<20)) + bytes.MinRead)
	n, err := all.ReadFrom(io.LimitReader(r, size+1))
	if err == nil && n != size {
		err = fmt.Errorf("it does not have the %d bytes that its head says", size)
	}
	return all.Bytes(), err
}
