package ci

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases/github/fake"
)

// News are told when a workflow breaks, each time that it still is, and when it is well again; a webhook that fails
// changes nothing, and its URL is never shown.
func TestNews(t *testing.T) {
	server := fake.New()
	defer server.Close()
	server.Repositories["acme/nightly"] = &fake.Repository{Owner: "acme", Name: "nightly"}
	var told []string
	answer := http.StatusNoContent
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var news struct{ State, Title, Issue string }
		data, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(data, &news)
		}
		if err != nil || r.URL.Path != "/hooks/s3cret" || !strings.HasSuffix(news.Issue, "/acme/nightly/issues/1") {
			t.Errorf("%s %s: %v", r.URL, data, err)
		}
		told = append(told, news.State+": "+news.Title)
		w.WriteHeader(answer)
	}))
	defer hook.Close()
	jobs := filepath.Join(t.TempDir(), "jobs.json")
	status := func(result, url string) (code int, stderr string) {
		t.Helper()
		if err := os.WriteFile(jobs, []byte(`{"install": {"result": "`+result+`"}}`), 0o644); err != nil {
			t.Fatal(err)
		}
		var out, failed bytes.Buffer
		env := &factory{
			stdout: &out, stderr: &failed, now: time.Now, environ: os.Environ, wait: func(context.Context, time.Duration) error { return nil },
			getenv: func(name string) string {
				return map[string]string{"GITHUB_TOKEN": "secret", "GITHUB_API_URL": server.URL(), newsVariable: url}[name]
			},
		}
		root := newRoot(env)
		root.SetArgs([]string{"status", "--workflow", "nightly.yml", "--jobs", jobs, "--issue", "acme/nightly", "--verbose"})
		code = exitCode(root.ExecuteContext(t.Context()))
		if text := out.String() + failed.String(); strings.Contains(text, "s3cret") || strings.Contains(text, strings.TrimPrefix(hook.URL, "http://")) {
			t.Errorf("the webhook is shown:\n%s", text)
		}
		return code, failed.String()
	}
	url := hook.URL + "/hooks/s3cret"
	for _, step := range []struct {
		result, url string
		answer      int
		warning     string
	}{
		{"success", url, http.StatusNoContent, ""},
		{"failure", url, http.StatusNoContent, ""},
		{"failure", url, http.StatusNotFound, "warning: send the news to the webhook: it answered 404"},
		{"failure", "s3cret", 0, "warning: NIGHTLY_NEWS holds no https:// URL; nobody is told"},
		{"failure", "", 0, ""},
		{"success", url, http.StatusOK, ""},
		{"success", url, http.StatusOK, ""},
	} {
		answer = step.answer
		code, stderr := status(step.result, step.url)
		if code != 0 || !strings.Contains(stderr, step.warning) || step.warning == "" && strings.Contains(stderr, "warning") {
			t.Errorf("%+v: exit code %d, %s", step, code, stderr)
		}
	}
	want := []string{"broken: The workflow nightly.yml fails", "still broken: The workflow nightly.yml fails", "healed: nightly.yml is well again"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
