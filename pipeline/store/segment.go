package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
)

// A segment is one file with many small contents. What stands in it:
//
//	the contents, in any order
//	for each its SHA-256, its offset and its size (8 bytes each, big-endian)
//	the number of contents (8 bytes, big-endian)
//
// Its name is the SHA-256 of all after the contents, so that one which was cut
// off or overwritten there is noticed when it is opened. The contents are
// checked when they are read.
type segment struct {
	path string
	size int64   // of the whole file; 0 while it is being written
	file *handle // nil: it is not open
}

// The sizes, in bytes, of an entry of a segment's index and of what ends it.
const (
	entrySize   = sha256.Size + 8 + 8
	trailerSize = 8
)

// fullSegment is the size, in bytes of contents, at which another segment is
// begun.
const fullSegment = 64 << 20

// A sum is a digest in half the memory.
type sum [sha256.Size]byte

// parseSum reports an error for what is no digest.
func parseSum(d pipeline.Digest) (s sum, err error) {
	if err := d.Valid(); err != nil {
		return s, err
	}
	_, err = hex.Decode(s[:], []byte(d))
	return s, err
}

func (s sum) digest() pipeline.Digest { return pipeline.Digest(hex.EncodeToString(s[:])) }

// An entry says where a content lies in a segment, in bytes.
type entry struct {
	sum          sum
	offset, size int64
}

// errSegment says that a file is no whole segment.
var errSegment = errors.New("the segment is damaged")

// readSegment reads the index of the segment at a path. The file may have been
// opened when it had another one.
func readSegment(f *os.File, path string) (segment, []entry, error) {
	bad := func(why string) (segment, []entry, error) {
		return segment{}, nil, fmt.Errorf("%w: %s %s", errSegment, path, why)
	}
	info, err := f.Stat()
	if err != nil {
		return segment{}, nil, err
	}
	if info.Size() < trailerSize {
		return bad("is cut off")
	}
	var trailer [trailerSize]byte
	if _, err := f.ReadAt(trailer[:], info.Size()-trailerSize); err != nil {
		return segment{}, nil, err
	}
	count := binary.BigEndian.Uint64(trailer[:])
	if count > uint64(info.Size()-trailerSize)/entrySize {
		return bad("has no index at its end")
	}
	index := make([]byte, int64(count)*entrySize+trailerSize)
	start := info.Size() - int64(len(index))
	if _, err := f.ReadAt(index, start); err != nil {
		return segment{}, nil, err
	}
	if pipeline.DigestOf(index) != pipeline.Digest(filepath.Base(path)) {
		return bad("has another index than its name says")
	}
	entries := make([]entry, count)
	for i := range entries {
		e := &entries[i]
		line := index[i*entrySize:]
		copy(e.sum[:], line)
		e.offset = int64(binary.BigEndian.Uint64(line[sha256.Size:]))
		e.size = int64(binary.BigEndian.Uint64(line[sha256.Size+8:]))
		if e.offset < 0 || e.size < 0 || e.offset > start || e.size > start-e.offset {
			return bad("names contents outside of it")
		}
	}
	return segment{path: path, size: info.Size()}, entries, nil
}

// A segmentWriter fills a segment under a temporary name. It is not safe for
// several goroutines.
type segmentWriter struct {
	dir     string
	file    *os.File
	end     int64  // of the contents
	pending []byte // the last of them, which are not written yet
	entries []entry
}

// pendingSize is how many bytes wait to be written at once. Most contents have a few
// thousand.
const pendingSize = 256 << 10

func newSegment(dir string) (*segmentWriter, error) {
	f, err := create(dir)
	if err != nil {
		return nil, explain(dir, err)
	}
	return &segmentWriter{dir: dir, file: f}, nil
}

// add writes one content. After an error the segment can still be used.
func (w *segmentWriter) add(s sum, content []byte) (entry, error) {
	e := entry{sum: s, offset: w.end, size: int64(len(content))}
	w.pending = append(w.pending, content...)
	w.end += e.size
	if len(w.pending) >= pendingSize {
		if err := w.flush(); err != nil {
			w.end = e.offset
			w.pending = w.pending[:len(w.pending)-len(content)]
			return entry{}, err
		}
	}
	w.entries = append(w.entries, e)
	return e, nil
}

// flush writes what is pending.
func (w *segmentWriter) flush() error {
	if _, err := w.file.WriteAt(w.pending, w.end-int64(len(w.pending))); err != nil {
		return explain(w.file.Name(), err)
	}
	w.pending = w.pending[:0]
	return nil
}

// copy adds contents of another segment. One that is damaged is left out: who
// misses it makes it anew.
func (w *segmentWriter) copy(f *os.File, entries []entry) error {
	for _, e := range entries {
		content := make([]byte, e.size)
		if _, err := f.ReadAt(content, e.offset); err != nil {
			return fmt.Errorf("read content %s: %w", e.sum.digest(), err)
		}
		if sha256.Sum256(content) != e.sum {
			continue
		}
		if _, err := w.add(e.sum, content); err != nil {
			return err
		}
	}
	return nil
}

// copyFrom adds the contents of the segment at a path that are wanted.
func (w *segmentWriter) copyFrom(path string, wanted func(sum) bool) error {
	f, err := files.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, entries, err := readSegment(f, path)
	if err != nil {
		return err
	}
	return w.copy(f, slices.DeleteFunc(entries, func(e entry) bool { return !wanted(e.sum) }))
}

// remove takes a content out again.
func (w *segmentWriter) remove(s sum) {
	w.entries = slices.DeleteFunc(w.entries, func(e entry) bool { return e.sum == s })
}

// seal gives the segment its index and its name. Nothing is left of it after an
// error.
func (w *segmentWriter) seal(d durability) (segment, error) {
	index := make([]byte, 0, len(w.entries)*entrySize+trailerSize)
	for _, e := range w.entries {
		index = append(index, e.sum[:]...)
		index = binary.BigEndian.AppendUint64(index, uint64(e.offset))
		index = binary.BigEndian.AppendUint64(index, uint64(e.size))
	}
	index = binary.BigEndian.AppendUint64(index, uint64(len(w.entries)))
	path := filepath.Join(w.dir, string(pipeline.DigestOf(index)))
	err := w.flush()
	if err == nil {
		err = w.file.Truncate(w.end) // of what a failed write left
	}
	if err == nil {
		_, err = w.file.WriteAt(index, w.end)
	}
	if err := complete(w.file, path, d, err); err != nil {
		return segment{}, err
	}
	return segment{path: path, size: w.end + int64(len(index))}, nil
}

// discard removes the segment unfinished.
func (w *segmentWriter) discard() error {
	return errors.Join(w.file.Close(), os.Remove(w.file.Name()))
}
