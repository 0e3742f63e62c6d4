package remote

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// PackLimits bound a pack that a server sends. All but Objects are in bytes.
type PackLimits struct {
	Pack     int64 // as sent
	Objects  uint32
	Object   int64 // one object, unpacked
	Unpacked int64 // all objects, unpacked
}

// Packs are the limits of all packs: several times those of the whole history of
// the largest repositories that Magento has, and of what GitHub takes (files of
// 100 MB).
var Packs = PackLimits{Pack: 4 << 30, Objects: 16 << 20, Object: 512 << 20, Unpacked: 256 << 30}

// A LimitError says which limit a pack broke. Asking again does not help.
type LimitError struct {
	What       string // "the pack", or an object with its place in the pack
	Has, Limit uint64
	Unit       string
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s has %d %s, more than %d: the server is broken or hostile; see what it serves", e.What, e.Has, e.Unit, e.Limit)
}

// ReadPack hands a pack to do, which never gets ahead of the check: what breaks a
// limit ends the reading, with a LimitError, before do has the object's content.
// An object that is a delta is measured by what it unpacks to.
func ReadPack(pack io.Reader, l PackLimits, do func(io.Reader) error) error {
	c := &checked{pack: pack, left: l.Pack, limits: l}
	next, stop := iter.Pull(c.check)
	defer stop()
	c.next = next
	err := do(c)
	// The limit is the cause, whatever do made of it.
	var limit *LimitError
	if errors.As(c.failed, &limit) && !errors.As(err, &limit) {
		err = errors.Join(limit, err)
	}
	return err
}

// checked reads a pack and checks each part before it gives it on.
type checked struct {
	pack   io.Reader
	left   int64 // of the pack's limit
	limits PackLimits
	part   []byte               // what the check has yet to read
	ended  bool                 // no part follows
	next   func() (error, bool) // lets the check go on until it needs the next part
	failed error
}

func (c *checked) Read(p []byte) (int, error) {
	if c.failed != nil {
		return 0, c.failed
	}
	n, err := c.pack.Read(p)
	if c.left -= int64(n); c.left < 0 {
		c.failed = &LimitError{What: "the pack", Has: uint64(c.limits.Pack - c.left), Limit: uint64(c.limits.Pack), Unit: "bytes"}
		return 0, c.failed
	}
	c.part, c.ended = p[:n], err != nil
	found, going := c.next()
	// That a pack ends too early is for its reader to say.
	short := errors.Is(found, io.EOF) || errors.Is(found, io.ErrUnexpectedEOF) || errors.Is(found, packfile.ErrEmptyPackfile)
	if going && found != nil && !(c.ended && short) {
		c.failed = found
		return 0, found
	}
	return n, err
}

// check follows the pack, and yields when it needs its next part (nil) or when it
// found what may not be.
func (c *checked) check(yield func(error) bool) {
	gone := false
	err := c.limits.follow(reader(func(p []byte) (int, error) {
		for len(c.part) == 0 {
			if c.ended || gone {
				return 0, io.EOF
			}
			gone = !yield(nil)
		}
		n := copy(p, c.part)
		c.part = c.part[n:]
		return n, nil
	}))
	if err != nil && !gone {
		yield(err)
	}
}

type reader func([]byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }

// follow reads a pack object by object and keeps nothing of it.
func (l PackLimits) follow(pack io.Reader) error {
	s := packfile.NewScanner(pack)
	_, count, err := s.Header()
	if err != nil {
		return err
	}
	if count > l.Objects {
		return &LimitError{What: "the pack", Has: uint64(count), Limit: uint64(l.Objects), Unit: "objects"}
	}
	left := l.Unpacked
	for range count {
		h, err := s.NextObjectHeader()
		if err != nil {
			return err
		}
		object := fmt.Sprintf("the object at byte %d of the pack", h.Offset)
		if h.Length > l.Object {
			return &LimitError{What: object, Has: uint64(h.Length), Limit: uint64(l.Object), Unit: "bytes"}
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
			return &LimitError{What: "the pack, unpacked,", Has: uint64(l.Unpacked - left), Limit: uint64(l.Unpacked), Unit: "bytes"}
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
			return 0, &LimitError{What: d.object, Has: d.size, Limit: d.limit, Unit: "bytes"}
		}
	}
	return len(p), nil
}
