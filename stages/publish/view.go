package publish

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// A View is what a target has, looked at while a night is built: to list a large
// repository takes long. The target is not locked meanwhile. What was seen counts when it
// is, if packages.json is still the same: whatever adds or removes something that is named
// changes it.
type View struct {
	target    target.Target
	stop      context.CancelFunc
	snapshots *promise[[]releases.IndexedSnapshot]
	known     *promise[Known]
	sight     *promise[sight]
}

// A sight is all that a View has.
type sight struct {
	packages pipeline.Digest // of packages.json
	state    state
	dists    []target.Entry
}

// Look begins to look at a target. The caller closes the view when nothing is published
// any more that it was given to.
func Look(ctx context.Context, to string, o target.Options) (*View, error) {
	t, err := target.Open(ctx, to, o)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	v := &View{target: t, stop: stop, snapshots: newPromise[[]releases.IndexedSnapshot](), known: newPromise[Known](), sight: newPromise[sight]()}
	go func() { v.sight.keep(v.look(ctx)) }()
	return v, nil
}

// Close ends the looking and gives the target back. Nil may be closed, too.
func (v *View) Close() error {
	if v == nil {
		return nil
	}
	v.stop()
	<-v.sight.kept
	return v.target.Close()
}

// Nights are those of the index; see Index.
func (v *View) Snapshots(ctx context.Context) ([]releases.IndexedSnapshot, error) {
	return v.snapshots.wait(ctx)
}

// Index gives the index of the repository's metadata. Where there is none that can be
// read, it is made of the nights that the repository resolves; where nothing is
// published, it is empty.
func (v *View) Index(ctx context.Context) (Known, error) { return v.known.wait(ctx) }

func (v *View) look(ctx context.Context) (sight, error) {
	s, sum, err := readSwitchSum(ctx, v.target)
	if err != nil {
		told := err
		if errors.Is(err, errMissing) { // nothing is published yet
			told = nil
		}
		v.snapshots.keep(nil, told)
		v.known.keep(Known{Index: &releases.Index{}}, told)
		return sight{}, err
	}
	current, err := v.index(ctx, s)
	if err != nil {
		return sight{}, err
	}
	seen := sight{packages: sum}
	var group errgroup.Group
	group.Go(func() (err error) {
		seen.state, err = readState(ctx, v.target, s, s.Nightly.URL, current)
		return err
	})
	group.Go(func() (err error) {
		seen.dists, err = target.Walk(ctx, v.target, stages.DistsDir)
		return err
	})
	group.Go(func() error {
		current.load(ctx)
		return nil
	})
	return seen, group.Wait()
}

// index reads the index, or makes what it would be: then there is no current metadata.
func (v *View) index(ctx context.Context, s switchFile) (c *current, err error) {
	data, err := readIndex(ctx, v.target, s.folder())
	if err == nil {
		if snapshots, err := releases.ParseIndexSnapshots(data); err == nil {
			v.snapshots.keep(snapshots, nil) // the plan is waiting for them
		}
		c, err = parseCurrent(v.target, s.folder(), data)
	}
	if err == nil {
		v.known.keep(c.Known, nil)
		return c, nil
	}
	known, err := indexOfSnapshots(ctx, v.target, s)
	v.snapshots.keep(known.Index.Snapshots, err)
	v.known.keep(known, err)
	return nil, err
}

// indexOfNights makes the index that a repository would have.
func indexOfSnapshots(ctx context.Context, s target.Source, from switchFile) (Known, error) {
	snapshots := make([]*snapshot, len(from.Nightly.Snapshots))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for i, name := range from.Nightly.Snapshots {
		group.Go(func() (err error) {
			snapshots[i], err = fromTarget(groupCtx, s, name)
			return err
		})
	}
	nothing := Known{Index: &releases.Index{}}
	if err := group.Wait(); err != nil {
		return nothing, err
	}
	m, err := merge(ctx, nil, snapshots, from.Nightly.URL)
	if err != nil {
		return nothing, fmt.Errorf("repository %s: %w", s, err)
	}
	return Known{pipeline.Digest(m.name), m.index}, nil
}

// still gives what was seen if the target, which is locked, is as it was; nil if it is
// not, or could not be looked at.
func (v *View) still(ctx context.Context, t target.Target) (*sight, error) {
	if v == nil {
		return nil, nil //nolint:nilnil // documented
	}
	seen, err := v.sight.wait(ctx)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	_, sum, errNow := readSwitchSum(ctx, t)
	if err != nil || errNow != nil || sum != seen.packages {
		return nil, nil //nolint:nilerr,nilnil // then it is looked at again, and what is wrong told
	}
	return &seen, nil
}

// A promise is a value that somebody waits for.
type promise[T any] struct {
	kept  chan struct{} // is closed then
	once  sync.Once
	value T
	err   error
}

func newPromise[T any]() *promise[T] { return &promise[T]{kept: make(chan struct{})} }

// keep gives the value. The first one counts.
func (p *promise[T]) keep(value T, err error) {
	p.once.Do(func() {
		p.value, p.err = value, err
		close(p.kept)
	})
}

func (p *promise[T]) wait(ctx context.Context) (value T, err error) {
	select {
	case <-p.kept:
		return p.value, p.err
	case <-ctx.Done():
		return value, context.Cause(ctx)
	}
}
