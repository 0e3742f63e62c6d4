package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/mage-os/nightly/pipeline"
)

// ErrInUse says that a store was not pruned because somebody has it open.
var ErrInUse = errors.New("the store is in use")

// Pruned counts what Prune removed.
type Pruned struct {
	Results  int
	Entries  int // of caches
	Trees    int
	Contents int
	Bytes    int64
}

// Prune removes from the store in a folder the results and cache entries that
// were last used before that time, then the trees and contents that are older
// and that nothing left names, and what killed processes left half-written.
//
// A tree or content counts as named if its digest stands anywhere in a kept
// result or in a kept cache entry of up to a mebibyte. Prune wants the store for itself, so that
// nothing vanishes under a run: it reports ErrInUse while any Store on the
// folder is open, in this process or another. Stopped at any point, it leaves a
// store that works.
func Prune(ctx context.Context, dir string, before time.Time) (Pruned, error) {
	p := &pruner{dir: dir, before: before, named: map[pipeline.Digest]bool{}}
	path := filepath.Join(dir, lockFile)
	if _, err := os.Stat(path); err != nil {
		return Pruned{}, fmt.Errorf("prune the store in %s: %w", dir, err)
	}
	lock := flock.New(path)
	free, err := lock.TryLock()
	if err == nil && !free {
		err = fmt.Errorf("%w: prune it when no run and no server uses it", ErrInUse)
	}
	if err != nil {
		return Pruned{}, fmt.Errorf("prune the store in %s: %w", dir, err)
	}
	// What names comes before what is named: after an interruption nothing is
	// named that is not there.
	for _, step := range []func(context.Context) error{p.results, p.entries, p.trees, p.contents, p.segments} {
		if err = step(ctx); err != nil {
			err = fmt.Errorf("prune the store in %s: %w", dir, err)
			break
		}
	}
	return p.done, errors.Join(err, lock.Close())
}

type pruner struct {
	dir    string
	before time.Time
	named  map[pipeline.Digest]bool
	done   Pruned
}

// walk calls visit for the finished files below a folder, and removes the
// half-written ones.
func (p *pruner) walk(ctx context.Context, dir string, visit func(path string, d fs.DirEntry) error) error {
	return filepath.WalkDir(filepath.Join(p.dir, dir), func(path string, d fs.DirEntry, err error) error {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		switch {
		case d.IsDir():
			return nil
		case isTemporary(d.Name()):
			var none int
			return p.remove(path, d, &none)
		}
		return visit(path, d)
	})
}

func (p *pruner) old(d fs.DirEntry) (bool, error) {
	info, err := d.Info()
	return err == nil && info.ModTime().Before(p.before), err
}

func (p *pruner) remove(path string, d fs.DirEntry, count *int) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	*count++
	p.done.Bytes += info.Size()
	return nil
}

func (p *pruner) results(ctx context.Context) error {
	return p.walk(ctx, resultsDir, func(path string, d fs.DirEntry) error {
		return p.namer(path, d, &p.done.Results)
	})
}

func (p *pruner) entries(ctx context.Context) error {
	return p.walk(ctx, cacheDir, func(path string, d fs.DirEntry) error {
		if info, err := d.Info(); err == nil && info.Size() > small+footer && !info.ModTime().Before(p.before) {
			return nil
		}
		return p.namer(path, d, &p.done.Entries)
	})
}

// namer removes an old file, or notes the digests that stand in a newer one.
func (p *pruner) namer(path string, d fs.DirEntry, count *int) error {
	old, err := p.old(d)
	if err != nil {
		return err
	}
	if old {
		return p.remove(path, d, count)
	}
	data, err := readFile(path)
	if err != nil {
		return err
	}
	digests(data, func(d pipeline.Digest) { p.named[d] = true })
	return nil
}

func (p *pruner) trees(ctx context.Context) error {
	return p.walk(ctx, treesDir, func(path string, d fs.DirEntry) error {
		old, err := p.old(d)
		if err != nil {
			return err
		}
		if old && !p.named[pipeline.Digest(d.Name())] {
			return p.remove(path, d, &p.done.Trees)
		}
		data, err := readFile(path)
		if err != nil {
			return err
		}
		files, err := pipeline.DecodeTree(data)
		if err != nil { // damaged: nobody could read it
			return p.remove(path, d, &p.done.Trees)
		}
		for _, f := range files {
			p.named[f.Digest] = true
		}
		return nil
	})
}

func (p *pruner) contents(ctx context.Context) error {
	return p.walk(ctx, blobsDir, func(path string, d fs.DirEntry) error {
		if p.named[pipeline.Digest(filepath.Base(filepath.Dir(path))+d.Name())] {
			return nil
		}
		old, err := p.old(d)
		if err != nil || !old {
			return err
		}
		return p.remove(path, d, &p.done.Contents)
	})
}

// digests finds all runs of exactly 64 hexadecimal digits.
func digests(data []byte, found func(pipeline.Digest)) {
	start := 0
	for i := 0; i <= len(data); i++ {
		if i < len(data) && (data[i] >= '0' && data[i] <= '9' || data[i] >= 'a' && data[i] <= 'f') {
			continue
		}
		if i-start == 64 {
			found(pipeline.Digest(data[start:i]))
		}
		start = i + 1
	}
}
