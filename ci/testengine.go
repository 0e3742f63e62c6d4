package ci

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/mage-os/nightly/pipeline/container"
)

// engineTests are the tests that need a container engine.
const engineTests = "^TestEngine"

// engineProgram builds, starts and stops an engine without Docker.
const engineProgram = "ci/engine/engine"

// A testEngine is the engine on which mageos-nightly test runs the tests of containers.
type testEngine struct {
	ready   chan struct{} // closed when it is known what became of it
	exports []string      // the variables that lead to it, if there is one
	why     string        // why there is none
	err     error         // it should have been there
	started bool          // by us, so that we stop it
}

// startEngine finds an engine, or starts one where that is allowed and possible.
// It returns at once.
func (w *world) startEngine(ctx context.Context, allowed bool) *testEngine {
	e := &testEngine{ready: make(chan struct{})}
	go func() {
		defer close(e.ready)
		e.find(ctx, w, allowed)
	}()
	return e
}

func (e *testEngine) find(ctx context.Context, w *world, allowed bool) {
	address, _, err := w.findEngine(ctx)
	switch {
	case err == nil && address != "":
		e.exports = []string{runnerHost + "=" + address}
		return
	case err == nil: // Docker, or a program like it
		e.exports = []string{runnerHost + "=" + container.Image}
		return
	case !allowed:
		e.why = "no engine answers; --install-tools starts one, as root on Debian"
		return
	case os.Geteuid() != 0 || find("apt-get") == "":
		e.why = "no engine answers, and only root on Debian can start one"
		return
	case !ownNamespaces(ctx):
		e.why = "no engine answers, and this machine does not let root make namespaces for one"
		return
	}
	// At the end of the queue: the tests that run meanwhile must not wait for it.
	cmd := exec.CommandContext(ctx, "nice", "-n", "10", engineProgram, "start")
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		e.err = fmt.Errorf("%s start: %w\n%s", engineProgram, err, lastLines(problems.String(), 20))
		e.why = "the engine could not be started"
		return
	}
	e.started = true
	e.makeImage(ctx)
	for line := range strings.Lines(string(out)) {
		if pair, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
			e.exports = append(e.exports, pair)
		}
	}
}

// phpImage is the variable that names an image with what the test installation
// runs, for tests.
const phpImage = "NIGHTLY_PHP_IMAGE"

// makeImage makes that image of Debian's packages.
func (e *testEngine) makeImage(ctx context.Context) {
	args := []string{"-n", "10", engineProgram, "image", "test-php"}
	for _, t := range installTools {
		args = append(args, strings.Fields(t.debian)...)
	}
	cmd := exec.CommandContext(ctx, "nice", args...)
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		e.err = fmt.Errorf("%s image: %w\n%s", engineProgram, err, lastLines(problems.String(), 20))
		return
	}
	e.exports = append(e.exports, phpImage+"=file://"+strings.TrimSpace(string(out)))
}

// ownNamespaces reports whether root may do here what an engine does: in most
// containers it may not.
func ownNamespaces(ctx context.Context) bool {
	return exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--net", "--fork", "true").Run() == nil
}

// test runs the tests of containers and adds them to the tally. Without an
// engine they are skipped by name.
func (e *testEngine) test(ctx context.Context, w *world, t *tally) error {
	<-e.ready
	if e.why != "" {
		fmt.Fprintf(w.stdout, "no tests of containers: %s\n", e.why)
	}
	for _, pair := range e.exports {
		name, value, _ := strings.Cut(pair, "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
		defer os.Unsetenv(name)
	}
	more, err := goTest(ctx, w, "-run="+engineTests, "./ci", "./pipeline/container")
	t.passed, t.failed, t.skipped = t.passed+more.passed, t.failed+more.failed, append(t.skipped, more.skipped...)
	return errors.Join(e.err, err)
}

// stop stops the engine if it was started here; what was built stays.
func (e *testEngine) stop() {
	<-e.ready
	if !e.started {
		return
	}
	// Also after Ctrl-C. What it says is for whoever looks for leftovers.
	cmd := exec.Command(filepath.FromSlash(engineProgram), "stop")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "%s stop: %v\n", engineProgram, err)
	}
}
