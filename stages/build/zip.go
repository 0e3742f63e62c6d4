package build

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"
)

// The zip format by PKWARE's APPNOTE.TXT 6.3; we write it ourselves because the
// bytes must not change with the release of Go. An entry has no extra field, no
// comment and no data descriptor.
const (
	localSignature     = 0x04034b50
	centralSignature   = 0x02014b50
	endSignature       = 0x06054b50
	end64Signature     = 0x06064b50
	locator64Signature = 0x07064b50

	localSize = 30 // bytes of a local header before its name

	madeBy   = 3<<8 | 20 // Unix, so that modes count; 2.0
	need     = 20        // 2.0: deflate and directories
	need64   = 45
	utf8Flag = 1 << 11

	methodStore   = 0
	methodDeflate = 8

	// The time of every entry, 2022-02-22 22:02:22, as in all dists of Mage-OS
	// so far. It is well above 1980-01-01, the first that zip can express:
	// files extracted with that in one time zone cannot be zipped in another.
	zipTime = 22<<11 | 2<<5 | 22/2
	zipDate = (2022-1980)<<9 | 2<<5 | 22

	zipLimit = math.MaxUint32 // of a file and of a dist, in bytes; Composer's tools need no zip64 below
)

// A zipWriter writes the frame around entries' packed contents.
type zipWriter struct {
	w       io.Writer
	offset  int64  // of the next entry
	central []byte // rows of the central directory
	count   int
	scratch []byte
}

// header begins an entry: the caller then writes its packed content.
func (z *zipWriter) header(e *entry) error {
	// The limit leaves a byte: the greatest value announces a zip64 field.
	if next := z.offset + localSize + int64(len(e.path)) + e.packed; next >= zipLimit || e.size >= zipLimit {
		return fmt.Errorf("%s makes the dist larger than 4 GiB; exclude large files from the package", e.path)
	}
	le := binary.LittleEndian
	common := func(b []byte) []byte {
		b = le.AppendUint16(b, need)
		b = le.AppendUint16(b, nameFlag(e.path))
		b = le.AppendUint16(b, e.method)
		b = le.AppendUint16(b, zipTime)
		b = le.AppendUint16(b, zipDate)
		b = le.AppendUint32(b, e.crc)
		b = le.AppendUint32(b, uint32(e.packed))
		b = le.AppendUint32(b, uint32(e.size))
		b = le.AppendUint16(b, uint16(len(e.path)))
		return le.AppendUint16(b, 0) // extra field
	}
	b := common(le.AppendUint32(z.scratch[:0], localSignature))
	z.scratch = append(b, e.path...)

	c := le.AppendUint32(z.central, centralSignature)
	c = common(le.AppendUint16(c, madeBy))
	c = le.AppendUint16(c, 0) // comment
	c = le.AppendUint16(c, 0) // disk
	c = le.AppendUint16(c, 0) // internal attributes
	c = le.AppendUint32(c, attributes(e))
	c = le.AppendUint32(c, uint32(z.offset))
	z.central = append(c, e.path...)

	z.count++
	z.offset += int64(len(z.scratch)) + e.packed
	_, err := z.w.Write(z.scratch)
	return err
}

// nameFlag says that a name is UTF-8, as all paths are, where it is not plain ASCII.
func nameFlag(name string) uint16 {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return utf8Flag
		}
	}
	return 0
}

// attributes are the Unix mode above MS-DOS's flag for directories.
func attributes(e *entry) uint32 {
	a := uint32(e.mode) << 16
	if e.directory() {
		a |= 0x10
	}
	return a
}

// finish writes the central directory and its end.
func (z *zipWriter) finish() error {
	le := binary.LittleEndian
	size := int64(len(z.central))
	if z.offset+size >= zipLimit {
		return errors.New("the dist is larger than 4 GiB; exclude large files from the package")
	}
	b := z.central
	short := uint16(min(z.count, math.MaxUint16))
	if short == math.MaxUint16 {
		b = z.end64(b)
	}
	b = le.AppendUint32(b, endSignature)
	b = le.AppendUint16(b, 0) // this disk
	b = le.AppendUint16(b, 0) // disk of the directory
	b = le.AppendUint16(b, short)
	b = le.AppendUint16(b, short)
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint32(b, uint32(z.offset))
	b = le.AppendUint16(b, 0) // comment
	_, err := z.w.Write(b)
	return err
}

// end64 appends the record that holds a number of entries above 65,534.
func (z *zipWriter) end64(b []byte) []byte {
	le := binary.LittleEndian
	size := uint64(len(b))
	b = le.AppendUint32(b, end64Signature)
	b = le.AppendUint64(b, 44) // bytes that follow
	b = le.AppendUint16(b, madeBy&^0xff|need64)
	b = le.AppendUint16(b, need64)
	b = le.AppendUint32(b, 0) // this disk
	b = le.AppendUint32(b, 0) // disk of the directory
	b = le.AppendUint64(b, uint64(z.count))
	b = le.AppendUint64(b, uint64(z.count))
	b = le.AppendUint64(b, size)
	b = le.AppendUint64(b, uint64(z.offset))
	b = le.AppendUint32(b, locator64Signature)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, uint64(z.offset)+size)
	return le.AppendUint32(b, 1) // disks
}
