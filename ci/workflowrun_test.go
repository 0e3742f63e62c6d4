package ci

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"

	"github.com/mage-os/nightly/ci/tools"
	"github.com/mage-os/nightly/releases/github/fake"
)

// An actions runs workflows of this project by nektos/act on this machine: all run:
// lines and expressions, with a fake GitHub behind the token of each job, which has
// that job's permissions and no more. For actions of others testdata/actions stands in.
type actions struct {
	t        *testing.T
	dir      string // for everything
	program  string // that go build "builds"
	tools    string // folder of fake tools, first in PATH
	checkout string // folder of what a checkout brings
	taken    string // folder of what actions sent away
	github   *fake.GitHub
	secrets  map[string]string
	vars     map[string]string
	override map[string]string // variables of every step
	schedule string            // cron of the runs
	event    map[string]any    // more of the event of the runs
	run      int
}

// A jobRun is what became of a job.
type jobRun struct {
	result string // success, failure or skipped
	said   string // all that its steps wrote
	page   string // its summary
}

func newActions(t *testing.T) *actions {
	t.Helper()
	if tools.Find("act") == "" || tools.Find("bash") == "" {
		t.Skip("no act or no bash on this machine: mageos-nightly test --install-tools installs act")
	}
	program, err := exec.LookPath("mageos-nightly") // see TestMain
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	a := &actions{
		t: t, dir: dir, program: program, tools: filepath.Join(dir, "tools"), checkout: filepath.Join(dir, "checkout"), taken: filepath.Join(dir, "taken"),
		github: fake.New(), secrets: map[string]string{}, vars: map[string]string{},
		override: map[string]string{"NIGHTLY_RUNNER": "process", "COMPOSER_ALLOW_SUPERUSER": "1"},
	}
	t.Cleanup(a.github.Close)
	a.github.Tokens = map[string]map[string]string{}
	a.github.Repositories["acme/nightly"] = &fake.Repository{Owner: "acme", Name: "nightly"}
	a.write("taken/.keep", "")
	if err := os.CopyFS(filepath.Join(a.checkout, ".github", "actions"), os.DirFS("../.github/actions")); err != nil {
		t.Fatal(err)
	}
	a.brings("go.mod", "module example.org/checkout\n")
	a.builds(program)
	a.tool("gofmt", "")
	a.tool("apt-get", `echo "apt-get $*"`)
	return a
}

// builds lets go build a program, which is built already.
func (a *actions) builds(program string) {
	a.tool("go", `case "$1" in
build) # of this program: it is built already
    while [ "$1" != -o ]; do shift; done
    ln -sf `+program+` "$2" ;;
test) echo '{"Action":"pass","Package":"example","Test":"TestExample"}' && echo '{"Action":"pass","Package":"example"}' ;;
get) exit ${GET_FAILS:-0} ;;
list | mod | vet | tool) ;;
version) echo go version go1.26 linux/amd64 ;;
*) echo "go $*: not in this test" >&2; exit 2 ;;
esac`)
}

// write makes a file in the folder of the test.
func (a *actions) write(name, text string) {
	a.t.Helper()
	file := filepath.Join(a.dir, filepath.FromSlash(name))
	err := os.MkdirAll(filepath.Dir(file), 0o755)
	if err == nil {
		err = os.WriteFile(file, []byte(text), 0o755)
	}
	if err != nil {
		a.t.Fatal(err)
	}
}

func (a *actions) tool(name, script string) { a.write("tools/"+name, "#!/bin/sh\n"+script+"\n") }

// runs runs the program.
func (a *actions) runs(args ...string) {
	a.t.Helper()
	if out, err := exec.Command(a.program, args...).CombinedOutput(); err != nil {
		a.t.Fatalf("%q: %v\n%s", args, err, out)
	}
}

// brings lets a checkout bring a file.
func (a *actions) brings(name, text string) { a.write("checkout/"+name, text) }

// took gives a file that an action sent away.
func (a *actions) took(name string) []byte {
	a.t.Helper()
	data, err := os.ReadFile(filepath.Join(a.taken, name))
	if err != nil {
		a.t.Fatal(err)
	}
	return data
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

// workflow runs one of this project's workflows.
func (a *actions) workflow(name, event string, inputs map[string]any) map[string]*jobRun {
	a.t.Helper()
	file := "../.github/workflows/" + name
	text, err := os.ReadFile(file)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.act(event, string(text), parseWorkflow(a.t, file), inputs)
}

// inContainer says in which container a job runs: here it runs on this machine.
var inContainer = regexp.MustCompile(`(?m)^    container:.*\n(?:      .*\n)*`)

// act runs a workflow. Of a matrix every cell is run, and all of them are one jobRun.
func (a *actions) act(name, text string, w *actionlint.Workflow, inputs map[string]any) map[string]*jobRun {
	a.t.Helper()
	a.run++
	dir := fmt.Sprintf("run-%d", a.run)
	a.write(dir+"/workflow.yml", inContainer.ReplaceAllString(text, ""))
	given := map[string]string{}
	for key, value := range inputs {
		given[key] = fmt.Sprint(value)
	}
	event := map[string]any{"inputs": given, "schedule": a.schedule}
	maps.Copy(event, a.event)
	payload, err := json.Marshal(event)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(dir+"/event.json", string(payload))
	a.write(dir+"/secrets", assigned(a.secrets)+"GITHUB_TOKEN=token-of-job\n")
	a.write(dir+"/vars", assigned(a.vars))
	args := []string{
		name, "--json", "--insecure-secrets", "--no-cache-server", "--no-skip-checkout", "--use-new-action-cache", "--concurrent-jobs=1",
		"--workflows=workflow.yml", "--eventpath=event.json", "--secret-file=secrets", "--var-file=vars", "--platform=ubuntu-24.04=-self-hosted",
		"--action-cache-path=" + filepath.Join(a.dir, "act"), "--actor=somebody",
	}
	for name, value := range map[string]string{
		"GITHUB_REPOSITORY": "acme/nightly", "GITHUB_REPOSITORY_OWNER": "acme", "GITHUB_RUN_ID": fmt.Sprint(a.run), "GITHUB_REF": "refs/heads/main",
		"SHA_REF": strings.Repeat("c0", 20), "GITHUB_API_URL": a.github.URL(), "GITHUB_WORKFLOW_REF": "acme/nightly/.github/workflows/nightly.yml@refs/heads/main",
	} {
		args = append(args, "--env="+name+"="+value)
	}
	cmd := exec.CommandContext(a.t.Context(), tools.Find("act"), append(args, a.standIns(w)...)...)
	cmd.Dir = filepath.Join(a.dir, dir)
	cmd.Env = append(os.Environ(), "HOME="+a.dir, "TERM=dumb", "PATH="+a.tools+string(os.PathListSeparator)+os.Getenv("PATH"), "BASH_ENV="+a.steps(),
		"STAND_IN="+a.standIn(), "ARTIFACTS="+filepath.Join(cmd.Dir, "artifacts"), "CHECKOUT="+a.checkout, "TAKEN="+a.taken)
	jobs := map[string]*jobRun{}
	for id, job := range w.Jobs {
		a.right(w, job)
		jobs[id] = &jobRun{result: "skipped"} // of which act says nothing
	}
	out, err := cmd.CombinedOutput()
	if read(a.t, out, jobs); err != nil && !slices.ContainsFunc(slices.Collect(maps.Values(jobs)), func(j *jobRun) bool { return j.result == "failure" }) {
		a.t.Fatalf("act: %v\n%s", err, out)
	}
	return jobs
}

func assigned(values map[string]string) string {
	var all strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&all, "%s=%q\n", name, values[name])
	}
	return all.String()
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

// steps is what every bash of a run reads first. act knows one token for all jobs.
func (a *actions) steps() string {
	text := "[ -z \"${GITHUB_TOKEN:-}\" ] || export GITHUB_TOKEN=${GITHUB_TOKEN/%token-of-job/token-of-$GITHUB_JOB}\n"
	for name, value := range a.override {
		text += fmt.Sprintf("export %s='%s'\n", name, value)
	}
	a.write("steps.sh", text)
	return filepath.Join(a.dir, "steps.sh")
}

func (a *actions) standIn() string {
	path, err := filepath.Abs("testdata/actions/stand-in.sh")
	if err != nil {
		a.t.Fatal(err)
	}
	return path
}

// standIns are the flags by which act takes ours for the actions of a workflow.
func (a *actions) standIns(w *actionlint.Workflow) []string {
	a.t.Helper()
	text, err := os.ReadFile("testdata/actions/action.yml")
	if err != nil {
		a.t.Fatal(err)
	}
	var flags []string
	for _, job := range w.Jobs {
		for _, step := range job.Steps {
			if action, ok := step.Exec.(*actionlint.ExecAction); ok && !strings.HasPrefix(action.Uses.Value, "./") {
				name, commit, _ := strings.Cut(action.Uses.Value, "@")
				repository := strings.Join(strings.SplitN(name, "/", 3)[:2], "/")
				a.write("actions/"+name+"/action.yml", strings.ReplaceAll(string(text), "ACTION", name))
				flags = append(flags, "--local-repository="+repository+"@"+commit+"="+filepath.Join(a.dir, "actions", repository))
			}
		}
	}
	return flags
}

// read takes what act logs as JSON, one message a line.
func read(t *testing.T, log []byte, jobs map[string]*jobRun) {
	t.Helper()
	scan := bufio.NewScanner(bytes.NewReader(log))
	scan.Buffer(nil, 16<<20)
	for scan.Scan() {
		var m struct {
			JobID, JobResult, Level, Msg, Command, Content string
			Raw                                            bool `json:"raw_output"`
		}
		if err := json.Unmarshal(scan.Bytes(), &m); err != nil {
			continue // act's last line
		}
		job := jobs[m.JobID]
		switch {
		case job == nil:
		case m.JobResult != "" && job.result != "failure":
			job.result = m.JobResult
		case m.Command == "summary":
			job.page += m.Content
		case m.Raw || m.Level == "error" || m.Command != "":
			job.said += strings.ReplaceAll(strings.TrimSuffix(m.Msg, "\n"), "\r", "") + "\n"
		}
	}
	if err := scan.Err(); err != nil {
		t.Fatal(err)
	}
}
