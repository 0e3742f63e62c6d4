package ci

import (
	"io"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/releases/github/fake"
	"github.com/mage-os/nightly/releases/lines"
)

// What lies on GitHub is asked there, with its pull requests; all else, and what
// GitHub does not tell, comes from git.
func TestHistory(t *testing.T) {
	server := fake.New()
	defer server.Close()
	shop := server.AddRepository("acme/shop")
	before := shop.Commit("Start")
	after := shop.Commit("Faster cart (#7)")
	env := &factory{stdout: io.Discard, stderr: io.Discard, environ: os.Environ, getenv: func(name string) string {
		return map[string]string{"GITHUB_API_URL": server.URL()}[name]
	}}
	locate := runner.Embedded(t.TempDir())
	history, err := env.history(git.Options{Client: env.client(nil), Locate: locate})
	if err != nil {
		t.Fatal(err)
	}
	got, err := history.Between(t.Context(), server.Page("acme/shop.git"), before, after)
	want := []compare.Commit{{ID: after, Parent: before, At: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), Subject: "Faster cart (#7)", Author: "Jane Doe", PullRequests: []compare.PullRequest{{Number: "7"}}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	line, err := lines.Load("sample")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := locate(line.Repositories[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	// git tells of an embedded repository, and of a folder.
	for _, address := range []string{line.Repositories[0].URL, "file://" + dir} {
		_, err := history.Between(t.Context(), address, before, after)
		if err == nil || err.Error() != "commit "+before+": object not found" {
			t.Errorf("%s: error %v, want one about the commit", address, err)
		}
	}
}
