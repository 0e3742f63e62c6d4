package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
)

// segments are the small contents of a store. They are safe for several
// goroutines. Where each content lies is held in memory, about 100 bytes for
// each; what other processes have added is looked for when something is missed.
type segments struct {
	dir string

	mu     sync.Mutex
	places map[sum]place       // nil: nothing was looked for yet
	sealed map[string]*segment // those that are in places, by name
	active *segment            // nil: nothing was added since the last one was sealed
	writer *segmentWriter      // of the active one
	opened []*segment          // those that are kept open, oldest first
	own    []*segment          // that were sealed here
}

// A place says where a content lies.
type place struct {
	segment      *segment
	offset, size int64
}

// maxOpened is how many segments are kept open for reading.
const maxOpened = 64

// A handle is the opened file of a segment. The last one who uses it closes it.
type handle struct {
	*os.File
	users int
}

// add keeps a content, unless it is there.
func (s *segments) add(d sum, content []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.begin(); err != nil {
		return err
	}
	if p, ok := s.places[d]; ok && p.size == int64(len(content)) && s.whole(p.segment) {
		return nil
	}
	if s.active == nil {
		w, err := newSegment(s.dir)
		if err != nil {
			return err
		}
		s.active, s.writer = &segment{path: w.file.Name()}, w
	}
	e, err := s.writer.add(d, content)
	if err != nil {
		return err
	}
	s.places[d] = place{s.active, e.offset, e.size}
	if s.writer.end >= fullSegment {
		return s.seal()
	}
	return nil
}

// finish seals what was added: until then it goes with this process.
func (s *segments) finish() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seal()
}

// maxJoined is how many bytes are written once more to leave one segment of a
// process instead of several.
const maxJoined = 8 << 20

// close finishes, and closes the files that nobody reads. A process that added
// little leaves one segment: each next one has to read the index of every one.
func (s *segments) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.seal()
	if err == nil {
		err = s.join()
	}
	for len(s.opened) > 0 {
		err = errors.Join(err, s.shut(s.opened[0]))
	}
	return err
}

// seal seals the active segment. The lock is held.
func (s *segments) seal() error {
	if s.active == nil {
		return nil
	}
	ended := s.active
	sealed, err := s.writer.seal(fast)
	s.active, s.writer = nil, nil
	if err != nil {
		s.forget(ended)
		return err
	}
	ended.path, ended.size = sealed.path, sealed.size // the places point to it
	s.sealed[filepath.Base(sealed.path)] = ended
	s.own = append(s.own, ended)
	return nil
}

// join puts the segments that were sealed here into one, if they are little. The
// lock is held.
func (s *segments) join() error {
	own := slices.DeleteFunc(s.own, func(o *segment) bool {
		return s.sealed[filepath.Base(o.path)] != o || !s.whole(o) // lost meanwhile
	})
	s.own = nil
	var size int64
	for _, o := range own {
		size += o.size
	}
	if len(own) < 2 || size > maxJoined {
		return nil
	}
	w, err := newSegment(s.dir)
	if err != nil {
		return err
	}
	for _, o := range own {
		if err := w.copyFrom(o.path, func(sum) bool { return true }); err != nil {
			return errors.Join(err, w.discard())
		}
	}
	joined, err := w.seal(fast)
	if err != nil {
		return err
	}
	for _, o := range own {
		if o.path != joined.path {
			err = errors.Join(err, os.Remove(o.path))
		}
		s.forget(o)
	}
	return errors.Join(err, s.loadOne(filepath.Base(joined.path)))
}

// missing gives the files whose contents are in no segment, and seals the
// contents of the others, if they are not.
func (s *segments) missing(files []pipeline.File) ([]pipeline.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.begin(); err != nil {
		return nil, err
	}
	used := map[*segment]bool{}
	missing, err := s.look(files, used)
	if err == nil && slices.ContainsFunc(missing, isSmall) { // another process may have it
		if err := s.load(); err != nil {
			return nil, err
		}
		missing, err = s.look(missing, used)
	}
	if used[s.active] {
		err = errors.Join(err, s.seal())
	}
	return missing, err
}

func isSmall(f pipeline.File) bool { return f.Size <= small }

// look notes the segments of the files' contents, and gives the files that have
// none. The lock is held.
func (s *segments) look(files []pipeline.File, used map[*segment]bool) (missing []pipeline.File, err error) {
	for _, f := range files {
		d, err := parseSum(f.Digest)
		if err != nil {
			return nil, fmt.Errorf("file %s: %w", f.Path, err)
		}
		p, ok := s.places[d]
		if ok && !used[p.segment] {
			ok = s.whole(p.segment)
			used[p.segment] = true
		}
		if !ok || p.size != f.Size {
			missing = append(missing, f)
		}
	}
	return missing, nil
}

// open gives the file in which a content lies. The caller releases it. Only if
// new is set, segments are looked for that others have made since.
func (s *segments) open(d sum, new bool) (*handle, place, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if new || s.places == nil {
		if err := s.load(); err != nil {
			return nil, place{}, err
		}
	}
	p, ok := s.places[d]
	if !ok {
		return nil, p, fmt.Errorf("content %s: %w", d.digest(), fs.ErrNotExist)
	}
	if p.segment == s.active {
		if err := s.writer.flush(); err != nil {
			return nil, p, err
		}
	}
	if p.segment.file == nil {
		f, err := files.Open(p.segment.path)
		if err != nil {
			return nil, p, fmt.Errorf("content %s: %w", d.digest(), err)
		}
		p.segment.file = &handle{File: f, users: 1}
		if s.opened = append(s.opened, p.segment); len(s.opened) > maxOpened {
			if err := s.shut(s.opened[0]); err != nil {
				return nil, p, err
			}
		}
	}
	p.segment.file.users++
	return p.segment.file, p, nil
}

// release is called by who does not read from a file any more.
func (s *segments) release(h *handle) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return h.release()
}

// release closes the file when nobody uses it. The lock is held.
func (h *handle) release() error {
	if h.users--; h.users > 0 {
		return nil
	}
	return h.Close()
}

// shut does not keep a segment open any more. The lock is held.
func (s *segments) shut(g *segment) error {
	h := g.file
	if h == nil {
		return nil
	}
	g.file = nil
	s.opened = slices.DeleteFunc(s.opened, func(o *segment) bool { return o == g })
	return h.release()
}

// begin loads what is there before the first use. The lock is held.
func (s *segments) begin() error {
	if s.places != nil {
		return nil
	}
	err := s.load()
	if err != nil {
		s.places = nil // to be tried again
	}
	return err
}

// load reads the indexes of segments that are not known yet. A damaged one is
// removed: its contents are made anew by the next run. The lock is held.
func (s *segments) load() error {
	if s.places == nil {
		s.places, s.sealed = map[sum]place{}, map[string]*segment{}
	}
	for _, known := range s.sealed {
		s.whole(known)
	}
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("list the contents of the store: %w", err)
	}
	found, entries, total := []*segment{}, [][]entry{}, 0
	for _, file := range files {
		if isTemporary(file.Name()) || s.sealed[file.Name()] != nil {
			continue
		}
		one, its, err := s.read(file.Name())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read the contents of the store: %w", err)
		}
		if one != nil {
			found, entries, total = append(found, one), append(entries, its), total+len(its)
		}
	}
	if len(s.places) == 0 {
		s.places = make(map[sum]place, total)
	}
	for i, one := range found {
		s.take(one, entries[i])
	}
	return nil
}

// take notes where the contents of a segment lie. The lock is held.
func (s *segments) take(one *segment, entries []entry) {
	for _, e := range entries {
		s.places[e.sum] = place{one, e.offset, e.size}
	}
	s.sealed[filepath.Base(one.path)] = one
}

// loadOne is load of one segment.
func (s *segments) loadOne(name string) error {
	one, entries, err := s.read(name)
	if err == nil && one != nil {
		s.take(one, entries)
	}
	return err
}

// read reads the index of a segment; nil for one that was damaged and is removed.
func (s *segments) read(name string) (*segment, []entry, error) {
	f, err := files.Open(filepath.Join(s.dir, name))
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	found, entries, err := readSegment(f, f.Name())
	if errors.Is(err, errSegment) {
		return nil, nil, discard(f, f.Name())
	}
	if err != nil {
		return nil, nil, err
	}
	return &found, entries, nil
}

// whole reports whether a segment is still there with its size, and forgets it
// if not: another process has found it damaged. The lock is held.
func (s *segments) whole(known *segment) bool {
	if known == s.active {
		return true
	}
	info, err := os.Lstat(known.path)
	if err == nil && info.Size() == known.size {
		return true
	}
	s.forget(known)
	return false
}

// forget loses all contents of a segment. The lock is held.
func (s *segments) forget(gone *segment) {
	_ = s.shut(gone) // a file that was only read
	delete(s.sealed, filepath.Base(gone.path))
	for d, p := range s.places {
		if p.segment == gone {
			delete(s.places, d)
		}
	}
}

// drop removes a content that was found damaged, with the segment that it lies in: the next
// run makes those contents anew. f is the file that it was read from.
func (s *segments) drop(d sum, damaged *segment, f *os.File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if damaged == s.active {
		s.writer.remove(d)
		delete(s.places, d)
		return nil
	}
	s.forget(damaged)
	return discard(f, damaged.path) // unless another process was faster
}
