package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish/target"
)

// A writer brings a target to its desired state: it sends what is not there and counts.
// Dry, it only counts.
type writer struct {
	target   target.Target
	dry      bool
	log      *slog.Logger
	changed  func(FileChange)
	progress pipeline.Progress

	mu               sync.Mutex
	there            map[string]target.Entry
	done, total      int64 // bytes looked at, and to look at
	added, unchanged int
	bytes            int64 // written
	undo             []replaced
}

// A replaced file is a written file with its earlier content; nil if there was no such file.
type replaced struct {
	name string
	data []byte
}

// takeBack brings the target back to what it was, but for dists, which nobody is led to and
// the same command needs again. The switch comes first, and what it leads to goes last.
func (w *writer) takeBack(ctx context.Context) error {
	i := slices.IndexFunc(w.undo, func(r replaced) bool { return r.name == stages.PackagesFile })
	if i < 0 {
		i = len(w.undo)
	}
	slices.Reverse(w.undo[:i])
	for _, r := range append(slices.Clone(w.undo[i:]), w.undo[:i]...) {
		var err error
		if r.data == nil {
			err = w.target.Remove(ctx, []string{r.name})
		} else {
			err = w.target.Write(ctx, r.name, content(r.name, r.data))
		}
		if err != nil {
			return fmt.Errorf("put back what was there: %w", err)
		}
	}
	return w.flush(ctx)
}

func (o Options) writer(t target.Target, dry bool) *writer {
	return &writer{target: t, dry: dry, log: o.Log, changed: o.Changed, progress: o.Progress, there: map[string]target.Entry{}}
}

// publication says what was changed.
func (w *writer) publication(before observed, want desired, r *repository) stages.Publication {
	p := stages.Publication{
		Target: w.target.String(), URL: r.base, Snapshot: r.snapshots[0].name,
		Added: w.added, Unchanged: w.unchanged, Bytes: w.bytes,
		Kept: names(r.snapshots), Removed: without(before.key.Snapshots, names(r.snapshots)...), DryRun: w.dry,
	}
	if want.add != nil {
		p.Snapshot, p.Changes = want.add.name, r.changes
	}
	return p
}

// look lists what lies below directories of the target.
func (w *writer) look(ctx context.Context, dirs ...string) error {
	for _, dir := range dirs {
		entries, err := target.Walk(ctx, w.target, dir)
		if err != nil {
			return err
		}
		w.know(entries)
	}
	return nil
}

// lookIn lists what lies in a directory, and nothing below others in it.
func (w *writer) lookIn(ctx context.Context, dir string) error {
	entries, err := w.target.List(ctx, dir)
	w.know(entries)
	return err
}

func (w *writer) know(entries []target.Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range entries {
		w.there[e.Name] = e
	}
}

// below are the files that were seen below a directory, but for some, in byte
// order.
func (w *writer) below(dir string, but map[string]pipeline.Digest) []string {
	return w.seen(dir, func(e target.Entry) bool {
		_, left := but[e.Name]
		return !e.Dir && !left
	})
}

// seen are the names of what was seen below a directory, in byte order.
func (w *writer) seen(dir string, want func(target.Entry) bool) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for name, e := range w.there {
		if strings.HasPrefix(name, dir+"/") && want(e) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// writers is how many files are written at the same time: most of the time goes
// into waiting for a disk or a network.
const writers = 16

// putAll writes files that need no order among them, and flushes.
func (w *writer) putAll(ctx context.Context, files map[string]target.Content) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		group.Go(func() error {
			if groupCtx.Err() != nil {
				return context.Cause(groupCtx)
			}
			return w.put(ctx, name, files[name]) // to its end: what is cut off may still arrive
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return w.flush(ctx)
}

// put writes one file, unless it is there with the same content.
func (w *writer) put(ctx context.Context, name string, c target.Content) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := pipeline.ValidPath(name); err != nil { // whoever named it: nothing is written outside
		return err
	}
	w.mu.Lock()
	entry, there := w.there[name]
	w.mu.Unlock()
	same := false
	if there {
		var err error
		same, err = w.target.Same(ctx, entry, c)
		if err != nil && !errors.Is(err, errMissing) { // it was there when it was looked for
			return fmt.Errorf("compare %s: %w", name, err)
		}
	}
	if !same && !w.dry {
		if err := w.remember(ctx, name, there); err != nil {
			return err
		}
		if err := w.target.Write(ctx, name, c); err != nil {
			return err
		}
	}
	w.count(name, c.Size, same)
	return nil
}

// remember keeps the content of a file for takeBack, before it is replaced.
func (w *writer) remember(ctx context.Context, name string, there bool) (err error) {
	if strings.HasPrefix(name, stages.DistsDir+"/") {
		return nil
	}
	var data []byte
	if there {
		data, err = target.ReadIfThere(ctx, w.target, name)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.undo = append(w.undo, replaced{name, data})
	return err
}

// count notes one file as written or as there already.
func (w *writer) count(name string, size int64, same bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done += size
	if same {
		w.unchanged++
	} else {
		w.added++
		w.bytes += size
		w.log.Debug("publish file", slog.String("path", name), slog.Int64("bytes", size), slog.Bool("dry-run", w.dry))
		w.changed(FileChange{Path: name, Bytes: size})
	}
	w.progress(pipeline.Step{Stage: Name, Item: name, Done: w.done, Total: max(w.total, w.done), Unit: "bytes"})
}

func (w *writer) flush(ctx context.Context) error {
	if w.dry {
		return nil
	}
	return w.target.Flush(ctx)
}

// remove takes files away, in groups: one group is gone for good before the next
// is begun.
func (w *writer) remove(ctx context.Context, groups [][]string) error {
	for _, names := range groups {
		for _, name := range names {
			w.log.Debug("remove from repository", slog.String("path", name), slog.Bool("dry-run", w.dry))
			w.changed(FileChange{Path: name, Removed: true})
			w.progress(pipeline.Step{Stage: Name, Item: "remove " + name, Done: w.done, Total: max(w.total, w.done), Unit: "bytes"})
		}
		if w.dry || len(names) == 0 {
			continue
		}
		if err := w.removeGroup(ctx, names); err != nil {
			return err
		}
		if err := w.target.Flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// removeGroup takes files away that need no order among them, several at a time: a
// night has thousands, and each is a request of its own.
func (w *writer) removeGroup(ctx context.Context, names []string) error {
	group, groupCtx := errgroup.WithContext(ctx)
	for part := range slices.Chunk(names, (len(names)+writers-1)/writers) {
		group.Go(func() error { return w.target.Remove(groupCtx, part) })
	}
	return group.Wait()
}

// putFolder writes a folder, of which one file comes last: without that file the
// folder counts as not there.
func (w *writer) putFolder(ctx context.Context, dir string, files map[string][]byte, last string) error {
	contents := make(map[string]target.Content, len(files))
	for name, data := range files {
		at := path.Join(dir, name)
		contents[at] = content(at, data)
	}
	at := path.Join(dir, last)
	end := contents[at]
	delete(contents, at)
	if err := w.putAll(ctx, contents); err != nil {
		return err
	}
	return w.putAll(ctx, map[string]target.Content{at: end})
}
