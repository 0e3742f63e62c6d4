package diff

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/klauspost/compress/zip"

	"github.com/mage-os/nightly/pipeline/files"
)

// The bounds of a zip. The largest real one, the framework, has 5,000 files of 30 MB.
const (
	maxEntries  = 200_000
	maxUnpacked = 2 << 30  // bytes of all files
	maxRatio    = 200      // unpacked to packed; text packs to a tenth
	smallZip    = 1 << 20  // bytes unpacked from which the ratio counts
	maxShown    = 64 << 20 // bytes of a file whose content is compared
)

// OpenZip opens a zip and refuses one that unpacks to more than any package has.
// Reading a file stops at the size that is looked at here.
func OpenZip(r io.ReaderAt, size int64) (*zip.Reader, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("is no zip that can be read: %w", err)
	}
	if len(z.File) > maxEntries {
		return nil, fmt.Errorf("has %d entries, more than %d", len(z.File), maxEntries)
	}
	var total uint64
	for _, f := range z.File {
		total += min(f.UncompressedSize64, maxUnpacked+1)
		if total > maxUnpacked || total > smallZip && total/maxRatio > uint64(size) { //nolint:gosec // not negative
			return nil, fmt.Errorf("is a zip bomb: %d bytes unpack to more than %d", size, total)
		}
	}
	return z, nil
}

// ZipSums returns the SHA-256 of every plain file of a zip, in hexadecimal, by its path.
func ZipSums(r io.ReaderAt, size int64) (map[string]string, error) {
	z, err := OpenZip(r, size)
	if err != nil {
		return nil, err
	}
	sums := make(map[string]string, len(z.File))
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") || f.Mode()&fs.ModeSymlink != 0 {
			continue
		}
		content, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		sums[f.Name], err = Sum(content)
		if err = errors.Join(err, content.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return sums, nil
}

// Sum returns the SHA-256 of all that a reader has, in hexadecimal.
func Sum(r io.Reader) (string, error) {
	sum := sha256.New()
	_, err := io.Copy(sum, r)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// zips says how the files of two zips differ, and what the zips say of each.
func zips(theirs, ours []byte) (string, error) {
	a, errTheirs := zipFiles(theirs)
	b, errOurs := zipFiles(ours)
	if err := errors.Join(errTheirs, errOurs); err != nil {
		return "", err
	}
	var details []string
	for _, p := range Pairs(a, b) {
		detail, err := zipFile(p)
		if err != nil {
			return "", err
		}
		if detail != "" {
			details = append(details, p.Key+": "+detail)
		}
	}
	if len(details) == 0 {
		return fmt.Sprintf("the zips hold the same files, but are packed otherwise: theirs %d bytes, ours %d, different from byte %d on", len(theirs), len(ours), firstDifference(theirs, ours)), nil
	}
	return strings.Join(details, "\n"), nil
}

func zipFiles(data []byte) (map[string]*zip.File, error) {
	z, err := OpenZip(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	files := make(map[string]*zip.File, len(z.File))
	for _, f := range z.File {
		files[f.Name] = f
	}
	return files, nil
}

func zipFile(p Pair[*zip.File]) (string, error) {
	if p.What != Content {
		return string(p.What), nil
	}
	a, errTheirs := readEntry(p.Theirs)
	b, errOurs := readEntry(p.Ours)
	if err := errors.Join(errTheirs, errOurs); err != nil {
		return "", err
	}
	if !bytes.Equal(a, b) {
		return "its content differs\n" + text(p.Key, a, b), nil
	}
	for _, property := range []struct {
		name         string
		theirs, ours any
	}{
		{"mode", p.Theirs.Mode(), p.Ours.Mode()},
		{"time", p.Theirs.Modified.UTC(), p.Ours.Modified.UTC()},
		{"method", p.Theirs.Method, p.Ours.Method},
		{"extra field", fmt.Sprintf("%x", p.Theirs.Extra), fmt.Sprintf("%x", p.Ours.Extra)},
	} {
		if property.theirs != property.ours {
			return fmt.Sprintf("its %s is %v in theirs, %v in ours", property.name, property.theirs, property.ours), nil
		}
	}
	return "", nil
}

func readEntry(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // read only: nothing is lost
	return files.ReadAll(r, f.Name+" in the zip", maxShown)
}
