package check

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/mage-os/nightly/ci/tools"
)

// engineTests are the tests that need a container engine.
const engineTests = "^TestEngine"

// engineProgram builds, starts and stops an engine without Docker.
const engineProgram = "ci/engine/engine"

// An Engine says how to come by a container engine for the tests that need one.
type Engine struct {
	Start bool // one may be built and started if none answers
	// Find gives the address of an engine that answers.
	Find func(context.Context) (address string, err error)
	Host string // variable that leads to the engine
}

// A testEngine is the engine on which the tests of containers run.
type testEngine struct {
	Engine
	ready   chan struct{} // closed when it is known what became of it
	exports []string      // the variables that lead to it, if there is one
	why     string        // why there is none
	err     error         // it should have been there
	started bool          // by us, so that we stop it
}

// start finds an engine, or starts one where that is allowed and possible, once the
// tools are installed. It returns at once.
func (o Engine) start(ctx context.Context, installed <-chan struct{}) *testEngine {
	e := &testEngine{Engine: o, ready: make(chan struct{})}
	go func() {
		defer close(e.ready)
		if <-installed; ctx.Err() == nil {
			e.find(ctx)
		}
	}()
	return e
}

func (e *testEngine) find(ctx context.Context) {
	address, err := e.Find(ctx)
	switch {
	case err == nil:
		e.exports = []string{e.Host + "=" + address}
		return
	case !e.Start:
		e.why = "no engine answers; --install-tools starts one, as root on Debian"
		return
	case os.Geteuid() != 0 || tools.Find("apt-get") == "":
		e.why = "no engine answers, and only root on Debian can start one"
		return
	case !ownNamespaces(ctx):
		e.why = "no engine answers, and this machine does not let root make namespaces for one"
		return
	}
	out, err := e.program(ctx, "start")
	if err != nil {
		e.err, e.why = err, "the engine could not be started"
		return
	}
	e.started = true
	for line := range strings.Lines(out) {
		if pair, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
			e.exports = append(e.exports, pair)
		}
	}
	image := []string{"image", "test-php"}
	for _, t := range slices.Concat(tools.Install, tools.Sandbox) {
		image = append(image, strings.Fields(t.Debian)...)
	}
	if out, err = e.program(ctx, image...); err != nil {
		e.err = err
		return
	}
	e.exports = append(e.exports, PHPImage+"=file://"+strings.TrimSpace(out))
}

// PHPImage is the variable that names an image with what the test installation
// runs, for tests.
const PHPImage = "NIGHTLY_PHP_IMAGE"

// program runs the engine's program at the end of the queue: the tests that run
// meanwhile must not wait for it.
func (e *testEngine) program(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "nice", append([]string{"-n", "10", engineProgram}, args...)...)
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s", engineProgram, args[0], err, tools.LastLines(problems.String(), 20))
	}
	return string(out), err
}

// ownNamespaces reports whether root may do here what an engine does: in most
// containers it may not.
func ownNamespaces(ctx context.Context) bool {
	return exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--net", "--fork", "true").Run() == nil
}

// test runs the tests of containers. Without an engine they are skipped by name.
func (e *testEngine) test(ctx context.Context, r *run) {
	<-e.ready
	if e.why != "" {
		fmt.Fprintf(r.Stdout, "no tests of containers: %s\n", e.why)
	}
	if e.err != nil {
		r.check(ctx, "container engine", func(context.Context) (string, error) { return "", e.err })
	}
	r.goTest(ctx, e.exports, "-run="+engineTests, "./ci", "./pipeline/container")
}

// stop stops the engine if it was started here; what was built stays.
func (e *testEngine) stop() {
	<-e.ready
	if !e.started {
		return
	}
	// Also after Ctrl-C. What it says is for whoever looks for leftovers.
	cmd := exec.Command(engineProgram, "stop")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "%s stop: %v\n", engineProgram, err)
	}
}
