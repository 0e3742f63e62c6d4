package github

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mage-os/nightly/releases/github/fake"
)

func file(name, content string) File {
	return File{Name: name, ContentType: "text/plain", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader([]byte(content))), nil
	}}
}

var assets = []File{file("checksums.txt", "abc"), file("sbom.cdx.json", "{}"), file("empty.txt", "")}

// contents are the assets of a release by name.
func contents(r *fake.Release) map[string]string {
	found := map[string]string{}
	for _, a := range r.Assets {
		found[a.Name+" "+a.State] = string(a.Content)
	}
	return found
}

var uploaded = map[string]string{"checksums.txt uploaded": "abc", "sbom.cdx.json uploaded": "{}", "empty.txt uploaded": ""}

// make does all of a release.
func release(ctx context.Context, c *Client, commit string) (Release, error) {
	want := Wanted{Tag: "1.2.0", Target: commit, Name: "Shop 1.2.0", Body: "What is new"}
	r, err := c.EnsureRelease(ctx, shop, want)
	if err == nil {
		r, err = c.Upload(ctx, shop, r, assets)
	}
	if err == nil {
		r, err = c.Publish(ctx, shop, r, commit, true)
	}
	return r, err
}

// TestReleaseWhateverFails breaks each request in turn, in each way, and repeats the
// release: there is one release, with each asset once.
func TestReleaseWhateverFails(t *testing.T) {
	count := len(releaseBroken(t, 0, fake.Fault{}))
	if count < 12 {
		t.Fatalf("a release takes %d requests; is it made?", count)
	}
	for _, way := range []fake.Fault{{}, {Done: true}, {Half: true}, {Status: 500}, {Status: 500, Done: true}, {Status: 404}} {
		for n := 1; n <= count; n++ {
			releaseBroken(t, n, way)
		}
	}
}

func releaseBroken(t *testing.T, n int, way fake.Fault) []string {
	t.Helper()
	server, repository, client := newFake(t)
	server.OneWriteASecond = true
	commit := repository.Commit("Release 1.2.0")
	repository.Tags["1.2.0"] = commit
	server.BreakAt(n, way)
	_, first := release(context.Background(), client, commit)
	requests := server.Requests()
	if first != nil && way.Status != 404 {
		t.Errorf("request %d fails as %+v: %v", n, way, first)
	}
	published, err := release(context.Background(), client, commit) // by the same command
	if err != nil {
		t.Fatalf("request %d fails as %+v: repeated: %v", n, way, err)
	}
	if len(repository.Releases) != 1 {
		t.Fatalf("request %d fails as %+v: %d releases", n, way, len(repository.Releases))
	}
	made := repository.Releases[0]
	want := &fake.Release{Tag: "1.2.0", Target: commit, Name: "Shop 1.2.0", Body: "What is new", Latest: "true"}
	if diff := cmp.Diff(want, made, cmpopts.IgnoreFields(fake.Release{}, "ID", "Page", "Assets")); diff != "" {
		t.Errorf("request %d fails as %+v (-want +got):\n%s", n, way, diff)
	}
	if diff := cmp.Diff(uploaded, contents(made)); diff != "" || len(published.Assets) != len(assets) {
		t.Errorf("request %d fails as %+v: assets (-want +got):\n%s", n, way, diff)
	}
	return requests
}

func TestFindRelease(t *testing.T) {
	_, repository, client := newFake(t)
	for i := range 250 { // three pages
		repository.Releases = append(repository.Releases, &fake.Release{ID: int64(i + 1), Tag: fmt.Sprintf("0.%d.0", i), Draft: i%2 == 0, Assets: []*fake.Asset{}})
	}
	for i := range 150 {
		repository.Releases[0].Assets = append(repository.Releases[0].Assets, &fake.Asset{ID: int64(1000 + i), Name: fmt.Sprint(i), State: "uploaded"})
	}
	draft, err := client.FindRelease(context.Background(), shop, "0.0.0")
	if err != nil || !draft.Draft || len(draft.Assets) != 150 {
		t.Errorf("a draft on the last page: %d assets, %v", len(draft.Assets), err)
	}
	if r, err := client.FindRelease(context.Background(), shop, "0.1.0"); err != nil || r.Draft {
		t.Errorf("a published one: %v, %v", r, err)
	}
	if _, err := client.FindRelease(context.Background(), shop, "9.9.9"); !errors.Is(err, ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	repository.Releases[2].Tag = "0.0.0"
	if _, err := client.FindRelease(context.Background(), shop, "0.0.0"); err == nil || !strings.Contains(err.Error(), "there are 2") {
		t.Errorf("two drafts: %v", err)
	}
}

func TestEnsureRelease(t *testing.T) {
	want := Wanted{Tag: "1.0.0", Name: "Shop 1.0.0", Body: "new\n"}
	for _, c := range []struct {
		name string
		has  *fake.Release
		want string // the body after it
		err  string
	}{
		{"none", nil, "new\n", ""},
		{"a draft that says something else", &fake.Release{Tag: "1.0.0", Draft: true, Body: "old"}, "new\n", ""},
		{"published, the same, edited on the web", &fake.Release{Tag: "1.0.0", Name: "Shop 1.0.0", Body: "new\r\n"}, "new\r\n", ""},
		{"published, something else", &fake.Release{Tag: "1.0.0", Name: "Shop 1.0.0", Body: "old"}, "old", "is published and says something else"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, repository, client := newFake(t)
			if c.has != nil {
				c.has.ID, c.has.Assets = 77, []*fake.Asset{}
				repository.Releases = []*fake.Release{c.has}
			}
			release, err := client.EnsureRelease(context.Background(), shop, want)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Fatalf("got %v", err)
			}
			if got := repository.Releases[0]; got.Body != c.want || len(repository.Releases) != 1 || release.Body != c.want {
				t.Errorf("there is %+v, and got %+v", got, release)
			}
		})
	}
	long := Wanted{Tag: "1", Body: strings.Repeat("ä", maxBody+1)}
	_, _, client := newFake(t)
	if _, err := client.EnsureRelease(context.Background(), shop, long); err == nil || !strings.Contains(err.Error(), "125001 characters") {
		t.Errorf("a long text: %v", err)
	}
}

func TestUpload(t *testing.T) {
	const digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // of abc
	for _, c := range []struct {
		name      string
		has       *fake.Asset
		published bool
		old       bool // the server tells no digests
		requests  []string
		want      string
		err       string
	}{
		{"the same is left", &fake.Asset{State: "uploaded", Digest: digest, Content: []byte("abc")}, true, false, nil, "abc", ""},
		{"the same, on an older server", &fake.Asset{State: "uploaded", Content: []byte("abc")}, false, true, nil, "abc", ""},
		{"other is replaced in a draft", &fake.Asset{State: "uploaded", Digest: "sha256:00", Content: []byte("x")}, false, false, []string{"DELETE", "POST"}, "abc", ""},
		{"other, on an older server", &fake.Asset{State: "uploaded", Content: []byte("x")}, false, true, []string{"DELETE", "POST"}, "abc", ""},
		{"other stays in a published one", &fake.Asset{State: "uploaded", Digest: "sha256:00", Content: []byte("x")}, true, false, nil, "x", "is published and has it with other content"},
		{"a broken upload is replaced", &fake.Asset{State: "starter"}, true, false, []string{"DELETE", "POST"}, "abc", ""},
		{"none", nil, true, false, []string{"POST"}, "abc", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, repository, client := newFake(t)
			server.NoDigests = c.old
			made := &fake.Release{ID: 1, Tag: "1.0.0", Draft: !c.published, Assets: []*fake.Asset{}}
			if c.has != nil {
				c.has.ID, c.has.Name = 2, "checksums.txt"
				made.Assets = append(made.Assets, c.has)
			}
			repository.Releases = []*fake.Release{made}
			release, err := client.FindRelease(context.Background(), shop, "1.0.0")
			if err != nil {
				t.Fatal(err)
			}
			server.Requests()
			_, err = client.Upload(context.Background(), shop, release, assets[:1])
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Fatalf("got %v", err)
			}
			if got := string(made.Assets[0].Content); got != c.want || len(made.Assets) != 1 {
				t.Errorf("there is %q", got)
			}
			var writes []string
			for _, r := range server.Requests() {
				if method, _, _ := strings.Cut(r, " "); method != "GET" {
					writes = append(writes, method)
				}
			}
			if diff := cmp.Diff(c.requests, writes); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
		})
	}
	_, _, client := newFake(t)
	if _, err := client.Upload(context.Background(), shop, Release{Tag: "1"}, []File{file("a b", "")}); err == nil || !strings.Contains(err.Error(), `"a b" is no name`) {
		t.Errorf("a name that GitHub changes: %v", err)
	}
}

func TestPublish(t *testing.T) {
	_, repository, client := newFake(t)
	commit := repository.Commit("one")
	other := repository.Commit("two")
	repository.Releases = []*fake.Release{{ID: 1, Tag: "1.0.0-rc1", Draft: true, Prerelease: true, Assets: []*fake.Asset{}}}
	draft, err := client.FindRelease(context.Background(), shop, "1.0.0-rc1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Publish(context.Background(), shop, draft, commit, true); err == nil || !strings.Contains(err.Error(), "look up its tag") {
		t.Errorf("without a tag: %v", err)
	}
	repository.Tags["1.0.0-rc1"] = other
	if _, err := client.Publish(context.Background(), shop, draft, commit, true); err == nil || !strings.Contains(err.Error(), "nothing was published") {
		t.Errorf("tag at another commit: %v", err)
	}
	if !repository.Releases[0].Draft {
		t.Fatal("it was published")
	}
	repository.Tags["1.0.0-rc1"] = commit
	for range 2 {
		if _, err := client.Publish(context.Background(), shop, draft, commit, true); err != nil {
			t.Fatal(err)
		}
	}
	if r := repository.Releases[0]; r.Draft || r.Latest != "false" {
		t.Errorf("published as %+v", r)
	}
}

func TestRights(t *testing.T) {
	server, _, client := newFake(t)
	server.Tokens["secret"] = map[string]string{"contents": "read"}
	_, err := client.EnsureRelease(context.Background(), shop, Wanted{Tag: "1"})
	if err == nil || !strings.Contains(err.Error(), "the token needs contents=write") {
		t.Errorf("got %v", err)
	}
	_, err = clientOf(t, server, without).EnsureRelease(context.Background(), shop, Wanted{Tag: "1"})
	if err == nil || !strings.Contains(err.Error(), "none was given (GITHUB_TOKEN)") {
		t.Errorf("without a token: %v", err)
	}
	server.Tokens["secret"] = map[string]string{"contents": "write"}
	_, err = client.EnsureRelease(context.Background(), Repository{"acme", "none"}, Wanted{Tag: "1"})
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("no such repository: %v", err)
	}
}
