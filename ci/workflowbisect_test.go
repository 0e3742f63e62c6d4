package ci

import (
	"path/filepath"
	"strings"
	"testing"
)

// A plan that does not install is bisected on from where an earlier run was stopped, against the night that is published.
func TestBisectWorkflow(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.runs("nightly", "--line", n.line, "--to", n.target, "--store", filepath.Join(n.dir, "store"), "--runner", "process")
	n.write(strings.Replace(n.text, "Hello from Sample_Greeting", "Nobody says this", 1))
	n.runs("plan", "--line", n.line, "--out", filepath.Join(n.dir, "plan.json"), "--store", filepath.Join(n.dir, "store"))
	n.tool("gh", `echo "gh $*"
case "$4 $5" in
"--name plan") cp `+n.dir+`/plan.json . ;;
"--name bisect") echo kept > "$7/kept" ;;
esac`)
	jobs := n.workflow("bisect.yml", "workflow_dispatch", map[string]any{"line": n.line, "run": "12", "hours": 1, "resume": "11"})
	expectJobs(t, jobs, map[string]string{"plan": "success", "bisect": "success"})
	for _, want := range []string{"The culprit of 1 step", "no commit: the line itself"} {
		if !strings.Contains(jobs["bisect"].said, want) {
			t.Errorf("want %q:\n%s", want, jobs["bisect"].said)
		}
	}
	if found, err := filepath.Glob(filepath.Join(n.dir, "run-*", "artifacts", "bisect", "*")); err != nil || len(found) < 3 {
		t.Errorf("the artifact has %q, %v; want what was kept, what was tried, and a report", found, err)
	}
	if !strings.Contains(jobs["bisect"].page, "## The culprit of 1 step") {
		t.Error(jobs["bisect"].page)
	}
}
