package fake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A Release is a release with its assets.
type Release struct {
	ID         int64    `json:"id"`
	Tag        string   `json:"tag_name"`
	Target     string   `json:"target_commitish"`
	Name       string   `json:"name"`
	Body       string   `json:"body"`
	Draft      bool     `json:"draft"`
	Prerelease bool     `json:"prerelease"`
	Page       string   `json:"html_url"`
	Assets     []*Asset `json:"assets"`
	Latest     string   `json:"-"`
}

// An Asset is a file of a release.
type Asset struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	State   string `json:"state"` // "uploaded", or "starter" of an upload that broke off
	Type    string `json:"content_type"`
	Size    int    `json:"size"`
	Digest  string `json:"digest,omitempty"`
	Content []byte `json:"-"`
}

// shownAssets is how many assets GitHub shows within a release here.
const shownAssets = 30

func (g *GitHub) releases(r *http.Request, repository *Repository, path []string) answer {
	switch {
	case len(path) == 0 && r.Method == http.MethodPost:
		return g.createRelease(r, repository)
	case len(path) == 0:
		return page(r, shown(slices.DeleteFunc(slices.Clone(repository.Releases), func(release *Release) bool {
			return release.Draft && !g.mayWrite(r)
		})))
	case path[0] == "tags":
		tag := strings.Join(path[1:], "/")
		return one(repository.Releases, func(release *Release) bool { return release.Tag == tag && !release.Draft })
	case path[0] == "assets":
		return g.asset(r, repository, path[1])
	}
	id, _ := strconv.ParseInt(path[0], 10, 64)
	i := slices.IndexFunc(repository.Releases, func(release *Release) bool { return release.ID == id })
	switch {
	case i < 0:
		return *notFound()
	case len(path) == 2 && r.Method == http.MethodPost:
		return g.upload(r, repository.Releases[i])
	case len(path) == 2:
		return page(r, repository.Releases[i].Assets)
	case r.Method == http.MethodPatch:
		return g.editRelease(r, repository, repository.Releases[i])
	}
	return answer{status: http.StatusOK, body: repository.Releases[i]}
}

// mayWrite says whether the token may write contents: others see no drafts.
func (g *GitHub) mayWrite(r *http.Request) bool {
	return g.Tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]["contents"] == "write"
}

func shown(releases []*Release) []*Release {
	list := []*Release{}
	for _, r := range slices.Backward(releases) { // the newest first
		short := *r
		short.Assets = r.Assets[:min(len(r.Assets), shownAssets)]
		list = append(list, &short)
	}
	return list
}

func one(releases []*Release, is func(*Release) bool) answer {
	for _, r := range shown(releases) {
		if is(r) {
			return answer{status: http.StatusOK, body: r}
		}
	}
	return *notFound()
}

// releaseRequest is what may be said of a release.
type releaseRequest struct {
	Tag        *string `json:"tag_name"`
	Target     *string `json:"target_commitish"`
	Name       *string `json:"name"`
	Body       *string `json:"body"`
	Draft      *bool   `json:"draft"`
	Prerelease *bool   `json:"prerelease"`
	Latest     *string `json:"make_latest"`
}

func set[T any](into *T, value *T) {
	if value != nil {
		*into = *value
	}
}

func (q releaseRequest) apply(release *Release) {
	set(&release.Tag, q.Tag)
	set(&release.Target, q.Target)
	set(&release.Name, q.Name)
	set(&release.Body, q.Body)
	set(&release.Draft, q.Draft)
	set(&release.Prerelease, q.Prerelease)
	set(&release.Latest, q.Latest)
}

func read(r *http.Request, into any) error { return json.NewDecoder(r.Body).Decode(into) }

func (g *GitHub) createRelease(r *http.Request, repository *Repository) answer {
	var q releaseRequest
	if err := read(r, &q); err != nil {
		return answer{status: http.StatusBadRequest, body: message("Problems parsing JSON")}
	}
	release := &Release{ID: g.id(), Target: repository.DefaultBranch, Assets: []*Asset{}}
	q.apply(release)
	release.Page = fmt.Sprintf("%s/releases/%d", g.Page(repository.Owner+"/"+repository.Name), release.ID)
	if a := g.publishable(repository, release); a != nil {
		return *a
	}
	repository.Releases = append(repository.Releases, release)
	return answer{status: http.StatusCreated, body: release}
}

// publishable refuses a release that cannot be public, and makes its tag, as GitHub
// does.
func (g *GitHub) publishable(repository *Repository, release *Release) *answer {
	if release.Tag == "" {
		a := invalid("Release", "tag_name", "missing_field")
		return &a
	}
	if release.Draft {
		return nil
	}
	for _, other := range repository.Releases {
		if other.Tag == release.Tag && !other.Draft && other.ID != release.ID {
			a := invalid("Release", "tag_name", "already_exists")
			return &a
		}
	}
	if repository.Tags[release.Tag] == "" {
		repository.Tags[release.Tag] = repository.resolve(release.Target)
	}
	return nil
}

func (g *GitHub) editRelease(r *http.Request, repository *Repository, release *Release) answer {
	var q releaseRequest
	if err := read(r, &q); err != nil {
		return answer{status: http.StatusBadRequest, body: message("Problems parsing JSON")}
	}
	changed := *release
	q.apply(&changed)
	if a := g.publishable(repository, &changed); a != nil {
		return *a
	}
	*release = changed
	return answer{status: http.StatusOK, body: release}
}

func (g *GitHub) upload(r *http.Request, release *Release) answer {
	name := r.URL.Query().Get("name")
	if slices.ContainsFunc(release.Assets, func(a *Asset) bool { return a.Name == name }) {
		return invalid("ReleaseAsset", "name", "already_exists")
	}
	a := &Asset{ID: g.id(), Name: name, State: "starter", Type: r.Header.Get("Content-Type")}
	content, err := io.ReadAll(r.Body)
	release.Assets = append(release.Assets, a)
	if err != nil {
		return answer{status: http.StatusBadGateway, body: message("Bad Gateway")}
	}
	sum := sha256.Sum256(content)
	a.State, a.Content, a.Size = "uploaded", content, len(content)
	if !g.NoDigests {
		a.Digest = "sha256:" + hex.EncodeToString(sum[:])
	}
	return answer{status: http.StatusCreated, body: a}
}

func (g *GitHub) asset(r *http.Request, repository *Repository, text string) answer {
	id, _ := strconv.ParseInt(text, 10, 64)
	for _, release := range repository.Releases {
		for i, a := range release.Assets {
			switch {
			case a.ID != id:
			case r.Method == http.MethodDelete:
				release.Assets = slices.Delete(release.Assets, i, i+1)
				return answer{status: http.StatusNoContent}
			case r.Header.Get("Accept") == "application/octet-stream":
				return answer{status: http.StatusOK, header: map[string]string{"Content-Type": a.Type}, body: string(a.Content)}
			default:
				return answer{status: http.StatusOK, body: a}
			}
		}
	}
	return *notFound()
}
