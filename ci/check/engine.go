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

// engineTests are the tests that need a container engine, some of them one in Docker.
const engineTests = "^Test(Engine|Docker)"

// The programs that build, start and stop an engine without Docker, and Docker itself.
const (
	engineProgram = "ci/engine/engine"
	dockerProgram = "ci/engine/docker"
)

// An Engine says how to come by container engines for the tests that need one.
type Engine struct {
	Start bool // what does not answer may be built and started
	// Find gives the address of an engine that answers.
	Find   func(context.Context) (address string, err error)
	Host   string // variable that leads to the engine
	Docker string // address of the engine in a Docker that answers
}

// Variables that only tests read.
const (
	// PHPImage names an image with what the test installation runs.
	PHPImage = "NIGHTLY_PHP_IMAGE"
	// DockerEngine is the address of the engine in Docker.
	DockerEngine = "NIGHTLY_DOCKER_ENGINE"
)

// A testEngine is the engine on which the tests of containers run, and Docker.
type testEngine struct {
	Engine
	ready   chan struct{} // closed when it is known what became of them
	exports []string      // the variables that lead to those that there are
	why     string        // why there is none
	err     error         // it should have been there
	started []string      // the programs that were started, so that we stop them
}

// start finds an engine and Docker, or starts them where that is allowed and possible, once
// the tools are installed. It returns at once.
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
	var lacking []string
	address, noEngine := e.Find(ctx)
	if noEngine != nil {
		lacking = append(lacking, engineProgram)
	} else {
		e.exports = append(e.exports, e.Host+"="+address)
	}
	if err := exec.CommandContext(ctx, "docker", "info").Run(); err != nil {
		lacking = append(lacking, dockerProgram)
	} else {
		e.exports = append(e.exports, DockerEngine+"="+e.Docker)
	}
	if len(lacking) == 0 {
		return
	}
	if e.why = e.cannotStart(ctx); e.why != "" {
		e.why = "nothing answers that " + strings.Join(lacking, " and ") + " would start; " + e.why
		return
	}
	for _, program := range lacking {
		e.started = append(e.started, program) // also if it fails half-way
		if e.err = e.export(ctx, program, "start"); e.err != nil {
			return
		}
	}
	if noEngine != nil {
		e.err = e.makeImage(ctx)
	}
}

// cannotStart says why nothing can be started here; empty: it can be.
func (e *testEngine) cannotStart(ctx context.Context) string {
	switch {
	case !e.Start:
		return "--install-tools does, as root on Debian"
	case os.Geteuid() != 0 || tools.Find("apt-get") == "":
		return "only root on Debian can"
	case !ownNamespaces(ctx):
		return "this machine does not let root make namespaces for it"
	}
	return ""
}

// export takes the variables over that a program prints.
func (e *testEngine) export(ctx context.Context, program string, args ...string) error {
	out, err := runProgram(ctx, program, args...)
	for line := range strings.Lines(out) {
		if pair, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
			e.exports = append(e.exports, pair)
		}
	}
	return err
}

// makeImage makes the image of PHPImage.
func (e *testEngine) makeImage(ctx context.Context) error {
	args := []string{"image", "test-php"}
	for _, t := range slices.Concat(tools.Install, tools.Sandbox) {
		args = append(args, strings.Fields(t.Debian)...)
	}
	out, err := runProgram(ctx, engineProgram, args...)
	e.exports = append(e.exports, PHPImage+"=file://"+strings.TrimSpace(out))
	return err
}

// runProgram runs a program that starts engines at the end of the queue: the tests that run
// meanwhile must not wait for it. What it starts ends with this process, however that ends.
func runProgram(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "nice", append([]string{"-n", "10", program}, args...)...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("ENGINE_PARENT=%d", os.Getpid()))
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s", program, args[0], err, tools.LastLines(problems.String(), 20))
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
		fmt.Fprintf(r.Stdout, "tests of containers are skipped: %s\n", e.why)
	}
	if e.err != nil {
		r.check(ctx, "container engine", func(context.Context) (string, error) { return "", e.err })
	}
	r.goTest(ctx, e.exports, "-run="+engineTests, "./ci", "./pipeline/container")
}

// stop stops what was started here; what was built stays.
func (e *testEngine) stop() {
	<-e.ready
	for _, program := range e.started {
		// Also after Ctrl-C. What it says is for whoever looks for leftovers.
		cmd := exec.Command(program, "stop")
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			fmt.Fprintf(os.Stderr, "%s stop: %v\n", program, err)
		}
	}
}
