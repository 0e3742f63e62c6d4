package ci

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
)

// The workflows are as actionlint wants them.
func TestWorkflowsLint(t *testing.T) {
	var out bytes.Buffer
	linter, err := actionlint.NewLinter(&out, &actionlint.LinterOptions{LogWriter: io.Discard, IgnorePatterns: []string{
		`property "workflow_\w+" is not defined in object type`, // of job, since runner 2.334: actionlint does not know it yet
	}})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := linter.LintRepository("..")
	if err != nil {
		t.Fatal(err)
	}
	if len(problems) > 0 {
		t.Error(out.String())
	}
}

// pinned is an action by its commit, with its version in a comment, or one of this repository.
var pinned = regexp.MustCompile(`^uses: (?:[\w./-]+@[0-9a-f]{40} # v?\d+\.\d+\.\d+|\./\.github/actions/[\w-]+)$`)

// ofSchedule is what runs of one schedule do.
var ofSchedule = regexp.MustCompile(`github\.event\.schedule == '([^']*)'`)

// What GitHub advises, and actionlint does not look at: actions by commit, least
// rights, no text of an expression within a script, no code of strangers with rights.
func TestWorkflowsAreCareful(t *testing.T) {
	files, err := filepath.Glob("../.github/workflows/*.yml")
	if err != nil || len(files) < 3 {
		t.Fatalf("workflows: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(data)) {
				line = strings.TrimPrefix(strings.TrimSpace(line), "- ")
				if strings.HasPrefix(line, "uses:") && !pinned.MatchString(line) {
					t.Errorf("%q: want the commit, and the version in a comment", line)
				}
			}
			if bytes.Contains(data, []byte("github.workspace")) {
				t.Error("github.workspace is no folder in the container of a job: name files from where the steps are")
			}
			for _, when := range ofSchedule.FindAllSubmatch(data, -1) {
				if !bytes.Contains(data, fmt.Appendf(nil, "- cron: %q", when[1])) {
					t.Errorf("there is no schedule %q", when[1])
				}
			}
			w := parseWorkflow(t, file)
			if w.Permissions == nil || w.Permissions.All != nil || len(w.Permissions.Scopes) > 0 {
				t.Error("want permissions: {} for the whole, and each job's own")
			}
			for _, event := range w.On {
				if name := event.EventName(); name == "pull_request_target" || name == "workflow_run" {
					t.Errorf("%s runs strangers' code with the rights of this repository", name)
				}
			}
			for _, job := range w.Jobs {
				carefulJob(t, job)
			}
		})
	}
}

// mayWrite are all rights to write that jobs have; docs/workflows.md says why.
var mayWrite = map[string]bool{
	"answer pull-requests": true, "attest attestations": true, "attest id-token": true, "status issues": true, "freshness issues": true, "clone security-events": true,
	"images packages": true, "propose contents": true, "offer contents": true, "propose pull-requests": true, "after actions": true,
	"program attestations": true, "program contents": true, "program id-token": true, "program packages": true,
}

func carefulJob(t *testing.T, job *actionlint.Job) {
	t.Helper()
	id := job.ID.Value
	if job.Permissions == nil || job.Permissions.All != nil {
		t.Errorf("job %s: want its own permissions, by name", id)
		return
	}
	for name, scope := range job.Permissions.Scopes {
		if scope.Value.Value != "read" && !mayWrite[id+" "+name] {
			t.Errorf("job %s: %s: %s is more than it needs", id, name, scope.Value.Value)
		}
	}
	if job.TimeoutMinutes == nil {
		t.Errorf("job %s has no timeout-minutes", id)
	}
	secret := false
	for _, step := range job.Steps {
		switch what := step.Exec.(type) {
		case *actionlint.ExecRun:
			if strings.Contains(what.Run.Value, "${{") {
				t.Errorf("job %s: %q: take it from a variable: an expression becomes part of the script", id, what.Run.Value)
			}
		case *actionlint.ExecAction:
			if strings.HasPrefix(what.Uses.Value, "actions/checkout@") && (what.Inputs["persist-credentials"] == nil || what.Inputs["persist-credentials"].Value.Value != "false") {
				t.Errorf("job %s: the token stays on disk: want persist-credentials: false", id)
			}
		}
		for _, v := range envOf(step) {
			secret = secret || strings.Contains(v.Value.Value, "secrets.")
		}
		if action, ok := step.Exec.(*actionlint.ExecAction); ok {
			for _, input := range action.Inputs {
				secret = secret || strings.Contains(input.Value.Value, "secrets.")
			}
		}
	}
	if secret && job.Environment == nil {
		t.Errorf("job %s has secrets; want an environment that holds them", id)
	}
}

func envOf(step *actionlint.Step) map[string]*actionlint.EnvVar {
	if step.Env == nil {
		return nil
	}
	return step.Env.Vars
}

// A publish is never cut off.
func TestWorkflowsNeverCancelAPublish(t *testing.T) {
	for _, name := range []string{"nightly", "release", "mirror"} {
		w := parseWorkflow(t, "../.github/workflows/"+name+".yml")
		c := w.Concurrency
		if c == nil || c.Group == nil || c.CancelInProgress == nil || c.CancelInProgress.Value || c.CancelInProgress.Expression != nil {
			t.Errorf("%s.yml: want a concurrency group whose runs wait, and cancel-in-progress: false", name)
		}
	}
}

// Every secret and permission stands in the table of docs/workflows.md.
func TestWorkflowsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/workflows.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../.github/workflows/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	names := regexp.MustCompile(`\b(?:secrets|vars)\.(\w+)`)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range names.FindAllStringSubmatch(string(data), -1) {
			if !strings.Contains(string(page), "`"+match[1]+"`") {
				t.Errorf("docs/workflows.md does not say what %s of %s is for", match[1], filepath.Base(file))
			}
		}
		for id, job := range parseWorkflow(t, file).Jobs {
			for name, scope := range job.Permissions.Scopes {
				row := fmt.Sprintf("| `%s` | `%s` | `%s: %s` |", filepath.Base(file), id, name, scope.Value.Value)
				if !strings.Contains(string(page), row) {
					t.Errorf("docs/workflows.md has no row %s", row)
				}
			}
		}
	}
}
