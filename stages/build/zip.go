package build

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/klauspost/compress/zip"
)

// The modes of entries in a zip: Unix's, with the type of the file.
const (
	zipRegular    = 0o100644
	zipExecutable = 0o100755
	zipSymlink    = 0o120777
	zipDirectory  = 0o040755
)

const (
	madeBy   = 3<<8 | 20 // Unix, so that modes count; 2.0
	utf8Flag = 1 << 11

	methodStore   = zip.Store
	methodDeflate = zip.Deflate

	// The time of every entry, 2022-02-22 22:02:22, as in all dists of Mage-OS
	// so far. It is well above 1980-01-01, the first that zip can express:
	// files extracted with that in one time zone cannot be zipped in another.
	zipTime = 22<<11 | 2<<5 | 22/2
	zipDate = (2022-1980)<<9 | 2<<5 | 22

	localSize   = 30             // bytes of a local header before its name
	centralSize = 46             // of a row of the central directory, before its name
	zipLimit    = math.MaxUint32 // of a file and of a dist, in bytes; Composer's tools need no zip64 below
)

// A zipWriter writes a dist. An entry has no extra field, no comment and no data descriptor.
// The library is pinned: the bytes must not change with the release of Go.
type zipWriter struct {
	*zip.Writer
	offset  int64 // of the next entry
	central int64 // bytes of the central directory
}

func newZipWriter(w *bufio.Writer) *zipWriter { return &zipWriter{Writer: zip.NewWriter(w)} }

// add writes an entry and its packed content.
func (z *zipWriter) add(e *entry, content writeFunc) error {
	// The limit leaves a byte: the greatest value announces a zip64 field.
	z.offset += localSize + int64(len(e.path)) + e.packed
	z.central += centralSize + int64(len(e.path))
	if z.offset >= zipLimit || e.size >= zipLimit {
		return fmt.Errorf("%s makes the dist larger than 4 GiB; exclude large files from the package", e.path)
	}
	header := &zip.FileHeader{
		Name: e.path, Flags: nameFlag(e.path), Method: e.method,
		CreatorVersion: madeBy, ReaderVersion: madeBy & 0xff,
		//lint:ignore SA1019 Modified would add a field
		ModifiedTime: zipTime, ModifiedDate: zipDate,
		CRC32: e.crc, CompressedSize64: uint64(e.packed), UncompressedSize64: uint64(e.size),
		ExternalAttrs: attributes(e),
	}
	w, err := z.CreateRaw(header)
	if err == nil && content != nil {
		err = content(w)
	}
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
	if z.offset+z.central >= zipLimit {
		return errors.New("the dist is larger than 4 GiB; exclude large files from the package")
	}
	return z.Close()
}
