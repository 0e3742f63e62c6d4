package build

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages"
)

// A packing is one dist to make.
type packing struct {
	Name, Version string          // of the composer.json
	Files         []pipeline.File // paths relative to the package's root, in any order, without composer.json
	Manifest      []byte          // composer.json
	Directories   []string        // empty directories to add
}

// path is the dist's place in the snapshot's folder.
func (p packing) path() string { return stages.DistPath(p.Name, p.Version) }

// A packed dist lies in the store.
type packed struct {
	File pipeline.File // its place in the snapshot's folder
	SHA1 string        // in lower-case hexadecimal, for dist.shasum
}

// A packer makes dists. What one snapshot compressed the next does not compress
// again: entries are copied from the package's last dist as long as the store
// has it (see index).
type packer struct {
	store    pipeline.Store
	cache    pipeline.Cache // may be nil: nothing is copied
	workers  int            // at least one works
	progress pipeline.Progress
}

// pack makes the dists and gives them in the order of the packings. One that
// fails does not keep the others from being made: all problems are joined.
//
// The bytes of a dist depend on its packing alone, not on the number of workers
// or the cache.
func (p *packer) pack(ctx context.Context, packings []packing) ([]packed, error) {
	dir, err := os.MkdirTemp("", "nightly-dists-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for compressed files: %w; free space there, or set TMPDIR", err)
	}
	defer os.RemoveAll(dir)
	dists := make([]*dist, len(packings))
	p.each(ctx, len(packings), func(i int, _ *deflater) {
		dists[i] = p.plan(ctx, packings[i], filepath.Join(dir, strconv.Itoa(i)))
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	refuseTwins(dists)
	jobs := schedule(dists)
	var done atomic.Int64
	p.each(ctx, len(jobs), func(i int, df *deflater) {
		if d := jobs[i].dist; p.work(ctx, df, jobs[i]) {
			p.progress.Tell(pipeline.Step{Stage: Name, Item: d.Name, Done: done.Add(1), Total: int64(len(dists)), Unit: "packages"})
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return results(dists)
}

// results gives what was made, or all problems.
func results(dists []*dist) ([]packed, error) {
	all := make([]packed, len(dists))
	var errs []error
	for i, d := range dists {
		all[i] = d.result
		if len(d.errs) > 0 {
			errs = append(errs, fmt.Errorf("pack %s %s: %w", d.Name, d.Version, errors.Join(d.errs...)))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return all, nil
}

// refuseTwins fails packings that would overwrite each other's dist.
func refuseTwins(dists []*dist) {
	seen := make(map[string]bool, len(dists))
	for _, d := range dists {
		if seen[d.path()] {
			d.fail(fmt.Errorf("two packages are both to become %s; give one of them another name or version", d.path()))
		}
		seen[d.path()] = true
	}
}

// each calls f for 0 … n-1 from the packer's workers, in about that order, and
// stops early when the context ends.
func (p *packer) each(ctx context.Context, n int, f func(int, *deflater)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range max(1, min(p.workers, n)) {
		wait.Go(func() {
			df := newDeflater(p.store)
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				f(i, df)
			}
		})
	}
	wait.Wait()
}

// A job is one chunk of a dist.
type job struct {
	dist  *dist
	chunk *chunk
}

// schedule orders the work: the dist with most to compress first, so that the
// workers end together, and a dist's chunks in a row, so that few dists are
// under way at once.
func schedule(dists []*dist) []job {
	order := slices.Clone(dists)
	slices.SortStableFunc(order, func(a, b *dist) int { return cmp.Compare(b.todo, a.todo) })
	var jobs []job
	for _, d := range order {
		for _, c := range d.chunks {
			jobs = append(jobs, job{d, c})
		}
	}
	return jobs
}

// work compresses one chunk. Whoever finishes the last chunk of a dist writes
// the dist; work says whether that was done.
func (p *packer) work(ctx context.Context, df *deflater, j job) bool {
	if !j.dist.failed() {
		if err := df.chunk(ctx, j.dist, j.chunk); err != nil {
			j.dist.fail(err)
		}
	}
	if j.dist.left.Add(-1) > 0 {
		return false
	}
	defer j.dist.release()
	if j.dist.failed() {
		return false
	}
	if err := p.finish(ctx, df, j.dist); err != nil {
		j.dist.fail(err)
		return false
	}
	return true
}
