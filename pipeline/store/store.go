// Package store keeps trees, results and caches in a folder, by their content:
//
//	segments/<digest>               small contents, of up to a mebibyte, see segment
//	blobs/<2 digits>/<62 digits>    a larger content, named by its SHA-256
//	trees/<digest>                  a tree's canonical form, see pipeline.EncodeTree
//	results/<key>                   a stage's result, as JSON
//	cache/<name>/<2 digits>/<62>    an entry, named by the SHA-256 of its key
//	lock                            shared by all who use the store, exclusive for Prune
//
// Every file is read-only, and written under another name in its own folder and
// renamed, so that none is ever seen in part. Trees and results are brought to
// the disk before that; contents and cache entries, which are much more, are
// not: what a crash of the machine damages is found when it is read, removed,
// and made anew by the next run.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
)

// The folders of a store.
const (
	segmentsDir = "segments"
	blobsDir    = "blobs"
	treesDir    = "trees"
	resultsDir  = "results"
	cacheDir    = "cache"
	lockFile    = "lock"
)

// A Store is a folder of trees, results and caches. It is safe for several
// goroutines, and any number of processes may use one folder at once.
type Store struct {
	dir      string
	lock     *flock.Flock
	segments segments
	entries  entries
	warming  sync.WaitGroup
	lists    durability // of lists of trees
}

var (
	_ pipeline.Store   = (*Store)(nil)
	_ pipeline.Checker = (*Store)(nil)
)

// Open opens the store in a folder, and makes it if it is not there. It waits
// while another process prunes the store. The caller closes it.
func Open(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	for _, name := range []string{segmentsDir, blobsDir, treesDir, resultsDir, cacheDir} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o777); err != nil {
			return nil, fmt.Errorf("make the store in %s: %w; choose a folder that can be written", dir, err)
		}
	}
	lock := flock.New(filepath.Join(dir, lockFile), flock.SetPermissions(0o666))
	if err := lock.RLock(); err != nil {
		return nil, fmt.Errorf("lock the store in %s: %w; choose a folder that can be written, on a file system with locks", dir, err)
	}
	return &Store{dir: dir, lock: lock, segments: segments{dir: filepath.Join(dir, segmentsDir)}, lists: durable}, nil
}

// OpenTransient is Open for a store that may be lost when the machine crashes: to add
// a tree waits for no disk.
func OpenTransient(dir string) (*Store, error) {
	s, err := Open(dir)
	if err == nil {
		s.lists = fast
	}
	return s, err
}

// Warm begins to read where the small contents lie, which the first use of one would
// wait for.
func (s *Store) Warm() {
	s.warming.Go(func() {
		s.segments.mu.Lock()
		defer s.segments.mu.Unlock()
		_ = s.segments.begin() // who uses them tries again, and reports it
	})
}

// Close writes what waits to be written, and lets others prune the store. Contents that
// are still open stay so.
func (s *Store) Close() error {
	s.warming.Wait()
	err := errors.Join(s.entries.flush(), s.segments.close())
	if unlocked := s.lock.Close(); unlocked != nil {
		err = errors.Join(err, fmt.Errorf("unlock the store in %s: %w", s.dir, unlocked))
	}
	return err
}

// Results gives the saved results of stages.
func (s *Store) Results() pipeline.Results { return results{s} }

type results struct{ s *Store }

func (r results) path(key pipeline.Digest) (string, error) {
	if err := key.Valid(); err != nil {
		return "", err
	}
	return filepath.Join(r.s.dir, resultsDir, string(key)), nil
}

// Load implements pipeline.Results.
func (r results) Load(ctx context.Context, key pipeline.Digest) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path, err := r.path(key)
	if err != nil {
		return nil, err
	}
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("load a result: %w", err)
	}
	touch(path)
	return data, nil
}

func readFile(path string) ([]byte, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	return data, errors.Join(err, f.Close())
}

// Save implements pipeline.Results.
func (r results) Save(ctx context.Context, key pipeline.Digest, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path, err := r.path(key)
	if err == nil {
		err = r.s.segments.finish() // the result may name a content
	}
	if err != nil {
		return err
	}
	return writeBytes(path, durable, data)
}
