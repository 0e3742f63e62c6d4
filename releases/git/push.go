package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/mage-os/nightly/pipeline/remote"
)

// A RefError is a ref that is there already and stands for another commit.
type RefError struct {
	URL, Ref   string
	Have, Want string // commits
}

// Error implements error.
func (e *RefError) Error() string {
	return fmt.Sprintf("%s of %s stands for %.12s, not for %.12s", e.Ref, remote.Redacted(e.URL), e.Have, e.Want)
}

// PushBranch pushes a commit as a branch (short name). A branch that is there at the
// same commit is left; one at another is a *RefError, unless it is at the commit
// instead, which then it is moved from.
func (w *Writer) PushBranch(ctx context.Context, c *Commit, branch, instead string) error {
	update := update{ref: plumbing.NewBranchReferenceName(branch), to: plumbing.NewHash(c.ID), stands: c.ID, instead: instead, objects: c.new}
	return w.push(ctx, c.URL, update)
}

// PushTag pushes an annotated tag of a commit that the repository has. A tag that
// is there and stands for the same commit is left, whoever made it; one of another is a
// *RefError.
func (w *Writer) PushTag(ctx context.Context, address, name, commit, message string, by Identity) error {
	objects := memory.NewStorage()
	id, err := encode(objects, &object.Tag{
		Name: name, Tagger: by.signature(), Message: message, TargetType: plumbing.CommitObject, Target: plumbing.NewHash(commit),
	})
	if err != nil {
		return err
	}
	return w.push(ctx, address, update{ref: plumbing.NewTagReferenceName(name), to: id, stands: commit, objects: objects})
}

// An update is one ref to write, with the objects that the repository does not have.
type update struct {
	ref     plumbing.ReferenceName
	to      plumbing.Hash
	stands  string // commit
	instead string // commit that the ref may have instead
	objects *memory.Storage
}

// decide says from where the ref is moved, the zero hash for one that is new, or
// that nothing is to be done.
func (u update) decide(address string, is plumbing.Hash, stands string) (from plumbing.Hash, done bool, err error) {
	switch {
	case is.IsZero():
		return is, false, nil
	case stands == u.stands:
		return is, true, nil
	case u.instead != "" && stands == u.instead:
		return is, false, nil
	}
	return is, false, &RefError{URL: address, Ref: u.ref.String(), Have: stands, Want: u.stands}
}

func (w *Writer) push(ctx context.Context, address string, u update) error {
	dir, local, err := w.writable(address)
	if err == nil {
		if local {
			err = pushFolder(dir, address, u)
		} else {
			err = w.pushRemote(ctx, address, u)
		}
	}
	var taken *RefError
	if err == nil || errors.As(err, &taken) {
		return err
	}
	return fmt.Errorf("push %s to %s: %w", u.ref, remote.Redacted(address), err)
}

// pushFolder writes to a repository of this machine: the objects, then the ref.
func pushFolder(dir, address string, u update) error {
	repository, err := openFolder(dir)
	if err != nil {
		return err
	}
	old, err := repository.Storer.Reference(u.ref)
	is, stands := plumbing.ZeroHash, ""
	switch {
	case errors.Is(err, plumbing.ErrReferenceNotFound):
		old = nil
	case err != nil:
		return err
	default:
		commit, err := peel(repository, old.Hash())
		if err != nil {
			return err
		}
		is, stands = old.Hash(), commit.String()
	}
	if _, done, err := u.decide(address, is, stands); done || err != nil {
		return err
	}
	if _, err := repository.CommitObject(plumbing.NewHash(u.stands)); err != nil && u.objects.Commits[plumbing.NewHash(u.stands)] == nil {
		return fmt.Errorf("it has no commit %s: %w", u.stands, err)
	}
	for _, o := range u.objects.Objects {
		if _, err := repository.Storer.SetEncodedObject(o); err != nil {
			return err
		}
	}
	return repository.Storer.CheckAndSetReference(plumbing.NewHashReference(u.ref, u.to), old)
}

// pushRemote writes to a server. What a push that broke off has done already is found
// and not done twice.
func (w *Writer) pushRemote(ctx context.Context, address string, u update) error {
	return exchange(ctx, w.options, address, transport.Transport.NewReceivePackSession, func(ctx context.Context, session transport.ReceivePackSession) error {
		there, err := session.AdvertisedReferencesContext(ctx)
		if err != nil {
			return err
		}
		is, stands := there.References[u.ref.String()], ""
		if !is.IsZero() {
			if stands, err = w.standsFor(ctx, address, u.ref.String()); err != nil {
				return err
			}
		}
		from, done, err := u.decide(address, is, stands)
		if done || err != nil {
			return err
		}
		return send(ctx, session, there, u, from)
	})
}

// standsFor gives the commit of a ref: receiving servers do not tell what a tag
// object stands for.
func (w *Writer) standsFor(ctx context.Context, address, ref string) (string, error) {
	refs, err := NewLister(w.options).List(ctx, address)
	if err != nil {
		return "", err
	}
	for _, r := range refs {
		if r.Name == ref {
			return r.Commit, nil
		}
	}
	return "", fmt.Errorf("%s was there and is gone", ref)
}

func send(ctx context.Context, session transport.ReceivePackSession, there *packp.AdvRefs, u update, from plumbing.Hash) error {
	request := packp.NewReferenceUpdateRequestFromCapabilities(there.Capabilities)
	request.Commands = []*packp.Command{{Name: u.ref, Old: from, New: u.to}}
	if there.Capabilities.Supports(capability.ReportStatus) {
		if err := request.Capabilities.Set(capability.ReportStatus); err != nil {
			return err
		}
	}
	var hashes []plumbing.Hash
	for hash := range u.objects.Objects {
		hashes = append(hashes, hash)
	}
	var pack bytes.Buffer
	if _, err := packfile.NewEncoder(&pack, u.objects, false).Encode(hashes, 0); err != nil {
		return err
	}
	request.Packfile = io.NopCloser(&pack)
	status, err := session.ReceivePack(ctx, request)
	if err != nil {
		return err
	}
	if status == nil {
		return nil
	}
	if err := status.Error(); err != nil {
		return fmt.Errorf("%w; the account may not write it, or a rule of the repository protects it", err)
	}
	return nil
}
