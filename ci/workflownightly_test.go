package ci

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases"
)

// A newsroom is a line that is published on the web by workflows.
type newsroom struct {
	*actions
	target string // folder that is served
	line   string // file of the line
	text   string // of the line
}

func newNewsroom(t *testing.T) *newsroom {
	t.Helper()
	needInstall(t)
	n := &newsroom{actions: newActions(t)}
	n.target = filepath.Join(n.dir, "published")
	server := httptest.NewServer(http.FileServer(http.Dir(n.target)))
	t.Cleanup(server.Close)
	n.text = strings.Replace(sampleText(t), "url: https://nightly.example.org/", "url: "+server.URL+"/", 1) +
		"  level: install\n  matrix:\n    php: [" + phpMinor(t) + "]\n"
	n.line = filepath.Join(n.dir, "news.yaml")
	n.write(n.text)
	n.secrets["NIGHTLY_TARGET"] = n.target
	return n
}

func sampleText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../releases/sample.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// phpMinor is the version of this machine's PHP, as a string of YAML.
func phpMinor(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("php", "-r", "echo PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION;").Output()
	if err != nil {
		t.Fatal(err)
	}
	return `"` + string(out) + `"`
}

func (n *newsroom) write(text string) {
	n.t.Helper()
	if err := os.WriteFile(n.line, []byte(text), 0o644); err != nil {
		n.t.Fatal(err)
	}
}

func (n *newsroom) snapshot(inputs map[string]any) map[string]*jobRun {
	n.t.Helper()
	all := map[string]any{"line": n.line, "level": "as the line says", "dry-run": false}
	for name, value := range inputs {
		all[name] = value
	}
	return n.workflow("nightly.yml", "workflow_dispatch", all)
}

// expect compares the results of all jobs.
func expectJobs(t *testing.T, jobs map[string]*jobRun, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for id, job := range jobs {
		got[id] = job.result
	}
	if diff := cmp.Diff(want, got); diff != "" {
		for id, job := range jobs {
			t.Logf("job %s:\n%s", id, job.said)
		}
		t.Fatalf("jobs (-want +got):\n%s", diff)
	}
}

// nights are those at the target, oldest first.
func (n *newsroom) snapshots() []string {
	entries, err := os.ReadDir(filepath.Join(n.target, "nights"))
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.SortFunc(names, func(a, b string) int { return releases.NewestFirst(releases.SnapshotName(b), releases.SnapshotName(a)) })
	return names
}

// checkGood looks at what people see of a good run, and at what came of its jobs.
func (n *newsroom) checkGood(jobs map[string]*jobRun, snapshot string) {
	t := n.t
	t.Helper()
	for page, wants := range map[string][]string{
		jobs["build"].page:   {"## Green", "mageos-nightly plan: Sample distribution, night " + snapshot, "| stage | time | state | what |", "| build | ", "packages</summary>", "| repository | ref | commit | latest tag |"},
		jobs["install"].page: {"### Test installations", "| cell | level | PHP |"},
		jobs["publish"].page: {"### Published", "proven on other machines", "### Test installations"},
	} {
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("a page has no %q:\n%s", want, page)
			}
		}
	}
	for id, job := range jobs {
		if strings.Contains(job.page, n.target) {
			t.Errorf("the page of job %s names the target, which is a secret:\n%s", id, job.page)
		}
	}
	if got := strings.Count(jobs["attest"].said, "attested https://"); got != 2 {
		t.Errorf("%d attestations, want 2:\n%s", got, jobs["attest"].said)
	}
	for _, name := range []string{"provenance.json", "installation.json"} {
		if !json.Valid(n.took(name)) {
			t.Errorf("%s is no JSON", name)
		}
	}
	if !strings.Contains(jobs["build"].said, "checkout     done") || strings.Contains(jobs["install"].said, "build        done") {
		t.Errorf("a cell builds again:\n%s", jobs["install"].said)
	}
}

// A night on GitHub Actions: built once, proven by a job of its own, published,
// attested; a second one of the day; one that fails, with its issue; a dry run.
func TestNightlyWorkflow(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	var told []string
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var news struct{ State, Run string }
		if err := json.NewDecoder(r.Body).Decode(&news); err != nil || !strings.Contains(news.Run, "/acme/nightly/actions/runs/") {
			t.Errorf("news of %+v: %v", news, err)
		}
		told = append(told, news.State)
	}))
	defer hook.Close()
	n.secrets["NIGHTLY_NEWS"] = hook.URL
	good := map[string]string{"build": "success", "install": "success", "publish": "success", "attest": "success", "tell": "skipped", "status": "success", "after": "skipped"}

	jobs := n.snapshot(map[string]any{"dry-run": true})
	expectJobs(t, jobs, map[string]string{"build": "success", "install": "success", "publish": "success", "attest": "skipped", "tell": "skipped", "status": "skipped", "after": "skipped"})
	if got := n.snapshots(); len(got) > 0 {
		t.Fatalf("a dry run published %v", got)
	}
	if !strings.Contains(jobs["publish"].page, "### Would be published") {
		t.Errorf("the page of a dry run:\n%s", jobs["publish"].page)
	}

	jobs = n.snapshot(nil)
	expectJobs(t, jobs, good)
	first := n.snapshots()
	if len(first) != 1 {
		t.Fatalf("published %v", first)
	}
	n.checkGood(jobs, first[0])

	// Something was pushed: a second night of the day.
	n.write(strings.Replace(n.text, "title: Sample distribution", "title: Sample distribution, changed", 1))
	expectJobs(t, n.snapshot(nil), good)
	second := first[0] + ".1"
	if today := time.Now().UTC().Format(time.DateOnly); today != first[0] {
		second = today // it is past midnight
	}
	if diff := cmp.Diff(append(first, second), n.snapshots()); diff != "" {
		t.Fatalf("nights (-want +got):\n%s", diff)
	}

	// One that does not install. Nobody has to look for the commit by hand.
	n.tool("gh", `case "$1 $2" in
"run list") echo success ;;
"run view") echo php0.0 ;;
"workflow run") echo "gh $*" ;;
esac`)
	n.write(strings.Replace(n.text, "Hello from Sample_Greeting", "Nobody says this", 1))
	jobs = n.snapshot(nil)
	expectJobs(t, jobs, map[string]string{"build": "success", "install": "failure", "publish": "skipped", "attest": "skipped", "tell": "success", "status": "success", "after": "success"})
	if want := "gh workflow run bisect.yml --field line=" + n.line + " --field run="; !strings.Contains(jobs["after"].said, want) || !strings.Contains(jobs["after"].said, "--field cell=php0.0") {
		t.Errorf("want %q:\n%s", want, jobs["after"].said)
	}
	if got := len(n.snapshots()); got != 2 {
		t.Errorf("a night that does not install is published: %v", n.snapshots())
	}
	if !strings.Contains(jobs["install"].said, "::error title=mageos-nightly nightly::") || !strings.Contains(jobs["install"].page, "**1 problem**, exit code 5") {
		t.Errorf("no annotation, or no page:\n%s\n%s", jobs["install"].said, jobs["install"].page)
	}
	issues := n.github.Repositories["acme/nightly"].Issues
	if len(issues) != 1 || issues[0].State != "open" || !strings.Contains(issues[0].Body, "job install failed") {
		t.Fatalf("issues: %+v", issues)
	}
	// The last good night is not old yet: a monitor has nothing to say, and leaves the issue.
	expectJobs(t, n.workflow("freshness.yml", "workflow_call", map[string]any{"line": n.line}), map[string]string{"freshness": "success"})
	if issues = n.github.Repositories["acme/nightly"].Issues; len(issues) != 1 || issues[0].State != "open" {
		t.Fatalf("issues: %+v", issues)
	}

	// And it is mended.
	n.write(strings.Replace(n.text, "title: Sample distribution", "title: Sample distribution, mended", 1))
	expectJobs(t, n.snapshot(nil), good)
	issues = n.github.Repositories["acme/nightly"].Issues
	if len(issues) != 1 || issues[0].State != "closed" || len(issues[0].Comments) != 1 {
		t.Errorf("issues: %+v", issues)
	}
	if diff := cmp.Diff([]string{"broken", "healed"}, told); diff != "" {
		t.Errorf("news (-want +got):\n%s", diff)
	}
}

// What a cell does to the night's artifact, nobody publishes.
func TestNightlyWorkflowTampered(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.override["AFTER_UPLOAD"] = `[ $GITHUB_JOB != install ] || echo more >> $ARTIFACTS/night/night.tar`
	jobs := n.snapshot(nil)
	expectJobs(t, jobs, map[string]string{"build": "success", "install": "success", "publish": "failure", "attest": "skipped", "tell": "success", "status": "failure", "after": "skipped"})
	if !strings.Contains(jobs["publish"].said, "night.tar: FAILED") || len(n.snapshots()) > 0 {
		t.Errorf("published %v:\n%s", n.snapshots(), jobs["publish"].said)
	}
}

// Each schedule has its line.
func TestNightlyWorkflowSchedules(t *testing.T) {
	t.Parallel()
	a := newActions(t)
	a.builds(filepath.Join(a.tools, "program"))
	a.tool("program", `echo "program $*"; exit 1`)
	for schedule, line := range map[string]string{"23 10 * * *": "upstream-nightly", "23 11 * * *": "nightly"} {
		a.schedule = schedule
		if said := a.workflow("nightly.yml", "schedule", nil)["build"].said; !strings.Contains(said, "program plan --line "+line+" --published") {
			t.Errorf("at %s:\n%s", schedule, said)
		}
	}
}
