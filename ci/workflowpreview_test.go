package ci

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rhysd/actionlint"

	"github.com/mage-os/nightly/releases/github/fake"
)

// A previews is a repository with a pull request that calls the workflow of previews.
type previews struct {
	*actions
	target, line, head string
	pull               *fake.Pull
	asked              *fake.Issue // the pull request as an issue, which has its comments
}

func newPreviews(t *testing.T) *previews {
	t.Helper()
	needInstall(t)
	p := &previews{actions: newActions(t)}
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed")
	}
	run := func(name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	store, bare, work := filepath.Join(p.dir, "sample"), filepath.Join(p.dir, "git", "acme", "nightly.git"), filepath.Join(p.dir, "work")
	run(p.program, "plan", "--line", "sample", "--store", store)
	run(git, "clone", "--quiet", "--bare", filepath.Join(store, "embedded", "repositories", "extras"), bare)
	run(git, "-C", bare, "config", "uploadpack.allowAnySHA1InWant", "true")
	run(git, "clone", "--quiet", bare, work)
	p.write("work/GiftWrap/Model/Preview.php", "<?php // asked for\n")
	run(git, "-C", work, "add", "--all")
	run(git, "-C", work, "-c", "user.name=eve", "-c", "user.email=eve@example.org", "commit", "--quiet", "--message=more")
	run(git, "-C", work, "push", "--quiet", bare, "HEAD:refs/pull/7/head")
	p.head = run(git, "-C", work, "rev-parse", "HEAD")
	p.github.Git = &cgi.Handler{Path: filepath.Join(run(git, "--exec-path"), "git-http-backend"), Env: []string{
		"GIT_PROJECT_ROOT=" + filepath.Join(p.dir, "git"), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
	}}
	p.target = filepath.Join(p.dir, "published")
	server := httptest.NewServer(http.FileServer(http.Dir(p.target)))
	t.Cleanup(server.Close)
	p.line = filepath.Join(p.dir, "sample.yaml")
	text := strings.Replace(sampleText(t), "url: embedded:extras", "url: "+p.github.Page("acme/nightly")+".git", 1)
	if err := os.WriteFile(p.line, []byte(text+"  level: install\n  matrix:\n    php: ["+phpMinor(t)+"]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p.secrets["TRY_TARGET"], p.vars["TRY_URL"] = p.target, server.URL+"/"
	p.override["GITHUB_SERVER_URL"] = strings.TrimSuffix(p.github.Page(""), "/")
	r := p.github.Repositories["acme/nightly"]
	r.Permissions = map[string]string{"ada": "write"}
	r.Pulls = []fake.Pull{{Number: 7, Head: fake.PullHead{Commit: p.head, Repository: "eve/nightly", Pushed: time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC)}}}
	p.pull, p.asked = &r.Pulls[0], &fake.Issue{Number: 7, Pull: true, State: "open"}
	r.Issues = append(r.Issues, p.asked)
	return p
}

// on runs the workflow on an event.
func (p *previews) on(event map[string]any) map[string]*jobRun {
	event["repository"] = map[string]any{"full_name": "acme/nightly"}
	p.event = event
	return p.workflow("preview.yml", "workflow_call", map[string]any{"line": p.line, "plan": "", "level": "", "days": "3", "label": "preview", "program": "acme/nightly"})
}

func tryBy(user string) map[string]any {
	return map[string]any{
		"action": "created", "issue": map[string]any{"number": 7, "pull_request": map[string]any{}},
		"comment": map[string]any{"body": "/try", "created_at": "2026-11-24T02:00:00Z", "user": map[string]any{"login": user}},
	}
}

// said is what was answered last.
func (p *previews) said() string {
	if len(p.asked.Comments) == 0 {
		return ""
	}
	return p.asked.Comments[len(p.asked.Comments)-1]
}

// A preview from the comment that asks for it to its end.
func TestPreviewWorkflow(t *testing.T) {
	t.Parallel()
	p := newPreviews(t)
	of := filepath.Join(p.target, "acme", "nightly", "pr", "7")
	nothing := map[string]string{"ask": "success", "build": "skipped", "prove": "skipped", "publish": "skipped", "answer": "skipped", "remove": "skipped"}
	other := tryBy("ada")
	other["comment"].(map[string]any)["body"] = "What a fine change"
	expectJobs(t, p.on(other), nothing)

	refused := map[string]string{"ask": "success", "build": "skipped", "prove": "skipped", "publish": "skipped", "answer": "success", "remove": "skipped"}
	expectJobs(t, p.on(tryBy("eve")), refused)
	if want := "No preview: only who may write to acme/nightly may ask for a preview."; p.said() != want {
		t.Errorf("said %q, want %q", p.said(), want)
	}
	p.pull.Head.Pushed = p.pull.Head.Pushed.Add(2 * time.Hour)
	expectJobs(t, p.on(tryBy("ada")), refused)
	if !strings.Contains(p.said(), "was pushed to eve/nightly") {
		t.Errorf("said %q", p.said())
	}
	if _, err := os.Stat(p.target); err == nil {
		t.Error("something is published")
	}

	p.pull.Head.Pushed = p.pull.Head.Pushed.Add(-2 * time.Hour)
	jobs := p.on(tryBy("ada"))
	expectJobs(t, jobs, map[string]string{"ask": "success", "build": "success", "prove": "success", "publish": "success", "answer": "success", "remove": "skipped"})
	for _, want := range []string{"**Green**: [preview preview-", p.vars["TRY_URL"] + "acme/nightly/pr/7/", "preview of acme/nightly#7 at " + p.head[:10], "changes 1 file in `sample-os/module-gift-wrap`", "All of the run"} {
		if !strings.Contains(p.said(), want) {
			t.Errorf("the answer has no %q:\n%s", want, p.said())
		}
	}
	page, err := os.ReadFile(filepath.Join(of, "index.html"))
	if err != nil || !strings.Contains(string(page), "no night, ends on") {
		t.Errorf("the page: %v", err)
	}
	if _, err := os.Stat(filepath.Join(of, "metadata")); err == nil {
		t.Error("the preview is signed")
	}

	// It is closed.
	expectJobs(t, p.on(map[string]any{"action": "closed", "pull_request": map[string]any{"number": 7}}), map[string]string{"ask": "success", "build": "skipped", "prove": "skipped", "publish": "skipped", "answer": "skipped", "remove": "success"})
	if _, err := os.Stat(filepath.Join(of, "packages.json")); err == nil {
		t.Error("the preview is not removed")
	}
}

// What was changed on the way, and what was pushed meanwhile, nobody publishes; who asked is told.
func TestPreviewWorkflowRed(t *testing.T) {
	t.Parallel()
	p := newPreviews(t)
	red := map[string]string{"ask": "success", "build": "success", "prove": "success", "publish": "failure", "answer": "success", "remove": "skipped"}
	p.override["AFTER_UPLOAD"] = `[ $GITHUB_JOB != prove ] || echo more >> $ARTIFACTS/preview/preview.tar`
	jobs := p.on(tryBy("ada"))
	expectJobs(t, jobs, red)
	if !strings.Contains(jobs["publish"].said, "preview.tar: FAILED") || !strings.Contains(p.said(), "**Red**: there is no preview; publish failed") {
		t.Errorf("said %q:\n%s", p.said(), jobs["publish"].said)
	}
	delete(p.override, "AFTER_UPLOAD")
	git := p.github.Git
	p.github.Git = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // the build fetches: it was asked already
		git.ServeHTTP(w, r)
		p.pull.Head.Commit = strings.Repeat("0", 40)
	})
	p.pull.Head.Pushed = p.pull.Head.Pushed.Add(-time.Minute)
	expectJobs(t, p.on(map[string]any{"action": "labeled", "sender": map[string]any{"login": "ada"}, "label": map[string]any{"name": "preview"}, "pull_request": map[string]any{"number": 7, "head": map[string]any{"sha": p.head}}}), red)
	if _, err := os.Stat(p.target); err == nil {
		t.Error("something is published")
	}
}

// Only jobs that run nothing of a pull request have secrets.
func TestPreviewWorkflowWalls(t *testing.T) {
	for id, job := range parseWorkflow(t, "../.github/workflows/preview.yml").Jobs {
		secrets, runs := job.Environment != nil, false
		for _, step := range job.Steps {
			if run, ok := step.Exec.(*actionlint.ExecRun); ok {
				runs = runs || strings.Contains(run.Run.Value, "nightly --plan") || strings.Contains(run.Run.Value, "--until")
			}
		}
		if secrets && runs || runs != (id == "build" || id == "prove") || secrets != (id == "publish" || id == "remove") {
			t.Errorf("job %s: secrets %v, runs what was asked for %v", id, secrets, runs)
		}
		for name, scope := range job.Permissions.Scopes {
			if runs && (name != "contents" || scope.Value.Value != "read") {
				t.Errorf("job %s: %s: %s near a stranger's code", id, name, scope.Value.Value)
			}
		}
	}
}
