package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"

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
	packed, err := packedRefs(repository)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", packedRefsFile, err)
	}
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
		if p, ok := packed[name]; ok && p.hash == ref.Hash() {
			refs = append(refs, releases.Ref{Name: string(name), Commit: p.peeled.String()})
			return nil
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

const packedRefsFile = "packed-refs"

// A packedRef is a ref and what it stands for, if it is a tag object.
type packedRef struct{ hash, peeled plumbing.Hash }

// packedRefs reads what git has noted of refs that it packed, so that no object need be
// read; nothing where it has not noted of each what it stands for ("fully-peeled", see
// refs/packed-backend.c of git). go-git leaves that out.
func packedRefs(repository *gogit.Repository) (map[plumbing.ReferenceName]packedRef, error) {
	storage, ok := repository.Storer.(*filesystem.Storage)
	if !ok {
		return nil, nil
	}
	file, err := storage.Filesystem().Open(packedRefsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	packed := map[plumbing.ReferenceName]packedRef{}
	var last plumbing.ReferenceName
	lines := bufio.NewScanner(file)
	for first := true; lines.Scan(); first = false {
		line := lines.Text()
		if first && (!strings.HasPrefix(line, "# pack-refs with:") || !slices.Contains(strings.Fields(line), "fully-peeled")) {
			return nil, nil
		}
		switch hash, name, found := strings.Cut(line, " "); {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "^") && plumbing.IsHash(line[1:]):
			packed[last] = packedRef{packed[last].hash, plumbing.NewHash(line[1:])}
		case found && plumbing.IsHash(hash):
			last = plumbing.ReferenceName(name)
			packed[last] = packedRef{plumbing.NewHash(hash), plumbing.NewHash(hash)}
		}
	}
	return packed, lines.Err()
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
