package container_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/container/testdata/stage/kinds"
)

// fakeDaemon names the folder of a fake Docker's state: the file containers with their
// names, engine with the socket of the engine that they all run, refusal with what a pull
// says, and the log of all commands.
const fakeDaemon = "NIGHTLY_TEST_DAEMON"

// fakeDocker is the program docker of the tests.
func fakeDocker(args []string) error {
	state := func(name string) string { return filepath.Join(os.Getenv(fakeDaemon), name) }
	log, err := os.OpenFile(state("log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(log, strings.Join(args, " ")); err != nil {
		return err
	}
	switch args[0] {
	case "ps":
		names, err := os.ReadFile(state("containers"))
		fmt.Print(string(names))
		return err
	case "image":
		return errors.New("Error: No such image: " + args[2])
	case "pull":
		refusal, err := os.ReadFile(state("refusal"))
		return errors.Join(err, errors.New(string(refusal)))
	case "exec":
		socket, err := os.ReadFile(state("engine"))
		if err != nil {
			return err
		}
		conn, err := net.Dial("unix", string(socket))
		if err != nil {
			return err
		}
		go io.Copy(conn, os.Stdin)
		_, err = io.Copy(os.Stdout, conn)
		return err
	}
	return nil
}

// newDaemon puts a fake Docker first in PATH, in which containers of these names are.
func newDaemon(t *testing.T, containers ...string) (dir string) {
	t.Helper()
	if os.Getenv(container.CLIBinary) == "" {
		t.Skip("no command line tool of Dagger: " + container.CLIBinary + " is not set (ci/engine/engine start prints it)")
	}
	dir = t.TempDir()
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(dir, "docker"))
	}
	if err := errors.Join(err, os.WriteFile(filepath.Join(dir, "containers"), []byte(strings.Join(containers, "\n")+"\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv(fakeDaemon, dir)
	return dir
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestEngineBesideOthers: an engine of another version that runs in Docker for others is
// neither removed nor used.
func TestEngineBesideOthers(t *testing.T) {
	socket, ok := strings.CutPrefix(os.Getenv(container.RunnerHost), "unix://")
	if !ok {
		t.Skip("no container engine on a socket: ci/engine/engine start prints " + container.RunnerHost)
	}
	const other = "dagger-engine-v0.18.2"
	ours := "dagger-engine-" + container.Version
	dir := newDaemon(t, other, ours)
	put(t, dir, "engine", socket)
	address, _, err := container.Find(t.Context(), func(name string) string { return map[string]string{"ENGINE_HOME": dir}[name] })
	if err != nil {
		t.Fatal(err)
	}
	engine, err := container.Connect(t.Context(), container.Options{Address: address, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Close(); err != nil {
		t.Error(err)
	}
	log, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(log), "\n")
	if !slices.Contains(lines, "start "+ours) || !slices.Contains(lines, "exec -i "+ours+" buildctl dial-stdio") {
		t.Errorf("the engine of our version was not used:\n%s", log)
	}
	if strings.Contains(string(log), other) {
		t.Errorf("something was done to %s:\n%s", other, log)
	}
}

// TestEngineImageRefused: an engine that Docker may not fetch is told with what helps.
func TestEngineImageRefused(t *testing.T) {
	for name, test := range map[string]struct{ refusal, want string }{
		"too many requests": {"Error response from daemon: toomanyrequests: Rate exceeded", "no more requests from this address"},
		"no way out":        {"Error response from daemon: Get \"https://registry.dagger.io/v2/\": dial tcp: lookup registry.dagger.io: no such host", "no way out"},
	} {
		t.Run(name, func(t *testing.T) {
			put(t, newDaemon(t), "refusal", test.refusal)
			_, err := container.Connect(t.Context(), container.Options{Address: container.Image, Dir: t.TempDir()})
			var missing *container.EngineError
			if !errors.As(err, &missing) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "--runner process") {
				t.Errorf("%v; want an *EngineError with %q", err, test.want)
			}
		})
	}
}

// newSession is a session of dagger run with an engine of a version, which remembers what it
// was asked.
func newSession(t *testing.T, version string) (asked func() string) {
	t.Helper()
	var all strings.Builder
	session := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(&all, r.Body); err != nil {
			t.Error(err)
		}
		fmt.Fprintf(w, `{"data": {"version": %q, "defaultPlatform": "linux/amd64", "engine": {"localCache": {"prune": null, "maxUsedSpace": 700, "entrySet": {"diskSpaceBytes": 300}}}}}`, version)
	}))
	t.Cleanup(session.Close)
	t.Setenv("DAGGER_SESSION_PORT", session.URL[strings.LastIndex(session.URL, ":")+1:])
	t.Setenv("DAGGER_SESSION_TOKEN", "token")
	return all.String
}

// TestEngineOfAnotherVersion: who is reached by an address, and is of another version, is
// not used.
func TestEngineOfAnotherVersion(t *testing.T) {
	for version, want := range map[string]string{"v0.18.2": "v0.18.2", container.Version: ""} {
		newSession(t, version)
		engine, err := container.Connect(t.Context(), container.Options{Dir: t.TempDir()})
		if err == nil {
			engine.Close()
		}
		var missing *container.EngineError
		if errors.As(err, &missing) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("an engine of version %s: %v", version, err)
		}
	}
}

// TestVisit: to look at the engine's disk starts none; what is pruned is what was asked.
func TestVisit(t *testing.T) {
	const other = "dagger-engine-v0.18.2"
	dir := newDaemon(t, other, "a-shop")
	environment := map[string]string{"ENGINE_HOME": dir}
	getenv := func(name string) string { return environment[name] }
	if err := container.Visit(t.Context(), getenv, func(*container.Engine) error { return errors.New("there is none") }); err != nil {
		t.Error(err)
	}
	log, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil || strings.Contains(string(log), "start") || strings.Contains(string(log), "pull") {
		t.Errorf("%v, or an engine was started:\n%s", err, log)
	}
	if got := container.Others(t.Context()); !slices.Equal(got, []string{"docker rm --force --volumes " + other}) {
		t.Errorf("other engines: %q", got)
	}
	asked := newSession(t, container.Version)
	environment["DAGGER_SESSION_PORT"] = "this"
	for _, all := range []bool{false, true} {
		before := len(asked())
		err := container.Visit(t.Context(), getenv, func(e *container.Engine) error {
			used, most, err := e.Disk(t.Context())
			if used != 300 || most != 700 {
				t.Errorf("%d of at most %d bytes", used, most)
			}
			return errors.Join(err, e.Prune(t.Context(), all))
		})
		if err != nil {
			t.Error(err)
		}
		if bounded := strings.Contains(asked()[before:], "useDefaultPolicy"); bounded == all || !strings.Contains(asked()[before:], "prune") {
			t.Errorf("all %v: asked %s", all, asked()[before:])
		}
	}
}

// TestEngineDisk: what a stage made takes room in the cache, and the engine has a bound.
func TestEngineDisk(t *testing.T) {
	r := newRig(t, nil)
	r.run("make", kinds.In{Texts: map[string]string{"a": t.TempDir()}})
	used, most, err := r.engine.Disk(t.Context())
	if err != nil || used <= 0 || most <= used {
		t.Errorf("%d of at most %d bytes, %v", used, most, err)
	}
	if err := r.engine.Prune(t.Context(), false); err != nil {
		t.Error(err)
	}
}
