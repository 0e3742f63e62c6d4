// Package git lists, reads and writes git repositories, on this machine and behind
// https://, http:// and ssh://, and makes repositories of the sources that the program
// carries in itself. It needs no git program.
package git

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/releases"
)

// Options are what Listers, Histories and Writers need from outside. The zero Options
// reach public repositories, and those that the user's own ssh keys open.
type Options struct {
	remote.Client
	// Locate gives the folder of an embedded: URL.
	Locate func(url string) (string, error)
}

// How long a server may take.
const (
	listTime      = 30 * time.Second // for one try to list
	fetchTime     = 2 * time.Minute  // in which nothing comes, for one try to fetch or push
	fetchDeadline = time.Hour        // for all tries of that
)

var errURL = errors.New("not a URL; want https://, ssh:// or file://")

// Folder gives the folder of a repository on this machine: of an embedded: one, a
// file:// URL, or a path.
func (o Options) Folder(address string) (dir string, local bool, err error) {
	if _, embedded := releases.IsEmbedded(address); embedded {
		if o.Locate == nil {
			return "", true, errors.New("what the program carries in itself cannot be located here; give an https:// or file:// URL")
		}
		dir, err = o.Locate(address)
		return dir, true, err
	}
	if strings.HasPrefix(address, "file:") {
		u, err := url.Parse(address)
		if err != nil {
			return "", true, errURL
		}
		return filepath.FromSlash(u.Path), true, nil
	}
	endpoint, err := transport.NewEndpoint(address)
	if err != nil {
		return "", false, errURL
	}
	return endpoint.Path, endpoint.Protocol == "file", nil
}

// openFolder opens a repository of this machine, bare or with a work tree.
func openFolder(dir string) (*gogit.Repository, error) {
	repository, err := gogit.PlainOpenWithOptions(dir, &gogit.PlainOpenOptions{EnableDotGitCommonDir: true})
	if errors.Is(err, gogit.ErrRepositoryNotExists) {
		return nil, fmt.Errorf("%s is no git repository; give the folder that holds .git, or make it one with git init", dir)
	}
	if err != nil {
		return nil, err
	}
	storage, ok := repository.Storer.(*filesystem.Storage)
	if !ok {
		return repository, nil
	}
	// What is large is no commit and no tag: its content is not read to find that out.
	lazy := filesystem.NewStorageWithOptions(storage.Filesystem(), cache.NewObjectLRUDefault(), filesystem.Options{LargeObjectThreshold: large})
	return gogit.Open(lazy, nil)
}

// large is the size of an object above which its content is read only when it is asked for.
const large = 1 << 20

// A Lister lists the refs of git repositories. Several goroutines may use it at once.
type Lister struct{ options Options }

// NewLister makes a Lister.
func NewLister(o Options) *Lister {
	o.Policy = o.Policy.Or(remote.Policy{Timeout: listTime})
	return &Lister{options: o}
}

// List gives a repository's branches, tags and other refs, and "HEAD", in byte
// order of their names; the commit of an annotated tag is the one that it stands
// for. Errors name the URL, without a password in it, and say what to do.
func (l *Lister) List(ctx context.Context, address string) ([]releases.Ref, error) {
	dir, local, err := l.options.Folder(address)
	var refs []releases.Ref
	switch {
	case err != nil:
	case local:
		refs, err = listFolder(ctx, dir)
	default:
		refs, err = l.listServer(ctx, address)
	}
	if err != nil {
		return nil, fmt.Errorf("list refs of %s: %w", remote.Redacted(address), err)
	}
	slices.SortFunc(refs, func(a, b releases.Ref) int { return strings.Compare(a.Name, b.Name) })
	return refs, nil
}

func (l *Lister) listServer(ctx context.Context, address string) (refs []releases.Ref, err error) {
	err = Exchange(ctx, l.options, address, func(ctx context.Context, session transport.UploadPackSession) error {
		answer, err := session.AdvertisedReferencesContext(ctx)
		if err == nil {
			refs = advertised(answer)
		}
		return err
	})
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return nil, nil
	}
	return refs, err
}

// advertised turns what a server advertised into refs. A server gives an annotated
// tag twice: the tag object, and after it the commit.
func advertised(answer *packp.AdvRefs) []releases.Ref {
	refs := make([]releases.Ref, 0, len(answer.References)+1)
	for name, hash := range answer.References {
		if peeled, ok := answer.Peeled[name]; ok {
			hash = peeled
		}
		refs = append(refs, releases.Ref{Name: name, Commit: hash.String()})
	}
	if _, listed := answer.References[string(plumbing.HEAD)]; answer.Head != nil && !listed {
		refs = append(refs, releases.Ref{Name: string(plumbing.HEAD), Commit: answer.Head.String()})
	}
	return refs
}

// listFolder reads the refs of a repository of this machine in its place.
func listFolder(ctx context.Context, dir string) ([]releases.Ref, error) {
	repository, err := openFolder(dir)
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
