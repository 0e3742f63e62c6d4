package git

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// packLimits bound a pack that a server sends. All but Objects are in bytes.
type packLimits struct {
	Pack     int64 // as sent
	Objects  uint32
	Object   int64 // one object, unpacked
	Unpacked int64 // all objects, unpacked
}

// packs are the limits of all packs: several times those of the whole history of
// the largest repositories that Magento has, and of what GitHub takes (files of
// 100 MB).
var packs = packLimits{Pack: 4 << 30, Objects: 16 << 20, Object: MaxObject, Unpacked: 256 << 30}

// MaxObject bounds an object, in bytes.
const MaxObject = 512 << 20

// A packError says which limit a pack broke. Asking again does not help.
type packError struct {
	What       string // "the pack", or an object with its place in the pack
	Has, Limit uint64
	Unit       string
}

func (e *packError) Error() string {
	return fmt.Sprintf("%s has %d %s, more than %d: the server is broken or hostile; see what it serves", e.What, e.Has, e.Unit, e.Limit)
}

// readPack hands a pack to do, which never gets ahead of the check: what breaks a
// limit ends the reading, with a packError, before do has it. (go-git makes room for as
// many objects as the first bytes say.) An object that is a delta is measured by what it
// unpacks to.
func readPack(pack io.Reader, l packLimits, do func(io.Reader) error) error {
	parts, copied := io.Pipe()
	checked := make(chan error, 1)
	go func() {
		c := &sized{parts, l.Pack, l.Pack}
		err := l.follow(c)
		// That a pack ends too early is for its reader to say.
		if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, packfile.ErrEmptyPackfile) {
			_, err = io.Copy(io.Discard, c)
		}
		parts.CloseWithError(err)
		checked <- err
	}()
	err := do(io.TeeReader(pack, checkedWriter{copied}))
	copied.Close()
	if found := <-checked; errors.As(found, new(*packError)) && !errors.As(err, new(*packError)) {
		err = errors.Join(found, err) // the limit is the cause, whatever do made of it
	}
	return err
}

// A checkedWriter returns when what it wrote was not only taken but looked at: the reader
// wants more.
type checkedWriter struct{ *io.PipeWriter }

// Write implements io.Writer. A TeeReader gives on what was written, so that is all or
// nothing.
func (w checkedWriter) Write(p []byte) (int, error) {
	_, err := w.PipeWriter.Write(p)
	if err == nil {
		_, err = w.PipeWriter.Write(nil)
	}
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// A sized reader ends a pack that is too long.
type sized struct {
	io.Reader
	left, limit int64
}

func (s *sized) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if s.left -= int64(n); s.left < 0 {
		return 0, &packError{What: "the pack", Has: uint64(s.limit - s.left), Limit: uint64(s.limit), Unit: "bytes"}
	}
	return n, err
}

// follow reads a pack object by object and keeps nothing of it.
func (l packLimits) follow(pack io.Reader) error {
	s := packfile.NewScanner(pack)
	_, count, err := s.Header()
	if err != nil {
		return err
	}
	if count > l.Objects {
		return &packError{What: "the pack", Has: uint64(count), Limit: uint64(l.Objects), Unit: "objects"}
	}
	left := l.Unpacked
	for range count {
		h, err := s.NextObjectHeader()
		if err != nil {
			return err
		}
		object := fmt.Sprintf("the object at byte %d of the pack", h.Offset)
		if h.Length > l.Object {
			return &packError{What: object, Has: uint64(h.Length), Limit: uint64(l.Object), Unit: "bytes"}
		}
		d := &delta{limit: uint64(l.Object), object: object}
		to := io.Discard
		if h.Type.IsDelta() {
			to = d
		}
		if _, _, err = s.NextObject(to); err != nil {
			return err
		}
		if left -= max(h.Length, int64(d.size)); left < 0 {
			return &packError{What: "the pack, unpacked,", Has: uint64(l.Unpacked - left), Limit: uint64(l.Unpacked), Unit: "bytes"}
		}
	}
	return nil
}

// A delta is written to: it begins with two numbers, the size of its base and of
// what it makes (git's pack format, "Deltified representation").
type delta struct {
	limit  uint64
	object string
	head   []byte
	size   uint64
}

func (d *delta) Write(p []byte) (int, error) {
	if missing := 2*binary.MaxVarintLen64 - len(d.head); missing > 0 {
		d.head = append(d.head, p[:min(missing, len(p))]...)
		r := bytes.NewReader(d.head)
		_, err := binary.ReadUvarint(r)
		if err == nil {
			d.size, err = binary.ReadUvarint(r)
		}
		if err != nil {
			d.size = 0 // not all of it is here; a broken one is for the reader of the pack
		}
		if d.size > d.limit {
			return 0, &packError{What: d.object, Has: d.size, Limit: d.limit, Unit: "bytes"}
		}
	}
	return len(p), nil
}
