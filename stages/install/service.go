package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// A service is a program that runs beside the steps.
type service struct {
	name  string
	dir   string
	args  []string
	extra []string // environment beside the common one
	// end is the signal that asks it to end, and that it gets when this program
	// dies.
	end syscall.Signal
}

// A running is a service that was started.
type running struct {
	shop    *shop
	service service
	cmd     *exec.Cmd
	log     string
	began   time.Time
	ended   chan struct{} // closed when it has ended
	err     error         // of its end
}

// stopTime is how long a service may take to end by itself.
const stopTime = 30 * time.Second

// startServer starts a service. It holds the lock of the work folder, as
// all programs do, so that a later run finds it if this one is killed.
func (s *shop) startServer(v service) (*running, error) {
	r := &running{shop: s, service: v, log: s.dir.path(filepath.Join("logs", v.name+".log")), began: s.options.Now(), ended: make(chan struct{})}
	file, err := os.Create(r.log)
	if err != nil {
		return nil, err
	}
	// Not the installation's context: a service ends when what needs it has ended.
	r.cmd = exec.CommandContext(context.Background(), v.args[0], v.args[1:]...)
	group(r.cmd)
	setPdeathsig(r.cmd, v.end)
	r.cmd.Dir, r.cmd.Env = v.dir, append(s.environ(), v.extra...)
	r.cmd.Stdout, r.cmd.Stderr = file, file
	r.cmd.ExtraFiles = s.dir.inherited()
	started := make(chan error)
	go func() {
		// The kernel ends it when the thread that started it ends, so that this
		// goroutine keeps its thread for as long.
		runtime.LockOSThread()
		err := r.cmd.Start()
		started <- err
		if err == nil {
			r.err = r.cmd.Wait()
		}
		close(r.ended)
	}()
	if err := errors.Join(<-started, file.Close()); err != nil {
		return nil, &MachineError{Err: fmt.Errorf("start the %s, %s: %w", v.name, v.args[0], err), Do: "install one that runs"}
	}
	return r, nil
}

// answers waits until a service answers a question; one that ends before, or
// never answers, is a *MachineError.
func (r *running) answers(ctx context.Context, ask func(context.Context) error) error {
	deadline := time.NewTimer(answerTime)
	defer deadline.Stop()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.ended:
			return r.failed(fmt.Errorf("it ended before it answered: %w", r.err))
		case <-deadline.C:
			return r.failed(fmt.Errorf("it did not answer within %v: %w", answerTime, err))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// failed is the error for a service that does not run.
func (r *running) failed(cause error) error {
	return &MachineError{
		Err: fmt.Errorf("the %s, %s: %w\n%s\nall output: %s", r.service.name, quoteAll(r.service.args), cause, indent(lastLines(readFrom(r.log, 0))), r.log),
		Do:  "correct what it complains of on this machine",
	}
}

// stop ends a service and waits for its end, and records it as a step.
func (r *running) stop() error {
	_ = r.cmd.Process.Signal(r.service.end) // it may have ended
	select {
	case <-r.ended:
	case <-time.After(stopTime):
		_ = endGroup(r.cmd)
		<-r.ended
	}
	_ = endGroup(r.cmd) // what it left in the background
	s := r.shop
	s.record("service "+r.service.name, r.began, peakMemory(r.cmd.ProcessState))
	return nil
}
