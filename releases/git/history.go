package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"github.com/go-git/go-git/v5/storage"
	"golang.org/x/crypto/ssh"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/releases/git/remote"
)

// historyDepths are how many commits are asked for, one after the other, until the
// older commit is reached.
var historyDepths = []int{50, 1000}

// A History reads the commits between two commits out of git repositories. It
// implements compare.History.
type History struct{ options Options }

// NewHistory makes a History. Of the options it takes Token, Locate, SSH, Client and
// Timeout, which is for one fetch.
func NewHistory(o Options) *History { return &History{options: NewLister(o).options} }

// Between implements compare.History. Of a repository that is not on this machine
// it fetches at most 1,000 commits, without their files where the server allows
// that.
func (h *History) Between(ctx context.Context, address, before, after string) ([]compare.Commit, error) {
	endpoint, err := transport.NewEndpoint(address)
	if name, embedded := releases.IsEmbedded(address); embedded {
		if h.options.Locate == nil {
			return nil, fmt.Errorf("what the program carries in itself cannot be located here: %s", name)
		}
		dir, err := h.options.Locate(address)
		if err != nil {
			return nil, err
		}
		return historyOfFolder(ctx, dir, before, after)
	}
	if err != nil {
		return nil, errors.New("not a URL; want https://, ssh:// or file://")
	}
	if endpoint.Protocol == "file" {
		return historyOfFolder(ctx, endpoint.Path, before, after)
	}
	for _, depth := range historyDepths {
		commits, err := h.fetched(ctx, address, endpoint, depth, before, after)
		if !errors.Is(err, errShallow) {
			return commits, err
		}
	}
	return nil, fmt.Errorf("%.10s is not among the %d commits before %.10s", before, historyDepths[len(historyDepths)-1], after)
}

func historyOfFolder(ctx context.Context, dir, before, after string) ([]compare.Commit, error) {
	repository, err := gogit.PlainOpenWithOptions(dir, &gogit.PlainOpenOptions{EnableDotGitCommonDir: true})
	if err != nil {
		return nil, err
	}
	return between(ctx, repository.Storer, before, after)
}

// fetched fetches so many commits before both, and reads them.
func (h *History) fetched(ctx context.Context, address string, endpoint *transport.Endpoint, depth int, before, after string) (_ []compare.Commit, err error) {
	ctx, cancel := context.WithTimeout(ctx, 4*h.options.Timeout)
	defer cancel()
	dir, err := os.MkdirTemp("", "history-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	repository, err := gogit.PlainInit(dir, true)
	if err != nil {
		return nil, err
	}
	session, err := h.open(address, endpoint)
	if err != nil {
		return nil, err
	}
	err = ask(ctx, session, repository.Storer, depth, plumbing.NewHash(before), plumbing.NewHash(after))
	if closed := session.Close(); err == nil && closed != nil && !errors.Is(closed, io.EOF) {
		err = closed
	}
	if err != nil {
		return nil, fmt.Errorf("fetch %d commits: %w", depth, err)
	}
	return between(ctx, repository.Storer, before, after)
}

func (h *History) open(address string, endpoint *transport.Endpoint) (transport.UploadPackSession, error) {
	switch endpoint.Protocol {
	case "https", "http":
		web, err := h.options.web(address)
		if err != nil {
			return nil, err
		}
		return web.NewUploadPackSession(endpoint, nil)
	case "ssh":
		return h.openSSH(endpoint)
	}
	return nil, fmt.Errorf("%s:// is not spoken here; want https://, ssh:// or file://", endpoint.Protocol)
}

// web speaks git over http, with the token of the repository's host.
func (o Options) web(address string) (transport.Transport, error) {
	repository, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("not a URL; want https://, ssh:// or file://")
	}
	base := cmp.Or(o.Client.Transport, http.DefaultTransport)
	return githttp.NewClient(&http.Client{Transport: remote.Authorize(base, repository, o.Token), Timeout: o.Client.Timeout}), nil
}

// A login is what go-git logs in with over ssh.
type login struct{ config *ssh.ClientConfig }

// Name implements transport.AuthMethod.
func (login) Name() string { return "ssh-public-keys" }

// String implements transport.AuthMethod.
func (l login) String() string { return l.config.User }

// ClientConfig implements go-git's ssh.AuthMethod.
func (l login) ClientConfig() (*ssh.ClientConfig, error) { return l.config, nil }

func (h *History) openSSH(endpoint *transport.Endpoint) (transport.UploadPackSession, error) {
	auth, closeAgent, err := h.login(endpoint)
	if err != nil {
		return nil, err
	}
	defer closeAgent()
	return gitssh.NewClient(nil).NewUploadPackSession(endpoint, auth)
}

// login is what opens an ssh:// repository; the caller closes the agent when it has
// logged in.
func (h *History) login(endpoint *transport.Endpoint) (login, func(), error) {
	port := endpoint.Port
	if port == 0 {
		port = gitssh.DefaultPort
	}
	config, closeAgent, err := h.options.SSH.Config(fmt.Sprintf("%s:%d", endpoint.Host, port), endpoint.User)
	if err != nil {
		return login{}, nil, err
	}
	config.Timeout = h.options.Timeout
	return login{config}, closeAgent, nil
}

// ask fetches what lies before a commit, and before another one if the server gives
// any commit by its id: without the files, where the server can leave them out.
func ask(ctx context.Context, session transport.UploadPackSession, to storage.Storer, depth int, before, after plumbing.Hash) error {
	refs, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return err
	}
	request := packp.NewUploadPackRequestFromCapabilities(refs.Capabilities)
	request.Wants, request.Depth = []plumbing.Hash{after}, packp.DepthCommits(depth)
	if refs.Capabilities.Supports(capability.AllowReachableSHA1InWant) {
		request.Wants = append(request.Wants, before)
	}
	wanted := []capability.Capability{capability.Shallow}
	for _, optional := range []capability.Capability{capability.NoProgress, capability.Filter} {
		if refs.Capabilities.Supports(optional) {
			wanted = append(wanted, optional)
		}
	}
	for _, c := range wanted {
		if err := request.Capabilities.Set(c); err != nil {
			return err
		}
	}
	if refs.Capabilities.Supports(capability.Filter) {
		request.Filter = packp.FilterTreeDepth(0)
	}
	response, err := session.UploadPack(ctx, request)
	if err != nil {
		return err
	}
	err = keepPack(request, response, to)
	return errors.Join(err, response.Close())
}

func keepPack(request *packp.UploadPackRequest, response *packp.UploadPackResponse, to storage.Storer) error {
	if err := to.SetShallow(response.Shallows); err != nil {
		return err
	}
	var pack io.Reader = response
	switch {
	case request.Capabilities.Supports(capability.Sideband64k):
		pack = sideband.NewDemuxer(sideband.Sideband64k, response)
	case request.Capabilities.Supports(capability.Sideband):
		pack = sideband.NewDemuxer(sideband.Sideband, response)
	}
	return remote.ReadPack(pack, remote.Packs, func(pack io.Reader) error { return packfile.UpdateObjectStorage(to, pack) })
}
