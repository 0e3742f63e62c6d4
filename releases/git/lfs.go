package git

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/remote"
)

// An LFSObject is a file that Git LFS keeps beside a repository.
type LFSObject struct {
	OID  string `json:"oid"`  // its SHA-256
	Size int64  `json:"size"` // in bytes
}

// LFS gives out objects of Git LFS: of a repository on this machine those that it has, else
// what the server's batch API names, which may lie on another host. They are not checked.
// Source: git-lfs, docs/api/batch.md and docs/api/basic-transfers.md.
func (o Options) LFS(ctx context.Context, address string, wanted []LFSObject, give func(LFSObject, io.Reader) error) error {
	dir, local, err := o.Folder(address)
	if err != nil {
		return err
	}
	if local {
		var errs []error
		for _, w := range wanted {
			errs = append(errs, lfsOfFolder(dir, w, give))
		}
		return errors.Join(errs...)
	}
	server, err := url.Parse(strings.TrimSuffix(strings.TrimSuffix(address, "/"), ".git") + ".git/info/lfs/objects/batch")
	if err != nil || server.Scheme != "https" && server.Scheme != "http" {
		return errors.New("objects of Git LFS are fetched over https:// alone; give such a URL, or that of a clone that has them")
	}
	base, err := o.authorized(address, MaxObject)
	if err != nil {
		return err
	}
	found, err := o.lfsBatch(ctx, base, server, wanted)
	if err != nil {
		return fmt.Errorf("ask %s: %w", remote.Redacted(server.String()), remote.Advise(err))
	}
	given := map[LFSObject]bool{}
	for _, object := range found {
		err := statusError(object.Error.Code, object.Error.Message)
		if err == nil {
			err = o.lfsOfServer(ctx, base, server, object, give)
		}
		if err != nil {
			return fmt.Errorf("object %s: %w", object.OID, err)
		}
		given[object.LFSObject] = true
	}
	for _, w := range wanted {
		if !given[w] {
			return fmt.Errorf("the server does not give object %s", w.OID)
		}
	}
	return nil
}

const lfsType = "application/vnd.git-lfs+json"

// An lfsAnswer says where an object is, or why it is not to be had.
type lfsAnswer struct {
	LFSObject
	Actions struct {
		Download struct {
			Href   string
			Header map[string]string
		}
	}
	Error struct {
		Code    int
		Message string
	}
}

func (o Options) lfsBatch(ctx context.Context, own http.RoundTripper, server *url.URL, wanted []LFSObject) ([]lfsAnswer, error) {
	request, err := json.Marshal(map[string]any{"operation": "download", "transfers": []string{"basic"}, "objects": wanted})
	if err != nil {
		return nil, err
	}
	var answer struct{ Objects []lfsAnswer }
	err = o.Policy.Do(ctx, remote.Redacted(server.String()), func(ctx context.Context) error {
		ask := lfsRequest{own, http.MethodPost, server.String(), request, map[string]string{"Accept": lfsType, "Content-Type": lfsType}}
		return ask.do(ctx, func(body io.Reader) error { return json.NewDecoder(io.LimitReader(body, maxRefs)).Decode(&answer) })
	})
	return answer.Objects, err
}

func lfsOfFolder(dir string, w LFSObject, give func(LFSObject, io.Reader) error) error {
	var err error
	for _, git := range []string{filepath.Join(dir, ".git"), dir} {
		f, openErr := files.Open(filepath.Join(git, "lfs", "objects", w.OID[:2], w.OID[2:4], w.OID))
		if openErr == nil {
			return errors.Join(give(w, f), f.Close())
		}
		if err == nil || !errors.Is(openErr, fs.ErrNotExist) {
			err = openErr
		}
	}
	return fmt.Errorf("%w; run git lfs fetch --all in that clone", err)
}

// lfsOfServer sends the repository's credential to its own host alone, and not where the
// server gives one for the object.
func (o Options) lfsOfServer(ctx context.Context, own http.RoundTripper, server *url.URL, object lfsAnswer, give func(LFSObject, io.Reader) error) error {
	a := object.Actions.Download
	at, err := server.Parse(a.Href)
	if a.Href == "" || err != nil {
		return fmt.Errorf("the server does not say where it is: %w", fs.ErrNotExist)
	}
	ctx = remote.ToAnyHost(ctx)
	if err := remote.CheckReference(server, at, true); err != nil {
		return err
	}
	if a.Header["Authorization"] != "" {
		own = remote.Bounded{Next: o.RoundTripper(), Max: MaxObject}
	}
	return o.Policy.Do(ctx, at.Redacted(), func(ctx context.Context) error {
		return lfsRequest{own, http.MethodGet, at.String(), nil, a.Header}.do(ctx, func(body io.Reader) error { return give(object.LFSObject, body) })
	})
}

type lfsRequest struct {
	transport   http.RoundTripper
	method, url string
	body        []byte
	header      map[string]string
}

func (r lfsRequest) do(ctx context.Context, read func(io.Reader) error) error {
	request, err := http.NewRequestWithContext(ctx, r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		return err
	}
	for name, value := range r.header {
		request.Header.Set(name, value)
	}
	client := http.Client{Transport: r.transport}
	response, err := client.Do(request)
	if err != nil {
		return remote.Again(remote.WithoutURL(err), 0)
	}
	defer response.Body.Close()
	if err := statusError(response.StatusCode, response.Status); err != nil {
		return err
	}
	return read(response.Body)
}

// statusError is nil for an answer that is one. It reports fs.ErrNotExist.
func statusError(code int, text string) error {
	switch code {
	case 0, http.StatusOK:
		return nil
	case http.StatusNotFound, http.StatusGone:
		return fmt.Errorf("%s: %w", text, fs.ErrNotExist)
	}
	return errors.New(text)
}
