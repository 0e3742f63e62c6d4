package target

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/stages/publish/target/targettest"
)

// A syncLog says of each sync what was synced, and what lay at the place then.
type syncLog struct {
	t     *testing.T
	place string // of the file that is written
	lines []string
	fail  error
}

func (l *syncLog) take() []string {
	lines := l.lines
	l.lines = nil
	return lines
}

// file notes the sync of a file.
func (l *syncLog) file(name string, content io.ReaderAt) {
	data, err := io.ReadAll(io.NewSectionReader(content, 0, 100))
	if err != nil {
		l.t.Error(err)
	}
	there, err := os.ReadFile(l.place)
	if err != nil && !missing(err) {
		l.t.Error(err)
	}
	if filepath.Base(filepath.Dir(name)) != tempDir {
		l.t.Errorf("%s was synced, and is no temporary", name)
	}
	l.lines = append(l.lines, string(data)+" before "+string(there))
}

// folder is a folder that notes what it syncs.
func (l *syncLog) folder(dir string) *folder {
	f := newFolder(dir)
	f.sync = func(file file) error {
		if info, err := file.Stat(); err != nil {
			l.t.Error(err)
		} else if !info.IsDir() {
			l.file(file.Name(), file)
		} else {
			below, _ := filepath.Rel(dir, file.Name())
			l.lines = append(l.lines, below)
		}
		return errors.Join(l.fail, file.Sync())
	}
	return f
}

func write(t *testing.T, to Target, name, content string) {
	t.Helper()
	if err := to.Write(t.Context(), name, Bytes([]byte(content))); err != nil {
		t.Fatal(err)
	}
}

// A file is on the disk before it is at its place, and its folders' entries are when
// Flush returns: else a crash could leave an empty file, or lose one that is named.
func TestFolderSyncs(t *testing.T) {
	dir := t.TempDir()
	l := &syncLog{t: t, place: filepath.Join(dir, "a/b")}
	f := l.folder(dir)
	if err := f.clean(); err != nil {
		t.Fatal(err)
	}
	write(t, f, "a/b", "old")
	write(t, f, "a/b", "new")
	if diff := cmp.Diff([]string{"old before ", "new before old"}, l.take()); diff != "" {
		t.Error(diff)
	}
	flush := func(want ...string) {
		t.Helper()
		if err := f.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, l.take()); diff != "" {
			t.Error(diff)
		}
	}
	flush(".", "a")
	flush()
	write(t, f, "a/c/d", "x")
	l.take()
	flush("a", "a/c")
	if err := f.Remove(t.Context(), []string{"a/c/d"}); err != nil {
		t.Fatal(err)
	}
	flush("a") // a/c was removed with its last file
}

func TestFolderCannotSync(t *testing.T) {
	dir := t.TempDir()
	l := &syncLog{t: t, place: filepath.Join(dir, "a/b")}
	f := l.folder(dir)
	if err := f.clean(); err != nil {
		t.Fatal(err)
	}
	write(t, f, "a/b", "old")
	l.fail = errors.New("disk is gone")
	if err := f.Write(t.Context(), "a/b", Bytes([]byte("new"))); !errors.Is(err, l.fail) {
		t.Errorf("write: %v", err)
	}
	if got, err := os.ReadFile(l.place); string(got) != "old" {
		t.Errorf("%q is there, %v", got, err)
	}
	if err := f.Flush(t.Context()); !errors.Is(err, l.fail) {
		t.Errorf("flush: %v", err)
	}
}

// Without a log, the operating system is asked: a closed file it cannot sync.
func TestFolderSyncsForReal(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	if err := newFolder(t.TempDir()).sync(file); !errors.Is(err, os.ErrClosed) {
		t.Errorf("error %v", err)
	}
}

func TestSFTPSyncs(t *testing.T) {
	login, dir := targettest.StartSSH(t), t.TempDir()
	opened, err := Open(t.Context(), login.URL(dir), Options{SSH: login.Login})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	}()
	s, l := opened.(*server), &syncLog{t: t, place: filepath.Join(dir, "a/b")}
	closed, err := s.client.Create(filepath.Join(dir, "closed"))
	if err := errors.Join(err, closed.Close()); err != nil {
		t.Fatal(err)
	}
	sync := s.sync
	if err := sync(closed); !errors.Is(err, os.ErrClosed) {
		t.Errorf("OpenSSH can sync, and is not told to: %v", err)
	}
	s.sync = func(file file) error {
		l.file(file.Name(), file)
		return errors.Join(l.fail, sync(file))
	}
	write(t, s, "a/b", "old")
	write(t, s, "a/b", "new")
	l.fail = errors.New("disk is gone")
	if err := s.Write(t.Context(), "a/b", Bytes([]byte("lost"))); !errors.Is(err, l.fail) {
		t.Errorf("write: %v", err)
	}
	want := []string{"old before ", "new before old", "lost before new"}
	if diff := cmp.Diff(want, l.lines); diff != "" {
		t.Error(diff)
	}
	if got, err := os.ReadFile(l.place); string(got) != "new" {
		t.Errorf("%q is there, %v", got, err)
	}
}
