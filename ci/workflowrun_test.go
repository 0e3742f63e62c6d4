package ci

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"

	"github.com/mage-os/nightly/releases/github/fake"
)

// An actions runs workflows of this project, every run: of them, on this machine: with
// the contexts, files and variables that GitHub gives, and with a fake GitHub behind
// the token of each job, which has that job's permissions and no more. Actions of
// others are not run; what they do to files is done here.
type actions struct {
	t        *testing.T
	dir      string // for everything
	program  string // that go build "builds"
	tools    string // folder of fake tools, first in PATH
	github   *fake.GitHub
	secrets  map[string]any
	vars     map[string]any
	override map[string]string // variables that say what this machine has
	files    map[string]string // what a checkout has beside the project's own

	after map[string]func() // what happens once a job has ended

	artifacts string // folder; new for each run
	run       int
}

// A jobRun is what became of a job.
type jobRun struct {
	result  string // success, failure or skipped
	outputs map[string]any
	said    string            // all that its steps wrote
	page    string            // its summary
	used    []string          // actions that "ran"
	images  map[string]string // of services, empty ones too
}

func newActions(t *testing.T) *actions {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash on this machine: Debian package bash")
	}
	a := &actions{t: t, dir: t.TempDir(), github: fake.New(), secrets: map[string]any{}, vars: map[string]any{}}
	t.Cleanup(a.github.Close)
	a.github.Tokens = map[string]map[string]string{}
	a.github.Repositories["acme/nightly"] = &fake.Repository{Owner: "acme", Name: "nightly"}
	program, err := exec.LookPath("mageos-nightly") // see TestMain
	if err != nil {
		t.Fatal(err)
	}
	a.program = program
	a.tools = filepath.Join(a.dir, "tools")
	a.tool("go", `case "$1" in
build) # of this program: it is built already
    while [ "$1" != -o ]; do shift; done
    ln -sf "$TEST_PROGRAM" "$2" ;;
test) echo '{"Action":"pass","Package":"example","Test":"TestExample"}' && echo '{"Action":"pass","Package":"example"}' ;;
list | vet | tool) ;;
version) echo go version go1.26 linux/amd64 ;;
*) echo "go $*: not in this test" >&2; exit 2 ;;
esac`)
	a.tool("gofmt", "")
	a.tool("apt-get", `echo "apt-get $*"`)
	a.override = map[string]string{"NIGHTLY_RUNNER": "process", "COMPOSER_ALLOW_SUPERUSER": "1", "TEST_PROGRAM": a.program}
	return a
}

func (a *actions) tool(name, script string) {
	a.t.Helper()
	if err := os.MkdirAll(a.tools, 0o755); err != nil {
		a.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(a.tools, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		a.t.Fatal(err)
	}
}

func parseWorkflow(t *testing.T, file string) *actionlint.Workflow {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	workflow, problems := actionlint.Parse(data)
	if len(problems) > 0 {
		t.Fatalf("%s: %v", file, problems[0])
	}
	return workflow
}

// workflow runs a workflow. Of a matrix every cell is run, as a job of its own.
func (a *actions) workflow(name, event string, inputs map[string]any) map[string]*jobRun {
	a.t.Helper()
	w := parseWorkflow(a.t, "../.github/workflows/"+name)
	a.run++
	a.artifacts = filepath.Join(a.dir, fmt.Sprintf("artifacts-%d", a.run))
	done := map[string]*jobRun{}
	for len(done) < len(w.Jobs) {
		before := len(done)
		for _, id := range slices.Sorted(maps.Keys(w.Jobs)) {
			job := w.Jobs[id]
			ready := done[id] == nil && !slices.ContainsFunc(job.Needs, func(n *actionlint.String) bool { return done[n.Value] == nil })
			if ready {
				done[id] = a.job(w, job, done, event, inputs)
				if happens := a.after[id]; happens != nil {
					happens()
				}
			}
		}
		if len(done) == before {
			a.t.Fatal("the jobs need each other")
		}
	}
	return done
}

func (a *actions) contexts(event string, inputs map[string]any, job *actionlint.Job, done map[string]*jobRun) map[string]any {
	needs := map[string]any{}
	for _, n := range job.Needs {
		needs[n.Value] = map[string]any{"result": done[n.Value].result, "outputs": done[n.Value].outputs}
	}
	if inputs == nil {
		inputs = map[string]any{}
	}
	return map[string]any{
		"inputs": inputs, "secrets": a.secrets, "vars": a.vars, "needs": needs, "matrix": map[string]any{}, "env": map[string]any{}, "steps": map[string]any{},
		"github": map[string]any{
			"event_name": event, "run_id": fmt.Sprint(a.run), "run_attempt": "1", "repository": "acme/nightly", "repository_owner": "acme",
			"ref": "refs/heads/main", "token": "token-of-" + job.ID.Value,
		},
	}
}

// job runs a job, or all cells of its matrix.
func (a *actions) job(w *actionlint.Workflow, job *actionlint.Job, done map[string]*jobRun, event string, inputs map[string]any) *jobRun {
	a.t.Helper()
	e := expressions{contexts: a.contexts(event, inputs, job, done)}
	for _, n := range job.Needs {
		e.failed = e.failed || done[n.Value].result != "success"
	}
	a.right(w, job)
	wanted := !e.failed
	if job.If != nil {
		wanted = a.condition(e, job.If.Value)
	}
	if !wanted {
		return &jobRun{result: "skipped", outputs: map[string]any{}}
	}
	e.failed = false
	if job.Strategy == nil {
		return a.cell(w, job, e)
	}
	value, err := e.value(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(job.Strategy.Matrix.Expression.Value), "${{"), "}}"))
	if err != nil {
		a.t.Fatal(err)
	}
	all := &jobRun{result: "success", outputs: map[string]any{}}
	cells, _ := propertyOf(value, "include").([]any)
	if len(cells) == 0 {
		a.t.Fatalf("job %s has no cells: %v", job.ID.Value, value)
	}
	for _, cell := range cells {
		e.contexts["matrix"], e.contexts["env"], e.contexts["steps"] = cell, map[string]any{}, map[string]any{}
		one := a.cell(w, job, e)
		if one.result != "success" {
			all.result = one.result
		}
		all.said, all.page, all.used, all.images = all.said+one.said, all.page+one.page, append(all.used, one.used...), one.images
	}
	return all
}

// right gives the job's token the rights of its permissions.
func (a *actions) right(w *actionlint.Workflow, job *actionlint.Job) {
	granted := w.Permissions
	if job.Permissions != nil {
		granted = job.Permissions
	}
	rights := map[string]string{}
	for name, scope := range granted.Scopes {
		rights[strings.ReplaceAll(name, "-", "_")] = scope.Value.Value
	}
	a.github.Tokens["token-of-"+job.ID.Value] = rights
}

func (a *actions) condition(e expressions, text string) bool {
	a.t.Helper()
	wanted, err := e.condition(text)
	if err != nil {
		a.t.Fatal(err)
	}
	return wanted
}

// A machine is what one job runs on.
type machine struct {
	*actions
	e         expressions
	run       *jobRun
	workspace string
	temp      string
	env       map[string]string // of workflow, job and GITHUB_ENV
}

func (a *actions) cell(w *actionlint.Workflow, job *actionlint.Job, e expressions) *jobRun {
	a.t.Helper()
	dir, err := os.MkdirTemp(a.dir, "job-"+job.ID.Value+"-")
	if err != nil {
		a.t.Fatal(err)
	}
	m := &machine{
		actions: a, e: e, run: &jobRun{result: "success", outputs: map[string]any{}, images: map[string]string{}},
		workspace: filepath.Join(dir, "workspace"), temp: filepath.Join(dir, "temp"), env: map[string]string{},
	}
	for _, folder := range []string{m.workspace, m.temp} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			a.t.Fatal(err)
		}
	}
	m.e.contexts["github"].(map[string]any)["workspace"] = m.workspace
	m.environment(w.Env, m.env)
	m.environment(job.Env, m.env)
	if job.Services != nil {
		for name, service := range job.Services.Value {
			m.run.images[name] = m.text(service.Container.Image.Value)
		}
	}
	for _, step := range job.Steps {
		m.step(step)
	}
	for name, output := range job.Outputs {
		m.run.outputs[name] = m.text(output.Value.Value)
	}
	return m.run
}

// environment evaluates variables into a map, and into the context env.
func (m *machine) environment(env *actionlint.Env, into map[string]string) {
	if env == nil {
		return
	}
	for _, v := range env.Vars {
		into[v.Name.Value] = m.text(v.Value.Value)
	}
	known := map[string]any{}
	for name, value := range into {
		known[name] = value
	}
	m.e.contexts["env"] = known
}

func (m *machine) text(s string) string {
	m.t.Helper()
	text, err := m.e.text(s)
	if err != nil {
		m.t.Fatal(err)
	}
	return text
}

func (m *machine) step(step *actionlint.Step) {
	m.t.Helper()
	m.e.failed = m.run.result != "success"
	wanted := !m.e.failed
	if step.If != nil {
		wanted = m.condition(m.e, step.If.Value)
	}
	if !wanted {
		return
	}
	outputs := map[string]any{}
	var err error
	switch what := step.Exec.(type) {
	case *actionlint.ExecRun:
		err = m.shell(step, what.Run.Value, outputs)
	case *actionlint.ExecAction:
		err = m.use(what, outputs)
	}
	if err != nil {
		m.run.said += "\n" + err.Error() + "\n"
		m.run.result = "failure"
	}
	if step.ID != nil {
		m.e.contexts["steps"].(map[string]any)[step.ID.Value] = map[string]any{"outputs": outputs}
	}
}

// shell runs a script as the runner does: bash -e -o pipefail.
func (m *machine) shell(step *actionlint.Step, script string, outputs map[string]any) error {
	env := maps.Clone(m.env)
	if step.Env != nil {
		for _, v := range step.Env.Vars {
			env[v.Name.Value] = m.text(v.Value.Value)
		}
	}
	maps.Copy(env, map[string]string{
		"PATH": m.tools + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME": m.temp, "CI": "true", "RUNNER_TEMP": m.temp,
		"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": m.workspace, "GITHUB_REPOSITORY": "acme/nightly", "GITHUB_SERVER_URL": "https://github.com",
		"GITHUB_API_URL": m.github.URL(), "GITHUB_RUN_ID": fmt.Sprint(m.actions.run), "GITHUB_RUN_ATTEMPT": "1",
		"GITHUB_WORKFLOW_REF": "acme/nightly/.github/workflows/nightly.yml@refs/heads/main",
	})
	maps.Copy(env, m.override)
	files := map[string]string{}
	for _, name := range []string{"GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY"} {
		files[name] = filepath.Join(m.temp, name)
		env[name] = files[name]
		if err := os.WriteFile(files[name], nil, 0o644); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(m.t.Context(), "bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script)
	cmd.Dir = m.workspace
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	m.run.said += "\n$ " + script + "\n" + string(out)
	if err != nil {
		err = fmt.Errorf("%w in the step above", err)
	}
	for name, value := range pairs(m.t, files["GITHUB_OUTPUT"]) {
		outputs[name] = value
	}
	maps.Copy(m.env, pairs(m.t, files["GITHUB_ENV"]))
	page, readErr := os.ReadFile(files["GITHUB_STEP_SUMMARY"])
	if readErr != nil {
		return readErr
	}
	m.run.page += string(page)
	return err
}

// pairs reads NAME=VALUE, one a line.
func pairs(t *testing.T, file string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), "=")
		if !ok {
			t.Fatalf("%s: %q is no NAME=VALUE", filepath.Base(file), lines.Text())
		}
		all[name] = value
	}
	return all
}
