package pipeline

import (
	"errors"
	"io"
	"io/fs"
)

// An openDir is an opened folder of a tree.
type openDir struct {
	entry *entry
	rest  []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.entry, nil }
func (d *openDir) Close() error               { return nil }

func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.entry.name, Err: errors.New("is a directory")}
}

// ReadDir implements fs.ReadDirFile.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 || n > len(d.rest) {
		if n > 0 && len(d.rest) == 0 {
			return nil, io.EOF
		}
		n = len(d.rest)
	}
	list := append([]fs.DirEntry{}, d.rest[:n]...)
	d.rest = d.rest[n:]
	return list, nil
}

// An openFile is an opened file of a tree. A read from the beginning goes
// through the content's own Read, which checks the digest; only what was sought
// elsewhere is read past it.
type openFile struct {
	entry   *entry
	content Content
	offset  int64 // of the next Read
	stream  int64 // of the content's own next Read
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.entry, nil }
func (f *openFile) Close() error               { return f.content.Close() }

func (f *openFile) Read(p []byte) (int, error) {
	if f.offset == f.stream {
		n, err := f.content.Read(p)
		f.offset += int64(n)
		f.stream = f.offset
		return n, err
	}
	if f.offset >= f.entry.Size() {
		return 0, io.EOF
	}
	if ahead := f.stream - f.offset; ahead > 0 && int64(len(p)) > ahead {
		p = p[:ahead] // then the stream goes on, with its check
	}
	n, err := f.content.ReadAt(p, f.offset)
	f.offset += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// ReadAt implements io.ReaderAt.
func (f *openFile) ReadAt(p []byte, offset int64) (int, error) {
	return f.content.ReadAt(p, offset)
}

// Seek implements io.Seeker.
func (f *openFile) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.offset
	case io.SeekEnd:
		offset += f.entry.Size()
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, &fs.PathError{Op: "seek", Path: f.entry.name, Err: fs.ErrInvalid}
	}
	f.offset = offset
	return offset, nil
}
