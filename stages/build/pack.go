package build

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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

// size is the number of bytes to compress.
func (p packing) size() (all int64) {
	for _, f := range p.Files {
		all += f.Size
	}
	return all
}

// A packed dist lies in the store.
type packed struct {
	File pipeline.File // its place in the snapshot's folder
	SHA1 string        // in lower-case hexadecimal, for dist.shasum
}

// A packer makes dists. What one snapshot compressed the next does not compress
// again: entries are copied from the package's last dist as long as the store
// has it (see lastDist).
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
	all, errs := make([]packed, len(packings)), make([]error, len(packings))
	seen := make(map[string]bool, len(packings))
	deflaters := sync.Pool{New: func() any { return newDeflater(p.store) }}
	var done atomic.Int64
	pack := func(i int) {
		pk := packings[i]
		if errs[i] = cmp.Or(ctx.Err(), errs[i]); errs[i] == nil {
			df := deflaters.Get().(*deflater)
			defer deflaters.Put(df)
			all[i], errs[i] = p.dist(ctx, df, pk)
		}
		if errs[i] != nil {
			errs[i] = fmt.Errorf("pack %s %s: %w", pk.Name, pk.Version, errs[i])
			return
		}
		p.progress.Tell(pipeline.Step{Stage: Name, Item: pk.Name, Done: done.Add(1), Total: int64(len(packings)), Unit: "packages"})
	}
	order := make([]int, len(packings))
	sizes := make([]int64, len(packings))
	for i, pk := range packings {
		if seen[pk.path()] { // it would overwrite the other
			errs[i] = fmt.Errorf("two packages are both to become %s; give one of them another name or version", pk.path())
		}
		seen[pk.path()] = true
		order[i], sizes[i] = i, pk.size()
	}
	// The largest first, so that the workers end together.
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sizes[b], sizes[a]) })
	_ = pipeline.Each(len(order), max(1, p.workers), func(i int) error {
		pack(order[i])
		return nil // the problems are told in the order of the packings
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return all, nil
}
