package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// treeHeader opens the canonical form of a tree. A change of the form changes
// its number, so that no old digest can name a new tree.
const treeHeader = "nightly tree 1\n"

// EncodeTree gives a tree's canonical form, whose SHA-256 is the tree's digest:
// the line "nightly tree 1", then one line for each file in byte order of the
// paths: the mode in six octal digits, the content's digest, its size in
// decimal and the path, each followed by one space, the path by a line feed. It
// does not change files. All that is wrong with them is reported at once.
func EncodeTree(files []File) ([]byte, Tree, error) {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	var errs []error
	length := len(treeHeader)
	for i := range files {
		length += len(files[i].Path) + 96
		errs = append(errs, checkFile(files[i]))
	}
	errs = append(errs, checkPaths(files))
	if err := errors.Join(errs...); err != nil {
		return nil, Tree{}, err
	}
	tree := Tree{Files: len(files)}
	data := append(make([]byte, 0, length), treeHeader...)
	for _, f := range files {
		tree.Size += f.Size
		data = strconv.AppendUint(data, uint64(f.Mode), 8)
		data = append(append(append(data, ' '), f.Digest...), ' ')
		data = append(strconv.AppendInt(data, f.Size, 10), ' ')
		data = append(append(data, f.Path...), '\n')
	}
	tree.Digest = DigestOf(data)
	return data, tree, nil
}

// DecodeTree reads what EncodeTree wrote; it accepts no other spelling of it.
func DecodeTree(data []byte) ([]File, error) {
	rest, ok := bytes.CutPrefix(data, []byte(treeHeader))
	if !ok {
		return nil, fmt.Errorf("no tree: it does not begin with %q", treeHeader)
	}
	if len(rest) > 0 && rest[len(rest)-1] != '\n' {
		return nil, errors.New("no tree: its last line is cut off")
	}
	files := make([]File, 0, bytes.Count(rest, []byte{'\n'}))
	// One string for all paths and digests: no allocation for each file.
	for text := string(rest); text != ""; {
		line, after, _ := strings.Cut(text, "\n")
		f, err := parseFile(line)
		if err != nil {
			return nil, fmt.Errorf("no tree: line %d: %w", len(files)+2, err)
		}
		if n := len(files); n > 0 && files[n-1].Path >= f.Path {
			return nil, fmt.Errorf("no tree: line %d: %q does not come after %q", n+2, f.Path, files[n-1].Path)
		}
		files, text = append(files, f), after
	}
	if err := checkPaths(files); err != nil {
		return nil, fmt.Errorf("no tree: %w", err)
	}
	return files, nil
}

func parseFile(line string) (File, error) {
	mode, rest, _ := strings.Cut(line, " ")
	digest, rest, _ := strings.Cut(rest, " ")
	size, path, found := strings.Cut(rest, " ")
	if !found {
		return File{}, errors.New("it has not four fields")
	}
	m, err := strconv.ParseUint(mode, 8, 32)
	if err != nil || len(mode) != 6 {
		return File{}, fmt.Errorf("%q is no mode", mode)
	}
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil || size[0] == '+' || size[0] == '-' || (size[0] == '0' && size != "0") {
		return File{}, fmt.Errorf("%q is no size", size)
	}
	f := File{Path: path, Mode: Mode(m), Size: n, Digest: Digest(digest)}
	return f, checkFile(f)
}

func checkFile(f File) error {
	if err := ValidPath(f.Path); err != nil {
		return err
	}
	switch {
	case f.Mode != Regular && f.Mode != Executable && f.Mode != Symlink:
		return fmt.Errorf("file %s: %o is no mode of a file in a tree", f.Path, f.Mode)
	case f.Size < 0:
		return fmt.Errorf("file %s: %d is no size", f.Path, f.Size)
	}
	if err := f.Digest.Valid(); err != nil {
		return fmt.Errorf("file %s: %w", f.Path, err)
	}
	return nil
}

// checkPaths finds, in sorted files, a path that comes twice or is a file and a
// folder at once: nothing could write such a tree to a disk.
func checkPaths(files []File) error {
	var errs []error
	names := make(map[string]struct{}, len(files))
	for i, f := range files {
		if i > 0 && files[i-1].Path == f.Path {
			errs = append(errs, fmt.Errorf("path %q comes twice in a tree", f.Path))
		}
		names[f.Path] = struct{}{}
	}
	seen := "" // the folder looked at last: most files lie beside their neighbour
	for _, f := range files {
		cut := strings.LastIndexByte(f.Path, '/')
		if cut < 0 || f.Path[:cut] == seen {
			continue
		}
		seen = f.Path[:cut]
		for dir := seen; dir != ""; dir = dir[:max(0, strings.LastIndexByte(dir, '/'))] {
			if _, ok := names[dir]; ok {
				errs = append(errs, fmt.Errorf("path %q is a file, and the folder of %q", dir, f.Path))
			}
		}
	}
	return errors.Join(errs...)
}

// DigestOf gives the digest of one content.
func DigestOf(data []byte) Digest {
	sum := sha256.Sum256(data)
	return Digest(hex.EncodeToString(sum[:]))
}

// Valid says whether d is 64 lower-case hexadecimal digits, so that it can be
// part of a file's name.
func (d Digest) Valid() error {
	if len(d) != hex.EncodedLen(sha256.Size) {
		return fmt.Errorf("%q is no digest: it has not 64 digits", shorten(string(d)))
	}
	// Without a branch for each digit: a tree has a hundred thousand of them.
	var bad byte
	for i := range hex.EncodedLen(sha256.Size) {
		bad |= notHex[d[i]]
	}
	if bad != 0 {
		return fmt.Errorf("%q is no digest: it is not lower-case hexadecimal", string(d))
	}
	return nil
}

// notHex is 1 for what is no lower-case hexadecimal digit.
var notHex = func() (table [256]byte) {
	for i := range table {
		if !strings.ContainsRune("0123456789abcdef", rune(i)) {
			table[i] = 1
		}
	}
	return table
}()
