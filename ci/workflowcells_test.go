package ci

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"

	"github.com/mage-os/nightly/pipeline/container"
)

// packageCode are the commands that run the code of packages, and buildsOnly the flags with
// which they do not.
var (
	packageCode = regexp.MustCompile(`mageos-nightly (?:nightly|release|test)\b.*`)
	buildsOnly  = regexp.MustCompile(`--until build|--matrix json|--promote`)
)

// testing is the one job that runs package code and keeps something for its next run. Nothing
// that it keeps is restored by another: see below.
const testingJob = "ci.yml test"

// Package code runs in containers, in jobs that restore and save nothing, and have no
// services or PHP of their own.
func TestWorkflowsWallPackageCode(t *testing.T) {
	files, err := filepath.Glob("../.github/workflows/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	walled := map[string]bool{}
	for _, file := range files {
		w := parseWorkflow(t, file)
		for id, job := range w.Jobs {
			name := filepath.Base(file) + " " + id
			keeps := keeping(job)
			if name != testingJob && strings.Contains(keeps, "setup-go") {
				t.Errorf("%s: setup-go restores what another job built: want cache: false", name)
			}
			if !runsPackageCode(job) || name == testingJob {
				continue
			}
			walled[name] = true
			if keeps != "" {
				t.Errorf("%s runs package code and keeps %s", name, keeps)
			}
			if job.Services != nil && len(job.Services.Value) > 0 {
				t.Errorf("%s has services of GitHub; the engine runs them", name)
			}
			if runner := variable(w.Env, job.Env, "nightly_runner"); runner != inContainers {
				t.Errorf("%s: NIGHTLY_RUNNER is %q; want %s", name, runner, inContainers)
			}
		}
	}
	for _, name := range []string{"nightly.yml install", "release.yml preview", "ci.yml sample", "dagger.yml newest"} {
		if !walled[name] {
			t.Errorf("%s does not count as running package code", name)
		}
	}
}

func runsPackageCode(job *actionlint.Job) bool {
	for _, step := range job.Steps {
		if run, ok := step.Exec.(*actionlint.ExecRun); ok {
			for _, command := range packageCode.FindAllString(run.Run.Value, -1) {
				if !buildsOnly.MatchString(command) {
					return true
				}
			}
		}
	}
	return false
}

// keeping names the actions by which a job keeps something for later runs, or has a PHP.
func keeping(job *actionlint.Job) string {
	var keeps []string
	for _, step := range job.Steps {
		action, ok := step.Exec.(*actionlint.ExecAction)
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(action.Uses.Value, "@")
		cache := action.Inputs["cache"]
		switch {
		case strings.HasPrefix(name, "actions/cache"), strings.HasSuffix(name, "/setup-php"),
			name == "actions/setup-go" && (cache == nil || cache.Value.Value != "false"):
			keeps = append(keeps, name)
		}
	}
	return strings.Join(keeps, ", ")
}

// variable is that of a job, or of its workflow.
func variable(workflow, job *actionlint.Env, name string) string {
	for _, env := range []*actionlint.Env{job, workflow} {
		if env != nil && env.Vars[name] != nil {
			return env.Vars[name].Value.Value
		}
	}
	return ""
}

// What a cell hands on is its proof, the record of its try and its report; publish takes nothing else of it.
func TestCellsHandOnProofs(t *testing.T) {
	jobs := parseWorkflow(t, "../.github/workflows/nightly.yml").Jobs
	names := func(id, action, input string) (all string) {
		for _, step := range jobs[id].Steps {
			if a, ok := step.Exec.(*actionlint.ExecAction); ok && strings.HasPrefix(a.Uses.Value, action+"@") && a.Inputs[input] != nil {
				all += a.Inputs[input].Value.Value + ";"
			}
		}
		return all
	}
	for _, test := range []struct{ id, action, input, want string }{
		{"install", "actions/upload-artifact", "name", "proof-${{ matrix.name }};try-${{ matrix.name }};report-${{ matrix.name }};"},
		{"publish", "actions/download-artifact", "name", "night;"},
		{"publish", "actions/download-artifact", "pattern", "proof-*;try-*;"},
	} {
		if got := names(test.id, test.action, test.input); got != test.want {
			t.Errorf("job %s: %s of %s: %q, want %q", test.id, test.input, test.action, got, test.want)
		}
	}
}

// A night of workflows whose cells run in containers, as on GitHub.
func TestEngineNightlyWorkflow(t *testing.T) {
	image := needImage(t)
	if os.Getenv(container.RunnerHost) == "" {
		t.Skipf("no container engine: %s is not set", container.RunnerHost)
	}
	n := newNewsroom(t)
	program, err := builtProgram() // a static one
	if err != nil {
		t.Fatal(err)
	}
	n.builds(program)
	delete(n.override, "NIGHTLY_RUNNER") // the workflow's own counts
	n.write(n.text + "  images:\n    php: " + image + "\n")
	jobs := n.snapshot(nil)
	expectJobs(t, jobs, map[string]string{"build": "success", "install": "success", "publish": "success", "attest": "success", "tell": "skipped", "status": "success", "after": "skipped"})
	for id, job := range jobs {
		if inside := strings.Contains(job.said, "runner       "+inContainers); inside != (id == "install") {
			t.Errorf("job %s: in containers: %v\n%s", id, inside, job.said)
		}
	}
	if strings.Contains(jobs["install"].said, "build        done") {
		t.Errorf("a cell builds again:\n%s", jobs["install"].said)
	}
}
