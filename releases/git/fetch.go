package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/storage"

	"github.com/mage-os/nightly/pipeline/remote"
)

// ErrRefused says that a server does not give commits by their ids.
var ErrRefused = errors.New("the server does not give commits by their ids")

// A Request is what Fetch asks of a server.
type Request struct {
	// Wants chooses the commits, once the server has shown its refs.
	Wants func(*packp.AdvRefs) ([]plumbing.Hash, error)
	// Depth is how many commits of their history are wanted; 1: only they themselves.
	Depth int
	// Filter leaves objects out, where the server can; "": none.
	Filter packp.Filter
	// Haves are commits that are here with their whole trees; Shallows those of which
	// the parents are not.
	Haves, Shallows []plumbing.Hash
	// Received gets the number of bytes that have come; nil for none.
	Received func(n int64)
}

// byID wants commits by their ids.
func byID(ids ...plumbing.Hash) func(*packp.AdvRefs) ([]plumbing.Hash, error) {
	return func(*packp.AdvRefs) ([]plumbing.Hash, error) { return ids, nil }
}

// Fetch asks within a session and hands the pack, which keeps to the limits of packs, to
// take; a request with Haves gets a thin one. It gives the commits that were asked for,
// none if all of them are here, and which are shallow now or no longer. What fails while
// the pack is read may be over at the next try.
func Fetch(ctx context.Context, session transport.UploadPackSession, r Request, take func(io.Reader) error) (wants []plumbing.Hash, u packp.ShallowUpdate, err error) {
	refs, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return nil, u, err
	}
	remote.Alive(ctx)
	request := packp.NewUploadPackRequestFromCapabilities(refs.Capabilities)
	if request.Wants, err = r.Wants(refs); err != nil {
		return nil, u, err
	}
	request.Haves = r.Haves
	wanted := map[capability.Capability]bool{capability.ThinPack: len(r.Haves) > 0}
	if refs.Capabilities.Supports(capability.Shallow) {
		request.Depth, request.Shallows = packp.DepthCommits(r.Depth), r.Shallows
		wanted[capability.Shallow] = true
	}
	if r.Filter != "" && refs.Capabilities.Supports(capability.Filter) {
		request.Filter = r.Filter
		wanted[capability.Filter] = true
	}
	for c, is := range wanted {
		if is {
			err = errors.Join(err, request.Capabilities.Set(c))
		}
	}
	if err != nil || request.IsEmpty() {
		return nil, u, err
	}
	response, err := session.UploadPack(ctx, request)
	if err != nil {
		return nil, u, mayPass(err)
	}
	n := int64(0)
	pack := demux(request.Capabilities, reader(func(p []byte) (int, error) {
		got, err := response.Read(p)
		if n += int64(got); got > 0 {
			remote.Alive(ctx)
			r.received(n)
		}
		return got, err
	}))
	if err = errors.Join(readPack(pack, packs, take), response.Close()); err != nil {
		return nil, u, mayPass(err)
	}
	return request.Wants, response.ShallowUpdate, nil
}

func (r Request) received(n int64) {
	if r.Received != nil {
		r.Received(n)
	}
}

type reader func([]byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }

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

// mayPass marks what fails once a pack is asked for as what may be over at the next try,
// such as a connection that is cut, unless the server has said no. That it gives no
// commit by its id is said by git, JGit and the forges in texts of their own.
func mayPass(err error) error {
	var hidden *plumbing.UnexpectedError
	if errors.As(err, &hidden) {
		err = hidden.Err
	}
	for _, text := range []string{"not our ref", "unadvertised object", "not valid"} {
		if strings.Contains(err.Error(), text) {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	for _, final := range []error{transport.ErrRepositoryNotFound, transport.ErrAuthenticationRequired, transport.ErrAuthorizationFailed} {
		if errors.Is(err, final) {
			return err
		}
	}
	if errors.As(err, new(*packError)) {
		return err
	}
	return remote.Again(err, 0)
}

// fetched is a repository of its own that commits are fetched into.
func (o Options) fetched(ctx context.Context, address string, r Request) (to storage.Storer, done func() error, err error) {
	dir, repository, err := temporary()
	if err != nil {
		return nil, nil, err
	}
	done = func() error { return os.RemoveAll(dir) }
	to = repository.Storer
	update, err := o.fetchInto(ctx, to, address, r)
	if err == nil {
		err = to.SetShallow(update.Shallows)
	}
	if err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return to, done, nil
}

// temporary makes a bare repository in a folder of its own, which the caller removes.
func temporary() (dir string, repository *gogit.Repository, err error) {
	if dir, err = os.MkdirTemp("", "git-"); err != nil {
		return "", nil, err
	}
	if repository, err = gogit.PlainInit(dir, true); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, repository, nil
}

// fetchInto fetches commits into a repository, and says which are shallow there.
func (o Options) fetchInto(ctx context.Context, to storage.Storer, address string, r Request) (update packp.ShallowUpdate, err error) {
	err = Exchange(ctx, o, address, func(ctx context.Context, session transport.UploadPackSession) (err error) {
		_, update, err = Fetch(ctx, session, r, func(pack io.Reader) error { return packfile.UpdateObjectStorage(to, pack) })
		return err
	})
	return update, err
}
