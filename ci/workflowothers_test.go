package ci

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases/github/fake"
)

// fakeEngine stands where programs of ci/engine build and start an engine and a Docker.
const fakeEngine = `#!/bin/sh
echo "engine $*" >&2
`

// What a change has to pass.
func TestCIWorkflow(t *testing.T) {
	t.Parallel()
	needInstall(t)
	a := newActions(t)
	a.brings("ci/engine/engine", fakeEngine)
	a.brings("ci/engine/docker", fakeEngine)
	for _, name := range []string{"git", "sshd", "chromium", "mariadbd"} { // the tests that would need them are not run
		a.tool(name, "")
	}
	for _, name := range []string{"docker", "podman", "nerdctl"} {
		a.tool(name, "exit 1")
	}
	a.override["ENGINE_HOME"] = filepath.Join(a.dir, "engine")
	jobs := a.workflow("ci.yml", "pull_request", nil)
	expectJobs(t, jobs, map[string]string{"test": "success", "sample": "success"})
	for id, want := range map[string]string{"test": "ok    staticcheck", "sample": "no problem"} {
		if !strings.Contains(jobs[id].said, want) {
			t.Errorf("job %s did not say %q:\n%s", id, want, jobs[id].said)
		}
	}
	if !strings.Contains(jobs["sample"].page, "| publish |") {
		t.Errorf("the page of the sample night:\n%s", jobs["sample"].page)
	}
}

// datePart is the time of a try in a status.
var datePart = regexp.MustCompile(`"at": ?"[^"]+"`)

// A monitor that finds nothing, then an old night, then a new one.
func TestFreshnessWorkflow(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	watch := func(want string, wantIssues int, wantState string) {
		t.Helper()
		jobs := n.workflow("freshness.yml", "workflow_call", map[string]any{"line": n.line, "max-age": "36h"})
		expectJobs(t, jobs, map[string]string{"freshness": want})
		issues := n.github.Repositories["acme/nightly"].Issues
		if len(issues) != wantIssues || wantIssues > 0 && issues[wantIssues-1].State != wantState {
			t.Fatalf("issues: %+v", issues)
		}
	}
	watch("failure", 1, "open") // nothing is published
	if out, err := exec.Command(n.program, "nightly", "--line", n.line, "--to", n.target, "--store", filepath.Join(n.dir, "store"), "--runner", "process").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	watch("success", 1, "closed")
	status := filepath.Join(n.target, "status.json")
	text, err := os.ReadFile(status)
	if err != nil {
		t.Fatal(err)
	}
	old := datePart.ReplaceAll(text, []byte(`"at":"2026-01-01T00:00:00Z"`))
	if err := os.WriteFile(status, old, 0o644); err != nil {
		t.Fatal(err)
	}
	watch("failure", 2, "open")
	watch("failure", 2, "open")
	if err := os.WriteFile(status, text, 0o644); err != nil {
		t.Fatal(err)
	}
	watch("success", 2, "closed")
}

// The newest Dagger: an issue says for as long as something breaks with it that it does.
func TestDaggerWorkflow(t *testing.T) {
	t.Parallel()
	needInstall(t)
	a := newActions(t)
	for i, test := range []struct{ fails, newest, issue string }{{"0", "success", ""}, {"1", "failure", "open"}, {"0", "success", "closed"}} {
		a.override["GET_FAILS"] = test.fails
		jobs := a.workflow("dagger.yml", "schedule", nil)
		expectJobs(t, jobs, map[string]string{"newest": test.newest, "status": "success"})
		if ran := strings.Contains(jobs["newest"].said, "no problem"); ran != (test.newest == "success") {
			t.Errorf("run %d: the sample night:\n%s", i, jobs["newest"].said)
		}
		issues := a.github.Repositories["acme/nightly"].Issues
		if len(issues) != min(i, 1) || i > 0 && (issues[0].State != test.issue || issues[0].Title != "The workflow dagger.yml fails" || !strings.Contains(issues[0].Body, "job newest failed")) {
			t.Errorf("run %d: issues: %+v", i, issues)
		}
	}
}

// Drift of a line, and of the repository that calls the workflow.
func TestDriftWorkflow(t *testing.T) {
	t.Parallel()
	a := newActions(t)
	jobs := a.workflow("drift.yml", "workflow_dispatch", map[string]any{"line": "sample"})
	expectJobs(t, jobs, map[string]string{"line": "success", "clone": "skipped"})
	if !strings.Contains(jobs["line"].page, "Sample distribution") {
		t.Errorf("the page:\n%s", jobs["line"].page)
	}
	a.brings("composer.json", `{"name": "acme/one", "type": "magento2-module", "autoload": {"psr-4": {"Acme\\One\\": ""}}}`)
	jobs = a.workflow("drift.yml", "workflow_call", map[string]any{"line": "sample", "program": "mage-os/nightly"})
	expectJobs(t, jobs, map[string]string{"line": "skipped", "clone": "success"})
	var log struct{ Version string }
	if err := json.Unmarshal(a.took("drift.sarif"), &log); err != nil || log.Version != "2.1.0" {
		t.Errorf("no SARIF 2.1.0: %q, %v", log.Version, err)
	}
}

// The organization against its list: what differs is on the page, and fails the run.
func TestOrgWorkflow(t *testing.T) {
	t.Parallel()
	a := newActions(t)
	a.github.Organization = fake.Acme()
	a.github.Tokens["token-of-app"] = map[string]string{}
	a.vars["ORGANIZATION_APP"], a.secrets["ORGANIZATION_APP_KEY"] = "1", "key"
	a.override["GH_ENTERPRISE_TOKEN"] = "token-of-app" // the fake is a server of its own
	a.brings("releases/organization/organization.yaml", "name: acme\nurl: "+a.github.Page("")+"\nrepositories: []\n")
	jobs := a.workflow("org.yml", "schedule", nil)
	expectJobs(t, jobs, map[string]string{"plan": "failure"})
	for _, want := range []string{"module-07", "exit code 9"} {
		if !strings.Contains(jobs["plan"].page, want) {
			t.Errorf("the page has no %q:\n%.3000s", want, jobs["plan"].page)
		}
	}
}

// A mirror, twice: the second run has nothing to do.
func TestMirrorWorkflow(t *testing.T) {
	t.Parallel()
	a := newActions(t)
	dir := filepath.Join(a.dir, "extras")
	script := `git init -q -b main "$1" && cd "$1" && mkdir One && printf '{"name": "acme/one", "version": "1.0.0"}' > One/composer.json &&
		git add . && git -c user.name=a -c user.email=a@example.org commit -q -m 1.0.0 && git tag 1.0.0`
	if out, err := exec.Command("sh", "-c", script, "sh", dir).CombinedOutput(); err != nil {
		t.Skipf("git is needed to make a repository: %v\n%s", err, out)
	}
	line := filepath.Join(a.dir, "tiny.yaml")
	text := "name: tiny\ntitle: Tiny\nvendor: acme\nurl: https://mirror.example.org/\nversions: {policy: tags, skip-tags: []}\n" +
		"repositories:\n  - name: extras\n    url: file://" + dir + "\n    packages:\n      - each: .\n"
	if err := os.WriteFile(line, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(a.dir, "html")
	a.secrets["MIRROR_TARGET"] = target
	for i, dry := range []bool{true, false, false} {
		jobs := a.workflow("mirror.yml", "workflow_dispatch", map[string]any{"line": line, "dry-run": dry})
		expectJobs(t, jobs, map[string]string{"mirror": "success"})
		_, err := os.Stat(filepath.Join(target, "dists", "acme", "one-1.0.0.zip"))
		if dry != os.IsNotExist(err) {
			t.Errorf("run %d, dry run %v: %v\n%s", i, dry, err, jobs["mirror"].said)
		}
	}
}
