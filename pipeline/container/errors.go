package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"dagger.io/dagger"
)

// An ExecError says that a stage failed in its container or its sandbox.
type ExecError struct {
	Stage string
	// Code is the exit code of the stage's command, which has the meanings of the
	// program's own.
	Code    int
	Command []string // nil: it ran in a sandbox
	// Problems are what the stage said itself: at least one, each may have several lines.
	Problems []string
	// Log is the file in which everything can be read; empty: none.
	Log string
	// Shell says how to open a shell in such a container.
	Shell string
}

func (e *ExecError) Error() string {
	var b strings.Builder
	b.WriteString(strings.Join(e.Problems, "\n"))
	if e.Command == nil {
		return b.String() // what a sandbox left lies on this machine
	}
	fmt.Fprintf(&b, "\nin a container: %s (exit code %d)", strings.Join(e.Command, " "), e.Code)
	if e.Log != "" {
		fmt.Fprintf(&b, "\nfull log: %s", e.Log)
	}
	fmt.Fprintf(&b, "\na shell there: %s", e.Shell)
	return b.String()
}

// Unwrap gives the problems.
func (e *ExecError) Unwrap() error {
	problems := make([]error, len(e.Problems))
	for i, p := range e.Problems {
		problems[i] = errors.New(p)
	}
	return errors.Join(problems...)
}

// maxProblem is how many lines of what a stage said are shown: more are in the
// log.
const maxProblem = 60

func (e *Engine) failed(s step, err *dagger.ExecError) error {
	e.options.files(err.Stdout)
	failed := newExecError(s.Stage, err.ExitCode, err.Stdout, err.Stderr)
	failed.Command, failed.Log, failed.Shell = err.Cmd, e.options.LogFile, e.shell(s)
	return failed
}

// newExecError is the failure of a stage that wrote this.
func newExecError(stage string, code int, stdout, stderr string) *ExecError {
	problems := problemsIn(stdout)
	if len(problems) == 0 { // it was killed, or could not begin
		problems = []string{problemOf(stage, stderr, code)}
	}
	return &ExecError{Stage: stage, Code: code, Problems: problems}
}

// problemOf is what a stage that failed said of itself.
func problemOf(stage, stderr string, code int) string {
	said := strings.TrimSpace(stderr)
	if said == "" {
		return fmt.Sprintf("the stage ended with code %d and said nothing; it may have been killed for want of memory", code)
	}
	said = strings.TrimPrefix(strings.TrimPrefix(said, ErrorPrefix), stage+": ")
	lines := strings.Split(said, "\n")
	if cut := len(lines) - maxProblem; cut > 0 {
		lines = append([]string{fmt.Sprintf("(%d lines before)", cut)}, lines[cut:]...)
	}
	return strings.Join(lines, "\n")
}

// lastLine is the last line of a text that says something.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// ErrorPrefix begins what the program says of its own failure.
const ErrorPrefix = "mageos-nightly: "

// isGone tells an engine that went from a step that cannot be: that a connection was
// refused can be said of a registry, too.
func (e *Engine) isGone(ctx context.Context, err error) bool {
	switch {
	case Dial(ctx, e.options.Address) != nil:
		return true
	case !isConnection(err):
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, lives*pause)
	defer cancel()
	_, err = e.client.Version(ctx)
	return err != nil
}

func isConnection(err error) bool {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) {
		return true
	}
	// From the session's own process the reason comes as text only.
	for _, text := range []string{"unexpected EOF", "error reading from server", "connection refused", "connection reset", "transport is closing", "client connection is closing", "session not found", "server shutdown"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}
