// Package check runs this project's checks: format, vet, staticcheck, tests, those
// of containers too, and each fuzz target for a moment.
package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Options say how to check.
type Options struct {
	Install func(context.Context) error // makes sure of the tools of the tests; may be nil
	Engine  Engine
	Fuzz    time.Duration // for each fuzz target; 0 for none
	Timeout time.Duration // for the tests of one package
	Stdout  io.Writer
	Stderr  io.Writer
}

// A run is one run of the checks. What runs at the same time shares its tally.
type run struct {
	Options
	mu    sync.Mutex // for tally and Stdout
	tally tally
}

// All runs all checks in the checkout in which the process runs, also when one
// fails, and ends with how many tests passed, failed and were skipped. A check, or a
// package whose tests did not end, counts as failed by its name.
func All(ctx context.Context, o Options) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &run{Options: o}
	// Packages are downloaded while vet and staticcheck compute, and an engine, which
	// takes minutes the first time, is built while the rest is tested.
	installed := make(chan struct{})
	go func() {
		defer close(installed)
		if o.Install == nil {
			return
		}
		if err := o.Install(ctx); err != nil {
			cancel(err)
		}
	}()
	engine := o.Engine.start(ctx, installed)
	defer engine.stop()

	r.check(ctx, "gofmt", checkFormat)
	r.check(ctx, "go vet", compileAll)
	r.check(ctx, "staticcheck", goCommand("tool", "staticcheck", "./..."))
	if <-installed; ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.goTest(ctx, nil, "-skip="+engineTests, "./...")
	if o.Fuzz > 0 {
		r.fuzzAll(ctx)
	}
	engine.test(ctx, r)
	return r.tally.end(o.Stdout)
}

// check runs one check and shows what it says if it fails.
func (r *run) check(ctx context.Context, name string, run func(context.Context) (string, error)) {
	start := time.Now()
	out, err := run(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		r.tally.fail(name + ": stopped")
		return
	}
	if err != nil {
		fmt.Fprintf(r.Stdout, "FAIL  %s: %v\n%s\n", name, err, out)
		r.tally.fail(name)
		return
	}
	fmt.Fprintf(r.Stdout, "ok    %s (%.1fs)\n", name, time.Since(start).Seconds())
}

func checkFormat(ctx context.Context) (string, error) {
	files, err := command(ctx, "list", "-f", "{{.Dir}}", "./...").Output()
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, "gofmt", append([]string{"-l"}, strings.Fields(string(files))...)...).CombinedOutput()
	if err == nil && len(out) > 0 {
		err = errors.New("these files are not formatted; run gofmt -w on them")
	}
	return string(out), err
}

// compileAll has vet compile what all others need. Compilers that collect garbage
// less often take a sixth less time; tests must not run so.
func compileAll(ctx context.Context) (string, error) {
	cmd := command(ctx, "vet", "./...")
	cmd.Env = append(cmd.Env, "GOGC=400")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func goCommand(args ...string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		out, err := command(ctx, args...).CombinedOutput()
		return string(out), err
	}
}

// command runs go. Without cgo everything is compiled once: tests of containers run
// the program as a static binary, and the engine is built so, too.
func command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return cmd
}
