package checkout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages"
)

// pinRefs are the refs of a cache of git objects: one for each commit that is
// there with its whole tree. They are what we tell a server that we have.
const pinRefs = "refs/pins/"

// depths are how many commits of a ref are asked for, one after the other,
// where a server does not give a commit by its id. The last is git's infinity.
var depths = []int{1, 10, 100, 1000, 0x7fffffff}

var (
	// errRefused says that the server does not give commits by their ids.
	errRefused = errors.New("the server does not give commits by their ids")
	// errNoRef says that a ref is not on the server.
	errNoRef = errors.New("the ref is not on the server")
)

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
	repository, err := git.PlainInit(q.dir, true)
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
	if errors.Is(err, errRefused) {
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
	if err == nil || !errors.Is(err, errRefused) {
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
type choice func(*packp.AdvRefs) ([]plumbing.Hash, error)

// byID asks for the commits themselves. A server says whether it gives a commit
// that is no tip; what it shows it gives anyway.
func byID(commits []want) choice {
	return func(refs *packp.AdvRefs) ([]plumbing.Hash, error) {
		anyID := refs.Capabilities.Supports(capability.AllowReachableSHA1InWant) || refs.Capabilities.Supports(capability.AllowTipSHA1InWant)
		ids := make([]plumbing.Hash, len(commits))
		for i, w := range commits {
			if !anyID && !shows(refs, w.id) {
				return nil, errRefused
			}
			ids[i] = w.id
		}
		return ids, nil
	}
}

// shows reports whether a ref points at the commit. A commit that an annotated
// tag stands for does not count: git gives the tag, not what it peels to.
func shows(refs *packp.AdvRefs, id plumbing.Hash) bool {
	for _, r := range refs.References {
		if r == id {
			return true
		}
	}
	return refs.Head != nil && *refs.Head == id
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

// ask is one request and its answer.
func (c *checkout) ask(ctx context.Context, pin stages.Pin, session transport.UploadPackSession, q *quarantine, depth int, choose choice, t *try) error {
	refs, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return err
	}
	t.alive()
	request := packp.NewUploadPackRequestFromCapabilities(refs.Capabilities)
	if request.Wants, err = choose(refs); err != nil {
		return err
	}
	if refs.Capabilities.Supports(capability.Shallow) {
		request.Depth = packp.DepthCommits(depth)
		request.Shallows = slices.Clone(q.shallows)
		if err := request.Capabilities.Set(capability.Shallow); err != nil {
			return err
		}
	}
	request.Haves = slices.Clone(q.haves)
	if len(q.haves) > 0 {
		if err := request.Capabilities.Set(capability.ThinPack); err != nil {
			return err
		}
	}
	if request.IsEmpty() {
		return nil // the whole history of the ref is here
	}
	response, err := session.UploadPack(ctx, request)
	if err != nil {
		return refusal(err)
	}
	received := t.count(response, func(n int64) {
		c.Progress(pipeline.Step{Stage: stageName, Item: pin.Name, Done: n, Unit: "bytes"})
	})
	pack := demux(request.Capabilities, received)
	if err := errors.Join(q.receive(ctx, pack), response.Close()); err != nil {
		return refusal(err)
	}
	q.update(response.ShallowUpdate)
	q.haves = append(q.haves, request.Wants...)
	return nil
}

// demux takes the pack out of the channel that it shares with messages.
func demux(l *capability.List, r io.Reader) io.Reader {
	switch {
	case l.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, r)
	case l.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, r)
	}
	return r
}

// refusal recognises how git, JGit and the forges say that they do not give a
// commit by its id. Only their texts differ it from other errors.
func refusal(err error) error {
	for _, text := range []string{"not our ref", "unadvertised object", "not valid"} {
		if strings.Contains(err.Error(), text) {
			return fmt.Errorf("%w: %w", errRefused, err)
		}
	}
	return err
}
