package git

import (
	"context"
	"errors"
	"fmt"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/mage-os/nightly/releases"
)

// listFolder reads the refs of a repository of this machine, bare or with a work
// tree, in its place.
func listFolder(ctx context.Context, dir string) ([]releases.Ref, error) {
	repository, err := gogit.PlainOpenWithOptions(dir, &gogit.PlainOpenOptions{EnableDotGitCommonDir: true})
	if errors.Is(err, gogit.ErrRepositoryNotExists) {
		return nil, fmt.Errorf("%s is no git repository; give the folder that holds .git, or make it one with git init", dir)
	}
	if err != nil {
		return nil, err
	}
	iter, err := repository.References()
	if err != nil {
		return nil, err
	}
	defer iter.Close()
	var refs []releases.Ref
	err = iter.ForEach(func(ref *plumbing.Reference) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := ref.Name()
		if ref.Type() == plumbing.SymbolicReference { // else it need not be looked up among all again
			var err error
			ref, err = repository.Reference(name, true)
			if errors.Is(err, plumbing.ErrReferenceNotFound) {
				return nil // HEAD of a repository without a commit
			}
			if err != nil {
				return fmt.Errorf("ref %s: %w", name, err)
			}
		}
		commit, err := peel(repository, ref.Hash())
		if err != nil {
			return fmt.Errorf("ref %s: %w; the repository is damaged: see git fsck", name, err)
		}
		refs = append(refs, releases.Ref{Name: string(name), Commit: commit.String()})
		return nil
	})
	return refs, err
}

// maxPeel bounds tags of tags.
const maxPeel = 16

// peel follows tag objects to what they stand for.
func peel(repository *gogit.Repository, hash plumbing.Hash) (plumbing.Hash, error) {
	for range maxPeel {
		tag, err := repository.TagObject(hash)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			return hash, nil // no tag object: it is what it stands for
		}
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if hash = tag.Target; tag.TargetType != plumbing.TagObject {
			return hash, nil
		}
	}
	return plumbing.ZeroHash, fmt.Errorf("%w: more than %d tags of tags", object.ErrUnsupportedObject, maxPeel)
}
