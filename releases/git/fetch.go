package git

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/storage"
)

// fetchTrees fetches a commit and its trees. A server that does not give it by its
// id is asked for what leads to it, deeper and deeper.
func (w *Writer) fetchTrees(ctx context.Context, address string, endpoint *transport.Endpoint, to storage.Storer, commit string, tips []string) error {
	first := w.fetchOne(ctx, address, endpoint, to, commit, 1)
	if first == nil {
		return nil
	}
	for _, tip := range tips {
		for _, depth := range historyDepths {
			if w.fetchOne(ctx, address, endpoint, to, tip, depth) != nil {
				break
			}
			if _, err := object.GetCommit(to, plumbing.NewHash(commit)); err == nil {
				return nil
			}
		}
	}
	return fmt.Errorf("fetch commit %s: %w", commit, first)
}

func (w *Writer) fetchOne(ctx context.Context, address string, endpoint *transport.Endpoint, to storage.Storer, commit string, depth int) error {
	ctx, cancel := context.WithTimeout(ctx, 4*w.options.Timeout)
	defer cancel()
	session, err := w.history.open(address, endpoint)
	if err != nil {
		return err
	}
	err = askTrees(ctx, session, to, plumbing.NewHash(commit), depth)
	if closed := session.Close(); err == nil && closed != nil && !errors.Is(closed, io.EOF) {
		err = closed
	}
	return err
}

func askTrees(ctx context.Context, session transport.UploadPackSession, to storage.Storer, commit plumbing.Hash, depth int) error {
	refs, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return err
	}
	request := packp.NewUploadPackRequestFromCapabilities(refs.Capabilities)
	request.Wants, request.Depth = []plumbing.Hash{commit}, packp.DepthCommits(depth)
	wanted := []capability.Capability{capability.Shallow}
	if refs.Capabilities.Supports(capability.NoProgress) {
		wanted = append(wanted, capability.NoProgress)
	}
	if refs.Capabilities.Supports(capability.Filter) {
		wanted = append(wanted, capability.Filter)
		request.Filter = packp.FilterBlobNone()
	}
	for _, c := range wanted {
		if err := request.Capabilities.Set(c); err != nil {
			return err
		}
	}
	response, err := session.UploadPack(ctx, request)
	if err != nil {
		return err
	}
	err = keepPack(request, response, to)
	return errors.Join(err, response.Close())
}

// A Made is a commit of a repository: who made it when, and of what.
type Made struct {
	ID      string
	Parents []string
	Message string
	By      Identity // who committed
}

// Read reads a commit that a ref of the repository points at.
func (w *Writer) Read(ctx context.Context, address, commit string) (Made, error) {
	objects, done, err := w.objects(ctx, address, commit, nil)
	if err != nil {
		return Made{}, fmt.Errorf("read commit %s of %s: %w", commit, redacted(address), advise(err))
	}
	c, err := object.GetCommit(objects, plumbing.NewHash(commit))
	if err != nil {
		return Made{}, errors.Join(fmt.Errorf("read commit %s of %s: %w", commit, redacted(address), err), done())
	}
	made := Made{ID: commit, Message: c.Message, By: Identity{c.Committer.Name, c.Committer.Email, c.Committer.When.UTC()}}
	for _, parent := range c.ParentHashes {
		made.Parents = append(made.Parents, parent.String())
	}
	return made, done()
}
