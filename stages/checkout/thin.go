package checkout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// A thin pack leaves out objects that we said to have, and holds others as
// deltas of those. Only for such a pack does git compare the trees of a shallow
// commit with what we have; without asking for one, every night would bring the
// whole tree of each repository that changed. go-git does not ask for it, but
// its parser can resolve one when a storage gives it the bases.
type thin struct {
	storer.EncodedObjectStorer                     // the quarantine
	cache                      *filesystem.Storage // where the bases are
	received                   []plumbing.Hash
}

// EncodedObject looks for bases in the quarantine and then in the cache.
func (t *thin) EncodedObject(kind plumbing.ObjectType, id plumbing.Hash) (plumbing.EncodedObject, error) {
	found, err := t.EncodedObjectStorer.EncodedObject(kind, id)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return t.cache.EncodedObject(kind, id)
	}
	return found, err
}

// SetEncodedObject keeps what the pack holds, each object in a file of its own.
func (t *thin) SetEncodedObject(o plumbing.EncodedObject) (plumbing.Hash, error) {
	id, err := t.EncodedObjectStorer.SetEncodedObject(o)
	t.received = append(t.received, id)
	return id, err
}

// receive takes a pack into the quarantine.
func (q *quarantine) receive(ctx context.Context, pack io.Reader) error {
	if len(q.haves) == 0 {
		return packfile.UpdateObjectStorage(q.storage, pack)
	}
	t := &thin{EncodedObjectStorer: q.storage, cache: q.cache}
	parser, err := packfile.NewParserWithStorage(packfile.NewScanner(pack), t)
	if err != nil {
		return err
	}
	if _, err := parser.Parse(); err != nil {
		return err
	}
	// A reader holds the objects of a pack it makes in memory, so not all at once.
	for part := range slices.Chunk(t.received, 1000) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := q.pack(part); err != nil {
			return fmt.Errorf("pack what was fetched: %w", err)
		}
	}
	return nil
}

// pack packs objects of the quarantine: one file, where there were many.
func (q *quarantine) pack(ids []plumbing.Hash) error {
	w, err := q.storage.PackfileWriter()
	if err != nil {
		return err
	}
	_, err = packfile.NewEncoder(w, q.storage, false).Encode(ids, 0)
	return errors.Join(err, w.Close())
}
