package git

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-git/go-git/v5/plumbing"
)

// entry is an object of a pack as a server may send it: its size is what it says.
type entry struct {
	kind plumbing.ObjectType
	size uint64
	data string
}

// deltaOf is a delta of the pack's first object which says to make this much.
func deltaOf(size uint64) entry {
	data := string(binary.AppendUvarint([]byte{4}, size)) + "\x90\x04" // copy 4 bytes
	return entry{plumbing.REFDeltaObject, uint64(len(data)), data}
}

func packOf(t *testing.T, count uint32, entries ...entry) []byte {
	t.Helper()
	pack := bytes.NewBufferString("PACK")
	pack.Write(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 2), count))
	for _, e := range entries {
		first, size := byte(e.kind)<<4|byte(e.size&0xf), e.size>>4
		for ; size > 0; size >>= 7 {
			pack.WriteByte(first | 0x80)
			first = byte(size & 0x7f)
		}
		pack.WriteByte(first)
		if e.kind == plumbing.REFDeltaObject {
			id := plumbing.ComputeHash(plumbing.BlobObject, []byte("base"))
			pack.Write(id[:])
		}
		w := zlib.NewWriter(pack)
		if _, err := w.Write([]byte(e.data)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	sum := sha1.Sum(pack.Bytes())
	return append(pack.Bytes(), sum[:]...)
}

func TestReadPack(t *testing.T) {
	limits := packLimits{Pack: 2000, Objects: 3, Object: 1000, Unpacked: 1500}
	base := entry{plumbing.BlobObject, 4, "base"}
	thousand := entry{plumbing.BlobObject, 1000, strings.Repeat("x", 1000)}
	tests := map[string]struct {
		pack []byte
		want string // "": it is given on unchanged
	}{
		"at the limits":  {packOf(t, 3, base, thousand, deltaOf(4)), ""},
		"empty":          {nil, ""},
		"cut off":        {packOf(t, 3, base, thousand)[:40], ""},
		"no pack":        {[]byte("<html>no"), "malformed pack file signature"},
		"objects":        {packOf(t, 4, base), "the pack has 4 objects, more than 3"},
		"object":         {packOf(t, 2, base, entry{plumbing.BlobObject, 1 << 40, "boom"}), "the object at byte 29 of the pack has 1099511627776 bytes, more than 1000"},
		"delta":          {packOf(t, 2, base, deltaOf(1<<40)), "the object at byte 29 of the pack has 1099511627776 bytes, more than 1000"},
		"all objects":    {packOf(t, 3, base, thousand, deltaOf(900)), "the pack, unpacked, has 1904 bytes, more than 1500"},
		"more than said": {packOf(t, 1, entry{plumbing.BlobObject, 1, strings.Repeat("x", 500)}), "exceeds declared"},
		"pack":           {append(packOf(t, 1, base), make([]byte, 3000)...), "bytes, more than 2000"},
	}
	for name, test := range tests {
		for how, wrap := range map[string]func(io.Reader) io.Reader{
			"at once": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "with its end": iotest.DataErrReader,
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				var got []byte
				err := readPack(wrap(bytes.NewReader(test.pack)), limits, func(r io.Reader) (err error) {
					got, err = io.ReadAll(r)
					return err
				})
				if test.want == "" {
					if err != nil || !bytes.Equal(got, test.pack) {
						t.Errorf("%v; got %d bytes of %d", err, len(got), len(test.pack))
					}
					return
				}
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want %q", err, test.want)
				}
			})
		}
	}
}

// Who reads a pack may hide the cause of its failure, or stop early.
func TestReadPackCause(t *testing.T) {
	bad := packOf(t, 1, entry{plumbing.BlobObject, 1 << 40, "boom"})
	hidden := errors.New("cannot parse")
	err := readPack(bytes.NewReader(bad), packs, func(r io.Reader) error {
		_, _ = io.ReadAll(r)
		return hidden
	})
	var limit *packError
	if !errors.As(err, &limit) || !errors.Is(err, hidden) {
		t.Errorf("%v", err)
	}
	err = readPack(bytes.NewReader(bad), packs, func(io.Reader) error { return hidden })
	if err != hidden {
		t.Errorf("nothing was read: %v", err)
	}
}
