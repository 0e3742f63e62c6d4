package checkout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/stages"
)

// pinRefs are the refs of a cache of git objects: one for each commit that is
// there with its whole tree. They are what we tell a server that we have.
const pinRefs = "refs/pins/"

// depths are how many commits of a ref are asked for, one after the other,
// where a server does not give a commit by its id. The last is git's infinity.
var depths = []int{1, 10, 100, 1000, 0x7fffffff}

// errNoRef says that a ref is not on the server.
var errNoRef = errors.New("the ref is not on the server")

// A quarantine is where fetched objects go: a repository of its own, which
// joins the cache only when all of it is there and was parsed. A connection
// that is cut leaves the cache as it was.
type quarantine struct {
	dir      string
	cache    *filesystem.Storage
	storage  *filesystem.Storage
	shallows []plumbing.Hash // commits without their parents, here and in the cache
	haves    []plumbing.Hash
}

func newQuarantine(cache *filesystem.Storage) (*quarantine, error) {
	q := &quarantine{cache: cache}
	var err error
	if q.shallows, err = cache.Shallow(); err != nil {
		return nil, damaged("read the list of shallow commits: %w", err)
	}
	if q.haves, err = pinned(cache); err != nil {
		return nil, err
	}
	// Below the cache's folder: moving the packs is a rename.
	if q.dir, err = os.MkdirTemp(cache.Filesystem().Root(), "incoming-"); err != nil {
		return nil, fmt.Errorf("make a folder for what is fetched: %w", err)
	}
	repository, err := gogit.PlainInit(q.dir, true)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a folder for what is fetched: %w", err), q.remove())
	}
	q.storage = repository.Storer.(*filesystem.Storage)
	return q, nil
}

// pinned gives the commits that are in a cache of git objects.
func pinned(cache *filesystem.Storage) ([]plumbing.Hash, error) {
	refs, err := cache.IterReferences()
	if err != nil {
		return nil, damaged("read the refs: %w", err)
	}
	var ids []plumbing.Hash
	err = refs.ForEach(func(r *plumbing.Reference) error {
		if strings.HasPrefix(string(r.Name()), pinRefs) {
			ids = append(ids, r.Hash())
		}
		return nil
	})
	if err != nil {
		return nil, damaged("read the refs: %w", err)
	}
	return ids, nil
}

func (q *quarantine) remove() error { return os.RemoveAll(q.dir) }

func (q *quarantine) has(id plumbing.Hash) bool { return q.storage.HasEncodedObject(id) == nil }

// join moves the objects into the cache and pins the commits.
func (q *quarantine) join(commits []want) error {
	from := filepath.Join(q.dir, "objects", "pack")
	to := filepath.Join(q.cache.Filesystem().Root(), "objects", "pack")
	files, err := os.ReadDir(from)
	if err != nil {
		return fmt.Errorf("keep what was fetched: %w", err)
	}
	// Each index before its pack: a pack without an index is damage.
	slices.SortStableFunc(files, func(a, b os.DirEntry) int { return strings.Compare(filepath.Ext(a.Name()), filepath.Ext(b.Name())) })
	for _, f := range files {
		if ext := filepath.Ext(f.Name()); ext != ".idx" && ext != ".pack" {
			continue // the rest of a try that was cut
		}
		if err := os.Rename(filepath.Join(from, f.Name()), filepath.Join(to, f.Name())); err != nil {
			return fmt.Errorf("keep what was fetched: %w", err)
		}
	}
	if err := q.cache.SetShallow(q.shallows); err != nil {
		return fmt.Errorf("keep the list of shallow commits: %w", err)
	}
	for _, w := range commits {
		name := plumbing.ReferenceName(pinRefs + w.id.String())
		if err := q.cache.SetReference(plumbing.NewHashReference(name, w.id)); err != nil {
			return fmt.Errorf("pin commit %s: %w", w.id, err)
		}
	}
	return nil
}

// update takes over which commits are shallow now.
func (q *quarantine) update(u packp.ShallowUpdate) {
	for _, id := range u.Shallows {
		if !slices.Contains(q.shallows, id) {
			q.shallows = append(q.shallows, id)
		}
	}
	q.shallows = slices.DeleteFunc(q.shallows, func(id plumbing.Hash) bool { return slices.Contains(u.Unshallows, id) })
}

// fetch brings the missing commits into the cache. First it asks for them by
// their ids, without history; what a server does not give like that it looks
// for behind its ref.
func (c *checkout) fetch(ctx context.Context, pin stages.Pin, o *objects, missing []want) (err error) {
	if err := removeLeftovers(o.storage.Filesystem().Root()); err != nil {
		return err
	}
	q, err := newQuarantine(o.storage)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.remove()) }()
	err = c.exchange(ctx, pin, q, 1, byID(missing))
	if errors.Is(err, git.ErrRefused) {
		c.Log.Info("looking for commits behind their refs: the server does not give them by their ids",
			slog.String("repository", pin.Name), slog.Any("reason", err))
		err = nil
		for _, w := range missing {
			err = errors.Join(err, c.deepen(ctx, pin, q, w))
		}
	}
	if err != nil {
		return sourceError(pin, err)
	}
	for _, w := range missing {
		if !q.has(w.id) {
			return sourceError(pin, fmt.Errorf("the server sent no commit %s, though it was asked for it", w.id))
		}
	}
	return q.join(missing)
}

// removeLeftovers removes quarantines of processes that were killed. The lock is
// ours, so none of them is in use.
func removeLeftovers(dir string) error {
	old, err := filepath.Glob(filepath.Join(dir, "incoming-*"))
	if err != nil {
		return err
	}
	for _, d := range old {
		err = errors.Join(err, os.RemoveAll(d))
	}
	return err
}

// deepen fetches a commit by its id if that is a tip, else more and more of its
// ref's history until the commit appears.
func (c *checkout) deepen(ctx context.Context, pin stages.Pin, q *quarantine, w want) error {
	err := c.exchange(ctx, pin, q, 1, byID([]want{w}))
	if err == nil || !errors.Is(err, git.ErrRefused) {
		return err
	}
	for _, depth := range depths {
		err = c.exchange(ctx, pin, q, depth, byRef(w.ref))
		if errors.Is(err, errNoRef) {
			break
		}
		if err != nil {
			return err
		}
		if q.has(w.id) {
			return nil
		}
	}
	reason := "the whole history of the ref does not hold it: it was force-pushed, or the tag was moved"
	if err != nil {
		reason = err.Error()
	}
	return fmt.Errorf("commit %s of %s is gone: %s; make the plan anew, or push the commit back from a mirror of that night "+
		"or from another machine's cache of git objects (there it is %s)", w.id, w.ref, reason, filepath.Join(folderName(pin.URL), pinRefs+w.id.String()))
}

// A choice is what is asked of a server that shows these refs.
type choice = func(*packp.AdvRefs) ([]plumbing.Hash, error)

// byID asks for the commits themselves. A server says whether it gives a commit
// that is no tip; what it shows it gives anyway.
func byID(commits []want) choice {
	return func(refs *packp.AdvRefs) ([]plumbing.Hash, error) {
		anyID := refs.Capabilities.Supports(capability.AllowReachableSHA1InWant) || refs.Capabilities.Supports(capability.AllowTipSHA1InWant)
		ids := make([]plumbing.Hash, len(commits))
		for i, w := range commits {
			if !anyID && !shows(refs, w.id) {
				return nil, git.ErrRefused
			}
			ids[i] = w.id
		}
		return ids, nil
	}
}

// shows reports whether a ref points at the commit. A commit that an annotated
// tag stands for does not count: git gives the tag, not what it peels to.
func shows(refs *packp.AdvRefs, id plumbing.Hash) bool {
	return slices.Contains(slices.Collect(maps.Values(refs.References)), id) || refs.Head != nil && *refs.Head == id
}

// byRef asks for what the ref points at now.
func byRef(name plumbing.ReferenceName) choice {
	return func(refs *packp.AdvRefs) ([]plumbing.Hash, error) {
		id, ok := refs.References[name.String()]
		if !ok {
			return nil, fmt.Errorf("%w: %s", errNoRef, name)
		}
		return []plumbing.Hash{id}, nil
	}
}

// exchange fetches in one request, again after a pause where that may help.
func (c *checkout) exchange(ctx context.Context, pin stages.Pin, q *quarantine, depth int, choose choice) error {
	return git.Exchange(ctx, c.Git, pin.URL, func(ctx context.Context, session transport.UploadPackSession) error {
		shown := int64(0)
		request := git.Request{Wants: choose, Depth: depth, Haves: slices.Clone(q.haves), Shallows: slices.Clone(q.shallows), Received: func(n int64) {
			if whole := n >> 20; whole != shown { // MiB
				shown = whole
				c.Progress(pipeline.Step{Stage: stageName, Item: pin.Name, Done: n, Unit: "bytes"})
			}
		}}
		wants, update, err := git.Fetch(ctx, session, request, func(pack io.Reader) error { return q.receive(ctx, pack) })
		if err == nil {
			q.update(update)
			q.haves = append(q.haves, wants...)
		}
		return err
	})
}
