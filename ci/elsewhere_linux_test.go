package ci

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/ci/tools"
	"github.com/mage-os/nightly/pipeline/container"
)

// The network of an engine that shares nothing with this machine but a wire.
const (
	elsewhere      = "nightly-test"
	wireHere       = "nightlyt0"
	wireThere      = "nightlyt1"
	addressHere    = "10.91.7.1"
	addressThere   = "10.91.7.2"
	enginesNetwork = "10.94.0.0/16"
	engineElse     = "tcp://" + addressThere + ":8080"
)

// startElsewhere starts a second engine, with a folder of its own, in a network
// namespace of its own, reached over tcp. It gives the way to kill it.
func (l *lab) startElsewhere() (kill func()) {
	l.t.Helper()
	if os.Geteuid() != 0 {
		l.t.Skip("only root can make a network for a second engine")
	}
	bin := filepath.Dir(os.Getenv(container.CLIBinary))
	if _, err := os.Stat(filepath.Join(bin, "dagger-engine")); err != nil {
		l.t.Skipf("%s is not in the folder of an engine that ci/engine/engine built: %v", container.CLIBinary, err)
	}
	for _, program := range []string{"ip", "nsenter"} {
		if tools.Find(program) == "" {
			l.t.Skipf("no %s on this machine", program)
		}
	}
	// A short path: a socket lies in it.
	home, err := os.MkdirTemp("", "engine-")
	if err != nil {
		l.t.Fatal(err)
	}
	script, err := filepath.Abs("engine/engine")
	if err != nil {
		l.t.Fatal(err)
	}
	engine := func(command string) error {
		cmd := exec.Command("nsenter", "--net=/run/netns/"+elsewhere, script, command)
		cmd.Env = append(os.Environ(), "ENGINE_HOME="+home, "ENGINE_NET=nightlyt", "ENGINE_CIDR="+enginesNetwork, "ENGINE_TCP="+strings.TrimPrefix(engineElse, "tcp://"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = errors.New(err.Error() + "\n" + string(out))
		}
		return err
	}
	l.t.Cleanup(func() {
		if err := engine("stop"); err != nil {
			l.t.Error(err)
		}
		_ = exec.Command("ip", "netns", "delete", elsewhere).Run() // with both ends of the wire
		if err := os.RemoveAll(home); err != nil {
			l.t.Error(err)
		}
	})
	l.wire()
	if err := errors.Join(os.Symlink(bin, filepath.Join(home, "bin")), engine("start")); err != nil {
		l.t.Fatal(err)
	}
	return func() {
		pid, err := os.ReadFile(filepath.Join(home, "run", "engine.pid"))
		if err == nil {
			// All that it runs is in its process namespace, and ends with it.
			err = exec.Command("kill", "-KILL", strings.TrimSpace(string(pid))).Run()
		}
		if err != nil {
			l.t.Error(err)
		}
	}
}

// wire makes the network namespace and a wire to it.
func (l *lab) wire() {
	l.t.Helper()
	for _, args := range []string{
		"netns add " + elsewhere,
		"link add " + wireHere + " type veth peer name " + wireThere + " netns " + elsewhere,
		"addr add " + addressHere + "/30 dev " + wireHere,
		"link set " + wireHere + " up",
		"-n " + elsewhere + " addr add " + addressThere + "/30 dev " + wireThere,
		"-n " + elsewhere + " link set " + wireThere + " up",
		"-n " + elsewhere + " link set lo up",
	} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			l.t.Skipf("this machine allows no network for a second engine: ip %s: %v: %s", args, err, bytes.TrimSpace(out))
		}
	}
}

// TestEngineElsewhere: an engine in another network, with nothing of its own on
// this machine's disk, reached over tcp, gives the same bytes. When it is lost in
// the middle of a run, the run says so, and the same command goes on with another
// engine.
func TestEngineElsewhere(t *testing.T) {
	l := newLab(t)
	kill := l.startElsewhere()
	plan := l.plan()
	args := func(store string) []string {
		return []string{"nightly", "--plan", plan, "--json", "--until", "build", "--store", filepath.Join(l.dir, store), "--runner"}
	}
	here := l.event(l.must(append(args("here"), inProcess)...), "result")["tree"]
	l.env = []string{container.RunnerHost + "=" + engineElse}
	there := l.event(l.must(append(args("there"), inContainers)...), "result")["tree"]
	if diff := cmp.Diff(here, there); diff != "" || here == nil {
		t.Errorf("the night's tree (-here +there):\n%s", diff)
	}
	l.lose(kill, append(args("lost"), inContainers))
	l.env = nil
	resumed := l.must(append(args("lost"), inContainers)...)
	if diff := cmp.Diff(here, l.event(resumed, "result")["tree"]); diff != "" {
		t.Errorf("the tree of the run that went on (-here +resumed):\n%s", diff)
	}
}

// TestEngineFleet: the cells of a matrix are proven on two engines, which share no disk and no
// network.
func TestEngineFleet(t *testing.T) {
	l := newLab(t)
	image := needImage(t)
	l.startElsewhere()
	line := filepath.Join(l.dir, "eight.yaml")
	matrix := "  matrix:\n    php: [" + phpMinor(t) + "]\n    database: [mariadb:10.6, mariadb:10.11, mariadb:11.4, mysql:8.4]\n    search: [none, stand-in]\n"
	if err := os.WriteFile(line, []byte(sampleText(t)+matrix), 0o644); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	out := l.must("nightly", "--line", line, "--runner", inContainers, "--engine", engineElse, "--all-cells", "--parallel", "1",
		"--install-image", image, "--until", "install", "--store", filepath.Join(l.dir, "store"))
	t.Logf("8 cells took %v", time.Since(began).Round(time.Second))
	if proven := strings.Count(out, " done: level install"); proven != 8 {
		t.Errorf("%d cells are proven, want 8:\n%s", proven, out)
	}
	err := container.Visit(t.Context(), func(name string) string { return map[string]string{container.RunnerHost: engineElse}[name] }, func(engine *container.Engine) error {
		used, _, err := engine.Disk(t.Context())
		if used < 100<<20 {
			t.Errorf("the other engine has %d bytes: it proved nothing", used)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// lose runs a command and kills its engine once the first stage is done.
func (l *lab) lose(kill func(), args []string) {
	l.t.Helper()
	cmd := exec.Command(l.program, args...)
	cmd.Env = append(os.Environ(), l.env...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		l.t.Fatal(err)
	}
	said, part := "", make([]byte, 4096)
	for killed := false; ; {
		n, err := out.Read(part)
		said += string(part[:n])
		if !killed && strings.Contains(said, `"stage":"checkout","state":"done"`) {
			kill()
			killed = true
		}
		if err != nil {
			break
		}
	}
	began := time.Now()
	err = cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitMachine || !strings.Contains(said+problems.String(), "was lost") {
		l.t.Fatalf("a run whose engine was killed: %v after %v; want exit code %d and that the engine was lost\n%s%s", err, time.Since(began), exitMachine, said, problems.String())
	}
}
