package github

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"

	api "github.com/google/go-github/v84/github"

	"github.com/mage-os/nightly/pipeline/remote"
)

// A File is what becomes an asset of a release.
type File struct {
	// Name is the asset's: letters, digits and . _ - + only, since GitHub changes
	// other characters.
	Name string
	// ContentType is its media type; "" is application/octet-stream.
	ContentType string
	// Open gives its content, from the beginning each time.
	Open func() (io.ReadCloser, error)
}

var assetName = regexp.MustCompile(`^[A-Za-z0-9_+][A-Za-z0-9._+-]*$`)

// Upload gives a release its assets, and the release with them. An asset of the
// same name and content is left; one of the same name and other content is
// replaced in a draft, and an error in a published release. Assets that files do
// not name stay. All files are tried; the error names each that failed.
func (c *Client) Upload(ctx context.Context, r Repository, release Release, files []File) (Release, error) {
	var errs []error
	for _, f := range files {
		if err := c.uploadFile(ctx, r, release, f); err != nil {
			errs = append(errs, explain(err, "upload %s to release %s of %s", f.Name, release.Tag, r))
		}
		if ctx.Err() != nil {
			break
		}
	}
	assets, err := c.assets(ctx, r, release.ID)
	if err != nil {
		errs = append(errs, explain(err, "list the assets of release %s of %s", release.Tag, r))
	} else {
		release.Assets = assets
	}
	return release, errors.Join(errs...)
}

func (c *Client) uploadFile(ctx context.Context, r Repository, release Release, f File) error {
	if !assetName.MatchString(f.Name) {
		return fmt.Errorf("%q is no name for an asset: GitHub would change it; use letters, digits and . _ - +", f.Name)
	}
	digest, size, err := f.measure()
	if err != nil {
		return err
	}
	return c.settle(ctx,
		func() (bool, error) { return c.makeRoom(ctx, r, release, f.Name, digest) },
		func() error {
			err := c.post(ctx, r, release, f, digest, size)
			if err == nil {
				c.options.Policy.Log.Info("written", slog.String("asset", f.Name), slog.String("release", release.Tag), slog.String("in", r.String()))
			}
			return err
		})
}

// makeRoom says whether the asset is there already, and takes away one that has to
// be replaced.
func (c *Client) makeRoom(ctx context.Context, r Repository, release Release, name, digest string) (done bool, err error) {
	assets, err := c.assets(ctx, r, release.ID)
	if err != nil {
		return false, err
	}
	for _, a := range assets {
		if a.Name != name {
			continue
		}
		same, err := c.has(ctx, r, a, digest)
		switch {
		case same || err != nil:
			return same, err
		case a.Whole && !release.Draft:
			return false, fmt.Errorf("the release is published and has it with other content (%s, not %s); what is released is not changed", a.Digest, digest)
		}
		if _, err := c.rest.Repositories.DeleteReleaseAsset(ctx, r.Owner, r.Name, a.ID); err != nil && status(err) != http.StatusNotFound {
			return false, err
		}
	}
	return false, nil
}

// has says whether an asset has that content. Servers that tell no digest are asked
// for the content itself.
func (c *Client) has(ctx context.Context, r Repository, a Asset, digest string) (bool, error) {
	if !a.Whole || a.Digest != "" {
		return a.Whole && a.Digest == digest, nil
	}
	request, err := c.rest.NewRequest(http.MethodGet, fmt.Sprintf("repos/%s/%s/releases/assets/%d", r.Owner, r.Name, a.ID), nil)
	if err != nil {
		return false, err
	}
	request.Header.Set("Accept", "application/octet-stream")
	response, err := (&http.Client{Transport: c.next}).Do(request.WithContext(remote.ToAnyHost(ctx))) // it may be as large as it likes
	if err != nil {
		return false, remote.WithoutURL(err)
	}
	defer response.Body.Close()
	if err := api.CheckResponse(response); err != nil {
		return false, err
	}
	hash := sha256.New()
	_, err = io.Copy(hash, response.Body)
	return digestText(hash.Sum(nil)) == digest, err
}

// post uploads once, and compares what GitHub says it has got.
func (c *Client) post(ctx context.Context, r Repository, release Release, f File, digest string, size int64) error {
	body, err := f.Open()
	if err != nil {
		return err
	}
	defer body.Close()
	path := fmt.Sprintf("repos/%s/%s/releases/%d/assets?name=%s", r.Owner, r.Name, release.ID, url.QueryEscape(f.Name))
	request, err := c.rest.NewUploadRequest(path, body, size, f.ContentType)
	if err != nil {
		return err
	}
	request.GetBody = f.Open
	if size == 0 {
		request.Body, request.GetBody = http.NoBody, nil
	}
	var made api.ReleaseAsset
	if _, err := c.rest.Do(ctx, request, &made); err != nil {
		return err
	}
	if got := assetOf(&made); got.Name != f.Name || got.Size != size || got.Digest != "" && got.Digest != digest {
		return fmt.Errorf("GitHub has it as %s with %d bytes, %s; sent were %d bytes, %s", got.Name, got.Size, got.Digest, size, digest)
	}
	return nil
}

// measure reads the file once.
func (f File) measure() (digest string, size int64, err error) {
	content, err := f.Open()
	if err != nil {
		return "", 0, err
	}
	hash := sha256.New()
	size, err = io.Copy(hash, content)
	return digestText(hash.Sum(nil)), size, errors.Join(err, content.Close())
}

func digestText(sum []byte) string { return "sha256:" + hex.EncodeToString(sum) }

func (c *Client) assets(ctx context.Context, r Repository, release int64) ([]Asset, error) {
	all, err := collect(c.rest.Repositories.ListReleaseAssetsIter(ctx, r.Owner, r.Name, release, &api.ListOptions{PerPage: perPage}))
	var assets []Asset
	for _, a := range all {
		assets = append(assets, assetOf(a))
	}
	return assets, err
}

func assetOf(a *api.ReleaseAsset) Asset {
	return Asset{
		ID: a.GetID(), Name: a.GetName(), Size: int64(a.GetSize()), Digest: a.GetDigest(), URL: a.GetBrowserDownloadURL(),
		Whole: a.GetState() == "uploaded",
	}
}
