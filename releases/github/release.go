package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	api "github.com/google/go-github/v84/github"
)

// A Release is a release of a repository as GitHub has it.
type Release struct {
	ID         int64
	Tag        string
	Target     string // the branch or commit that its tag would be made at, if there is none
	Name       string
	Body       string // Markdown
	Draft      bool
	Prerelease bool
	Immutable  bool
	URL        string // its page
	Assets     []Asset
}

// An Asset is a file of a release.
type Asset struct {
	ID     int64
	Name   string
	Size   int64  // in bytes
	Digest string // "sha256:" and hexadecimal digits; empty on older servers
	Whole  bool   // false: its upload broke off, and it has no content
	URL    string // where it is downloaded
}

// A Wanted release has the tag, texts and files of a release.
type Wanted struct {
	Tag string
	// Target is the commit at which Publish would find, or a person would make, the
	// tag.
	Target     string
	Name       string
	Body       string // Markdown, at most 125,000 characters
	Prerelease bool
}

// maxBody is how long the body of a release may be, in characters (GitHub refuses
// more with 422).
const maxBody = 125_000

// FindRelease gives the release of a tag, a draft too if the token may write to
// the repository. The error is ErrNotFound if there is none.
func (c *Client) FindRelease(ctx context.Context, r Repository, tag string) (Release, error) {
	found, err := c.findReleases(ctx, r, tag)
	switch {
	case err != nil:
		return Release{}, explain(err, "find the release of %s in %s", tag, r)
	case len(found) == 0:
		return Release{}, fmt.Errorf("find the release of %s in %s: %w", tag, r, ErrNotFound)
	case len(found) > 1:
		var pages []string
		for _, f := range found {
			pages = append(pages, f.URL)
		}
		return Release{}, fmt.Errorf("find the release of %s in %s: there are %d (%s); delete all but one on GitHub",
			tag, r, len(found), strings.Join(pages, ", "))
	}
	return found[0], nil
}

// findReleases looks for a published release by its tag, and for drafts in the
// list: GitHub finds those by no tag.
func (c *Client) findReleases(ctx context.Context, r Repository, tag string) ([]Release, error) {
	published, _, err := c.rest.Repositories.GetReleaseByTag(ctx, r.Owner, r.Name, tag)
	if err == nil {
		return c.withAssets(ctx, r, published)
	}
	if status(err) != 404 {
		return nil, err
	}
	var found []Release
	for release, err := range c.rest.Repositories.ListReleasesIter(ctx, r.Owner, r.Name, &api.ListOptions{PerPage: perPage}) {
		if err != nil {
			return nil, err
		}
		if release.GetTagName() == tag {
			whole, err := c.withAssets(ctx, r, release)
			if err != nil {
				return nil, err
			}
			found = append(found, whole...)
		}
	}
	return found, nil
}

// withAssets takes the assets from their own list: within the release GitHub gives
// only the first ones.
func (c *Client) withAssets(ctx context.Context, r Repository, release *api.RepositoryRelease) ([]Release, error) {
	assets, err := c.assets(ctx, r, release.GetID())
	if err != nil {
		return nil, err
	}
	made := releaseOf(release)
	made.Assets = assets
	return []Release{made}, nil
}

func releaseOf(r *api.RepositoryRelease) Release {
	made := Release{
		ID: r.GetID(), Tag: r.GetTagName(), Target: r.GetTargetCommitish(), Name: r.GetName(), Body: r.GetBody(),
		Draft: r.GetDraft(), Prerelease: r.GetPrerelease(), Immutable: r.GetImmutable(), URL: r.GetHTMLURL(),
	}
	for _, a := range r.Assets {
		made.Assets = append(made.Assets, assetOf(a))
	}
	return made
}

// EnsureRelease gives the release of a tag: a draft is made if there is none, and a
// draft that says something else is updated. A release that is published already
// is left if it says the same; otherwise that is an error.
func (c *Client) EnsureRelease(ctx context.Context, r Repository, want Wanted) (Release, error) {
	if n := len([]rune(want.Body)); n > maxBody {
		return Release{}, fmt.Errorf("release %s of %s: its text has %d characters, more than the %d that GitHub takes; shorten the notes",
			want.Tag, r, n, maxBody)
	}
	var release Release
	err := c.settle(ctx,
		func() (bool, error) {
			found, err := c.FindRelease(ctx, r, want.Tag)
			release = found
			if errors.Is(err, ErrNotFound) {
				return false, nil
			}
			return err == nil, err
		},
		func() error {
			made, _, err := c.rest.Repositories.CreateRelease(ctx, r.Owner, r.Name, want.request(true))
			if err == nil {
				release = releaseOf(made)
			}
			return err
		})
	if err != nil || release.says(want) {
		return release, explain(err, "create a draft release %s in %s", want.Tag, r)
	}
	if !release.Draft {
		return release, fmt.Errorf("release %s of %s is published and says something else (%s); what is released is not changed: edit it there if that is meant",
			want.Tag, r, release.URL)
	}
	return c.UpdateRelease(ctx, r, release, want)
}

// UpdateRelease makes a release say what is wanted. Its state as a draft and its
// assets stay.
func (c *Client) UpdateRelease(ctx context.Context, r Repository, release Release, want Wanted) (Release, error) {
	changed, _, err := c.rest.Repositories.EditRelease(ctx, r.Owner, r.Name, release.ID, want.request(release.Draft))
	if err != nil {
		return release, explain(err, "update the release %s of %s", want.Tag, r)
	}
	made := releaseOf(changed)
	made.Assets = release.Assets
	return made, nil
}

func (w Wanted) request(draft bool) *api.RepositoryRelease {
	return &api.RepositoryRelease{
		TagName: &w.Tag, TargetCommitish: &w.Target, Name: &w.Name, Body: &w.Body, Prerelease: &w.Prerelease, Draft: &draft,
	}
}

// says reports whether a release says what is wanted. GitHub keeps line ends as
// they came from the web; the target no longer counts once it is published.
func (r Release) says(w Wanted) bool {
	plain := func(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }
	return r.Tag == w.Tag && r.Name == cmp.Or(w.Name, r.Name) && plain(r.Body) == plain(w.Body) &&
		r.Prerelease == w.Prerelease && (!r.Draft || w.Target == "" || r.Target == w.Target)
}

// Publish makes a draft public; what is public already stays. Its tag has to be
// there and to stand for the commit: GitHub would make a missing one in silence.
// Latest says whether it becomes the repository's latest release; a pre-release
// never does.
func (c *Client) Publish(ctx context.Context, r Repository, release Release, commit string, latest bool) (Release, error) {
	at, _, err := c.rest.Repositories.GetCommitSHA1(ctx, r.Owner, r.Name, "tags/"+release.Tag, "")
	if err != nil {
		return release, explain(err, "publish release %s of %s: look up its tag", release.Tag, r)
	}
	if at != commit {
		return release, fmt.Errorf("publish release %s of %s: its tag stands for %.10s, not for %.10s; nothing was published", release.Tag, r, at, commit)
	}
	if !release.Draft {
		return release, nil
	}
	draft, makeLatest := false, fmt.Sprint(latest && !release.Prerelease)
	changed, _, err := c.rest.Repositories.EditRelease(ctx, r.Owner, r.Name, release.ID, &api.RepositoryRelease{Draft: &draft, MakeLatest: &makeLatest})
	if err != nil {
		return release, explain(err, "publish release %s of %s", release.Tag, r)
	}
	made := releaseOf(changed)
	made.Assets = release.Assets
	return made, nil
}
