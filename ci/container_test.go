package ci

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/ci/check"
	"github.com/mage-os/nightly/ci/tools"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/stages/trust/trusttest"
)

// A lab runs the program with an engine.
type lab struct {
	t       *testing.T
	dir     string
	program string
	env     []string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	if os.Getenv(container.RunnerHost) == "" {
		t.Skipf("no container engine: %s is not set (ci/engine/engine start prints it)", container.RunnerHost)
	}
	program, err := builtProgram()
	if err != nil {
		t.Fatal(err)
	}
	return &lab{t: t, dir: t.TempDir(), program: program}
}

// builtProgram builds the program once for all tests, as a static binary that runs
// in containers too.
var builtProgram = sync.OnceValues(func() (string, error) {
	ours, err := exec.LookPath("mageos-nightly") // in a folder that TestMain removes
	if err != nil {
		return "", err
	}
	program := filepath.Join(filepath.Dir(filepath.Dir(ours)), "built", "mageos-nightly")
	build := exec.Command("go", "build", "-o", program, "./mageos-nightly")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return program, nil
})

// run gives what the program says on both streams.
func (l *lab) run(args ...string) (string, error) {
	cmd := exec.Command(l.program, args...)
	cmd.Dir = l.dir
	cmd.Env = append(append(os.Environ(), "COMPOSER_ALLOW_SUPERUSER=1"), l.env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (l *lab) must(args ...string) string {
	l.t.Helper()
	out, err := l.run(args...)
	if err != nil {
		l.t.Fatalf("mageos-nightly %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// plan makes a plan of sample, for all runs of a test.
func (l *lab) plan() string {
	l.t.Helper()
	file := filepath.Join(l.dir, "plan.json")
	l.must("plan", "--line", "sample", "--out", file, "--store", filepath.Join(l.dir, "plan-store"))
	return file
}

// event finds the one event of that name among lines of JSON.
func (l *lab) event(out, name string) map[string]any {
	l.t.Helper()
	for line := range strings.Lines(out) {
		var e map[string]any
		if json.Unmarshal([]byte(line), &e) == nil && e["event"] == name {
			return e
		}
	}
	l.t.Fatalf("no event %s in:\n%s", name, out)
	return nil
}

// sums gives the SHA-256 of every file below a folder.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		sum := sha256.Sum256(data)
		all[name] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// tellsOfRuns reports whether a published file says when runs were and how they went, which is no part of the
// promise of equal bytes.
func tellsOfRuns(name string) bool {
	top, _, _ := strings.Cut(name, "/")
	return slices.Contains([]string{"history", "tries"}, top) ||
		slices.Contains([]string{"installation.json", "installation.intoto.json", "status.json", "index.html", "feed.xml", "breakages.xml"}, path.Base(name))
}

// TestEngineSameBytes: in this process, in containers, and in those of an engine in Docker if
// there is one, each with its own store and with nothing reused, a plan gives the same bytes.
func TestEngineSameBytes(t *testing.T) {
	l := newLab(t)
	args := []string{"nightly", "--plan", l.plan(), "--json", "--fresh"}
	image := os.Getenv(check.PHPImage)
	published := image != "" && len(tools.Missing(installTools)) == 0
	if published {
		args = append(args, "--install-image", image)
	} else {
		t.Log("not published, because the machine has not what the test installation needs, or no image has it")
		args = append(args, "--until", "build")
	}
	var tree any
	var files map[string]string
	for _, at := range []struct{ runner, engine string }{
		{inProcess, ""}, {inContainers, os.Getenv(container.RunnerHost)}, {inContainers, os.Getenv(check.DockerEngine)},
	} {
		if at.runner == inContainers && at.engine == "" {
			continue
		}
		dir := t.TempDir()
		to := filepath.Join(dir, "to")
		l.env = []string{container.RunnerHost + "=" + at.engine}
		out := l.must(append(args, "--runner", at.runner, "--store", filepath.Join(dir, "store"), "--to", to)...)
		if got := l.event(out, "runner")["runner"]; got != at.runner {
			t.Fatalf("--runner %s ran in a %v", at.runner, got)
		}
		gotTree, gotFiles := l.event(out, "result")["tree"], map[string]string{}
		if published {
			gotFiles = sums(t, to)
			maps.DeleteFunc(gotFiles, func(name, _ string) bool { return tellsOfRuns(name) })
		}
		if files == nil {
			tree, files = gotTree, gotFiles
		}
		if diff := cmp.Diff(tree, gotTree); diff != "" || tree == nil {
			t.Errorf("the night's tree (-process +%s %s):\n%s", at.runner, at.engine, diff)
		}
		if diff := cmp.Diff(files, gotFiles); diff != "" {
			t.Errorf("the published files (-process +%s %s):\n%s", at.runner, at.engine, diff)
		}
	}
	t.Logf("%d published files are the same", len(files))
}

// TestEngineReuse: a second run of a plan runs nothing, a later stage in a new
// session finds the trees of the ones before, and both runners share results.
func TestEngineReuse(t *testing.T) {
	l := newLab(t)
	plan := l.plan()
	run := func(runner, until string) string {
		return l.must("nightly", "--plan", plan, "--json", "--runner", runner, "--store", filepath.Join(l.dir, "store"), "--until", until)
	}
	states := func(out string) map[string]string {
		all := map[string]string{}
		for line := range strings.Lines(out) {
			var e struct{ Stage, State string }
			if json.Unmarshal([]byte(line), &e) == nil && e.State != "started" && e.State != "skipped" && e.Stage != "" {
				all[e.Stage] = e.State
			}
		}
		return all
	}
	first := map[string]string{"checkout": "done"}
	second := map[string]string{"checkout": "reused", "dependencies": "done", "build": "done"}
	third := map[string]string{"checkout": "reused", "dependencies": "reused", "build": "reused"}
	for _, step := range []struct {
		until string
		want  map[string]string
	}{{"checkout", first}, {"build", second}, {"build", third}} {
		if diff := cmp.Diff(step.want, states(run(inContainers, step.until))); diff != "" {
			t.Errorf("--until %s (-want +got):\n%s", step.until, diff)
		}
	}
	// In this process the trees are missing: what made them runs again, once.
	again := states(run(inProcess, "build"))
	if again["checkout"] != "done" || again["build"] != "done" {
		t.Errorf("in this process: %v", again)
	}
	if diff := cmp.Diff(third, states(run(inProcess, "build"))); diff != "" {
		t.Errorf("in this process, again (-want +got):\n%s", diff)
	}
}

// TestEngineCanaries plants secrets where a run in containers can find them, and looks
// for them in everything that it wrote and in the arguments of all processes, those of
// containers among them. With an image that has PHP it is a whole run.
func TestEngineCanaries(t *testing.T) {
	l := newLab(t)
	trusted := trusttest.Folder(t, "https://nightly.example.org/")
	planted := canaries(t, t.TempDir(), trusted)
	header := "canary-extraheader-5e5e"
	clone := l.clone(header)
	planted = append(planted, canary{"the extraheader of a clone", header, nil})
	for _, c := range planted {
		l.env = append(l.env, c.name+"="+c.value)
	}
	arguments := watchArguments(t)
	args := []string{"nightly", "--line", "sample", "--with", "extras=" + clone, "--runner", inContainers, "--verbose", "--fresh",
		"--store", filepath.Join(l.dir, "store")}
	out := ""
	if image := os.Getenv(check.PHPImage); image != "" {
		out += l.must(append(args, "--install-image", image, "--to", filepath.Join(l.dir, "out"), "--publish-local", "--trust", trusted)...)
		out += l.must("verify", filepath.Join(l.dir, "out"), "--root", filepath.Join(trusted, "1.root.json"))
	} else {
		out += l.must(append(args, "--until", "build")...)
	}
	broken, err := l.run("nightly", "--line", "sample", "--with", "extras="+clone, "--runner", inContainers, "--verbose",
		"--store", filepath.Join(l.dir, "store"), "--until", "install", "--install-image", "file:///nonexistent.tar")
	if err == nil || !strings.Contains(broken, "nonexistent.tar") {
		t.Errorf("an image that is not there: %v\n%s", err, broken)
	}
	places := map[string][]byte{"the output": []byte(out + broken), "the arguments of a process": arguments()}
	if len(places["the arguments of a process"]) == 0 {
		t.Error("no arguments were seen")
	}
	if files := readAllFiles(t, l.dir, places); files < 50 {
		t.Errorf("looked at %d files", files)
	}
	readEngine(t, places)
	checkCanaries(t, planted, places)
	t.Logf("%d canaries, %d places", len(planted), len(places))
}

// readEngine adds what an engine of this machine writes of its own: its log and what
// it remembers of steps.
func readEngine(t *testing.T, into map[string][]byte) {
	t.Helper()
	socket, here := strings.CutPrefix(os.Getenv(container.RunnerHost), "unix://")
	if !here {
		return
	}
	home := filepath.Dir(filepath.Dir(socket))
	files, err := filepath.Glob(filepath.Join(home, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"*.db", "*/*.db", "*/*/*.db"} {
		found, err := filepath.Glob(filepath.Join(home, "state", pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		if into[file], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
}

// clone is a repository of sample on this machine whose configuration has a
// secret, as on machines of GitHub Actions.
func (l *lab) clone(secret string) string {
	l.t.Helper()
	store := filepath.Join(l.t.TempDir(), "store")
	l.must("plan", "--line", "sample", "--store", store)
	dir := filepath.Join(store, "embedded", "repositories", "extras")
	gitDir := filepath.Join(dir, ".git")
	if _, err := os.Stat(gitDir); errors.Is(err, fs.ErrNotExist) {
		gitDir = dir // it is bare
	}
	f, err := os.OpenFile(filepath.Join(gitDir, "config"), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		l.t.Fatal(err)
	}
	_, err = f.WriteString("\n[http \"https://github.com/\"]\n\textraheader = AUTHORIZATION: basic " + secret + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		l.t.Fatal(err)
	}
	return dir
}

// TestEngineErrors: what fails in a container ends the run with the code that it
// would have here.
func TestEngineErrors(t *testing.T) {
	l := newLab(t)
	data, err := os.ReadFile(l.plan())
	if err != nil {
		t.Fatal(err)
	}
	var plan map[string]any
	if err := json.Unmarshal(data, &plan); err != nil {
		t.Fatal(err)
	}
	for _, r := range plan["repositories"].([]any) {
		r.(map[string]any)["commit"] = strings.Repeat("0123456789", 4)
	}
	if data, err = json.Marshal(plan); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(l.dir, "bad.json")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, runner := range []string{inProcess, inContainers} {
		out, err := l.run("nightly", "--plan", file, "--runner", runner, "--store", filepath.Join(l.dir, "store"), "--until", "build")
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitSource {
			t.Errorf("--runner %s: %v; want exit code %d\n%s", runner, err, exitSource, out)
		}
		said[runner] = out
	}
	for _, name := range slices.Sorted(maps.Keys(said)) {
		for _, want := range []string{"monorepo", "extras", strings.Repeat("0123456789", 4)} {
			if !strings.Contains(said[name], want) {
				t.Errorf("--runner %s does not name %s:\n%s", name, want, said[name])
			}
		}
	}
	for _, want := range []string{"in a container: ", "exit code 3", "full log: ", "a shell there: "} {
		if !strings.Contains(said[inContainers], want) {
			t.Errorf("%q is missing in:\n%s", want, said[inContainers])
		}
	}
}

// TestEngineModule: the project is a module of Dagger, whose night runs its stages beside
// it, on the same engine.
func TestEngineModule(t *testing.T) {
	l := newLab(t)
	dagger := os.Getenv(container.CLIBinary)
	if dagger == "" {
		t.Skipf("no command line tool of Dagger: %s is not set", container.CLIBinary)
	}
	call := exec.Command(dagger, "--progress=plain", "call", "--mod=..", "--program="+l.program, "night", "--line=sample", "--flags=--until=build", "entries")
	call.Env = append(os.Environ(), "DO_NOT_TRACK=1", "NO_COLOR=1")
	out, err := call.CombinedOutput()
	said := string(out)
	if strings.Contains(said, "solve builtin container") {
		t.Skip("this engine has no SDK for modules in Go; Dagger's own has")
	}
	// Only what was published is given back.
	if err == nil || !strings.Contains(said, "runner       container: Dagger engine") || !strings.Contains(said, "stat /repository") {
		t.Errorf("%v\n%s", err, said)
	}
}
