package pack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/mage-os/nightly/pipeline"
)

// A Store keeps each tree as a pack in a folder, and what was added since in one
// file beside it. It is what a stage in a container works with: making 50,000
// files costs more there than all else that a checkout does. It is safe for
// several goroutines, and several processes may use one folder.
type Store struct {
	dir  string
	from *Reader // packs that were given to read from; may be nil

	mu     sync.Mutex
	own    *Reader // packs of the folder, as far as they were needed
	opened map[string]bool
	spool  *os.File // contents that were added; it has no name any more
	end    int64
	added  map[pipeline.Digest]place
}

var (
	_ pipeline.Store   = (*Store)(nil)
	_ pipeline.Checker = (*Store)(nil)
)

// OpenStore opens the store in a folder, and makes it if it is not there. The
// trees of from can be read too; it may be nil. The caller closes the store.
func OpenStore(dir string, from *Reader) (*Store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the store of packs: %w", err)
	}
	spool, err := os.CreateTemp(dir, ".spool-*")
	if err != nil {
		return nil, fmt.Errorf("make the store of packs: %w", err)
	}
	if err := os.Remove(spool.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("make the store of packs: %w", err), spool.Close())
	}
	own, err := Open()
	if from == nil {
		from, _ = Open() // of no folder, which cannot fail
	}
	return &Store{
		dir: dir, from: from, own: own, opened: map[string]bool{},
		spool: spool, added: map[pipeline.Digest]place{},
	}, err
}

// Close closes all packs of the folder.
func (s *Store) Close() error { return errors.Join(s.spool.Close(), s.own.Close()) }

// Prune removes packs that were not used since a time.
func (s *Store) Prune(before time.Time) error {
	packs, err := filepath.Glob(filepath.Join(s.dir, "*"+suffix))
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range packs {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.ModTime().After(before) {
			continue
		}
		if err == nil {
			err = os.Remove(path)
		}
		if !errors.Is(err, fs.ErrNotExist) { // another process was faster
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// load opens the pack of a tree, if the folder has it. The lock is held.
func (s *Store) load(d pipeline.Digest) error {
	name := Name(d)
	if s.opened[name] {
		return nil
	}
	path := filepath.Join(s.dir, name)
	if err := s.own.add(path, d); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("tree %s: %w", d, err)
		}
		// As good as none: the next Save makes it anew.
		return errors.Join(fmt.Errorf("tree %s: %w: its pack is damaged: %w", d, fs.ErrNotExist, err), os.Remove(path))
	}
	s.opened[name] = true
	touch(path)
	return nil
}

// loadAll opens every pack of the folder. The lock is held.
func (s *Store) loadAll() {
	packs, _ := filepath.Glob(filepath.Join(s.dir, "*"+suffix)) // the pattern is good
	for _, path := range packs {
		name := filepath.Base(path)
		// What cannot be read is not there.
		_ = s.load(pipeline.Digest(name[:len(name)-len(suffix)]))
	}
}

// Files implements pipeline.Reader.
func (s *Store) Files(ctx context.Context, tree pipeline.Tree) ([]pipeline.File, error) {
	files, err := s.from.Files(ctx, tree)
	if !errors.Is(err, fs.ErrNotExist) {
		return files, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(tree.Digest.Valid(), ctx.Err()); err != nil {
		return nil, err
	}
	if err := s.load(tree.Digest); err != nil {
		return nil, err
	}
	return s.own.Files(ctx, tree)
}

// Check implements pipeline.Checker.
func (s *Store) Check(ctx context.Context, tree pipeline.Tree) error {
	_, err := s.Files(ctx, tree)
	return err
}

// Open implements pipeline.Reader.
func (s *Store) Open(ctx context.Context, d pipeline.Digest) (pipeline.Content, error) {
	p, ok := s.find(d)
	if !ok {
		s.mu.Lock()
		s.loadAll()
		s.mu.Unlock()
		if p, ok = s.find(d); !ok {
			return nil, errors.Join(ctx.Err(), fmt.Errorf("content %s: %w", d, fs.ErrNotExist))
		}
	}
	return p.open(d)
}

func (s *Store) find(d pipeline.Digest) (place, bool) {
	if p, ok := s.from.contents[d]; ok {
		return p, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.added[d]; ok {
		return p, true
	}
	p, ok := s.own.contents[d]
	return p, ok
}

// small bounds, in bytes, what is held in memory to learn its digest before
// anything is written.
const small = 4 << 20

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Add implements pipeline.Writer.
func (s *Store) Add(ctx context.Context, content io.Reader) (pipeline.Digest, int64, error) {
	if err := ctx.Err(); err != nil {
		return "", 0, err
	}
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	n, err := buffer.ReadFrom(io.LimitReader(content, small+1))
	if err != nil {
		return "", 0, fmt.Errorf("read a content for the store: %w", err)
	}
	if n > small {
		return s.addLarge(io.MultiReader(buffer, content))
	}
	d := pipeline.DigestOf(buffer.Bytes())
	if _, ok := s.find(d); ok {
		return d, n, nil
	}
	s.mu.Lock()
	offset := s.end
	s.end += n
	s.mu.Unlock()
	if _, err := s.spool.WriteAt(buffer.Bytes(), offset); err != nil {
		return "", 0, fmt.Errorf("store a content: %w", err)
	}
	s.keep(d, offset, n)
	return d, n, nil
}

// addLarge holds off others while it writes, since it does not know how much
// will come.
func (s *Store) addLarge(content io.Reader) (pipeline.Digest, int64, error) {
	s.mu.Lock()
	offset, sum := s.end, sha256.New()
	n, err := io.Copy(io.MultiWriter(io.NewOffsetWriter(s.spool, offset), sum), content)
	s.end += n
	s.mu.Unlock()
	if err != nil {
		return "", 0, fmt.Errorf("store a content: %w", err)
	}
	d := pipeline.Digest(hex.EncodeToString(sum.Sum(nil)))
	s.keep(d, offset, n)
	return d, n, nil
}

func (s *Store) keep(d pipeline.Digest, offset, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.added[d] = place{file: s.spool, offset: offset, size: size}
}

// Save implements pipeline.Writer.
func (s *Store) Save(ctx context.Context, files []pipeline.File) (pipeline.Tree, error) {
	data, tree, err := pipeline.EncodeTree(files)
	if err != nil {
		return pipeline.Tree{}, fmt.Errorf("save a tree of %d files: %w", len(files), err)
	}
	for _, f := range files {
		p, ok := s.find(f.Digest)
		if !ok {
			return pipeline.Tree{}, fmt.Errorf("save a tree of %d files: file %s: content %s: %w; every content is added first", len(files), f.Path, f.Digest, fs.ErrNotExist)
		}
		if p.size != f.Size {
			return pipeline.Tree{}, fmt.Errorf("save a tree of %d files: file %s has %d bytes, not %d", len(files), f.Path, p.size, f.Size)
		}
	}
	if s.Check(ctx, tree) == nil {
		return tree, nil
	}
	sorted, err := pipeline.DecodeTree(data)
	if err != nil {
		return pipeline.Tree{}, err
	}
	if _, err := write(ctx, s.dir, tree, data, sorted, s.copyTo); err != nil {
		return pipeline.Tree{}, err
	}
	return tree, nil
}

// copyTo copies a content as it lies there: who reads it from the pack checks it.
func (s *Store) copyTo(_ context.Context, to io.Writer, f pipeline.File) error {
	p, _ := s.find(f.Digest)
	n, err := io.Copy(to, io.NewSectionReader(p.file, p.offset, p.size))
	if err == nil && n != f.Size {
		err = fmt.Errorf("it has %d bytes, not %d", n, f.Size)
	}
	return err
}

// Give puts the pack of a tree into a folder.
func (s *Store) Give(ctx context.Context, dir string, tree pipeline.Tree) error {
	s.mu.Lock()
	err := s.load(tree.Digest)
	s.mu.Unlock()
	if errors.Is(err, fs.ErrNotExist) { // the tree is one of those to read from
		_, err = Write(ctx, dir, s, tree)
		return err
	}
	if err != nil {
		return err
	}
	return copyFile(filepath.Join(dir, Name(tree.Digest)), filepath.Join(s.dir, Name(tree.Digest)))
}

// copyFile lets the kernel copy, where it can.
func copyFile(to, from string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
