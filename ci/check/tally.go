package check

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// A tally counts tests, and keeps which failed and why some were skipped.
type tally struct {
	passed          int
	failed, skipped []string
}

func (t *tally) fail(name string) { t.failed = append(t.failed, name) }

// end tells the tally. Its last line is what machines read.
func (t *tally) end(w io.Writer) error {
	for _, list := range []struct {
		title string
		names []string
	}{{"Skipped, and why", t.skipped}, {"Failed", t.failed}} {
		if len(list.names) > 0 {
			fmt.Fprintf(w, "\n%s:\n  %s\n", list.title, strings.Join(list.names, "\n  "))
		}
	}
	fmt.Fprintf(w, "\n%d passed, %d failed, %d skipped\n", t.passed, len(t.failed), len(t.skipped))
	if len(t.failed) > 0 {
		return errors.New("checks failed; they are listed above")
	}
	return nil
}

// goTest runs tests and shows what failed. args are those of go test, and env are
// variables that it gets beside the process's own.
func (r *run) goTest(ctx context.Context, env []string, args ...string) {
	args = append([]string{"test", "-json", "-vet=off", "-timeout=" + r.Timeout.String()}, args...)
	cmd := command(ctx, args...)
	cmd.Env = append(cmd.Env, env...)
	cmd.Stderr = r.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		failed, readErr := r.readEvents(out)
		if err = errors.Join(readErr, cmd.Wait()); failed > 0 && readErr == nil {
			return // go test fails because of them
		}
	}
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.tally.fail(fmt.Sprintf("go %s: %v", strings.Join(args, " "), err))
	}
}

// A testEvent is a line of go test -json (go doc test2json, go help buildjson).
type testEvent struct {
	Action, Package, Test, Output, ImportPath, FailedBuild string

	Elapsed float64 // seconds
}

// A packageRun is the state of a package whose tests run.
type packageRun struct {
	said   map[string][]string // by test that did not end yet; by "" for the package
	failed int
}

// readEvents counts the tests of a stream of events, and shows a line for each
// package and what failed. It gives the number of failures.
func (r *run) readEvents(events io.Reader) (failed int, err error) {
	packages := map[string]*packageRun{}
	builds := map[string]string{} // what compilers said
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e testEvent
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(r.Stdout, lines.Text())
			continue
		}
		p := packages[e.Package]
		if p == nil {
			p = &packageRun{said: map[string][]string{}}
			packages[e.Package] = p
		}
		switch e.Action {
		case "build-output":
			builds[e.ImportPath] += e.Output
		case "output", "run":
			p.said[e.Test] = append(p.said[e.Test], e.Output)
		case "pass", "fail", "skip":
			if e.Test != "" {
				r.closeTest(e, p)
				continue
			}
			failed += r.closePackage(e, p, builds[e.FailedBuild])
			delete(packages, e.Package)
		}
	}
	delete(packages, "")
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		failed += r.closePackage(testEvent{Action: "fail", Package: name}, packages[name], "")
	}
	return failed, lines.Err()
}

func (r *run) closeTest(e testEvent, p *packageRun) {
	said := p.said[e.Test]
	delete(p.said, e.Test)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e.Action {
	case "pass":
		r.tally.passed++
	case "fail":
		p.failed++
		r.tally.fail(e.Package + " " + e.Test)
		fmt.Fprintf(r.Stdout, "FAIL  %s %s\n%s", e.Package, e.Test, strings.Join(said, ""))
	case "skip":
		r.tally.skipped = append(r.tally.skipped, e.Test+" of "+e.Package+": "+skipReason(said))
	}
}

// closePackage gives the number of failures in a package. Where tests did not end,
// or failed without one that did, the package itself counts as failed.
func (r *run) closePackage(e testEvent, p *packageRun, build string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Action != "fail" {
		if e.Action == "pass" {
			fmt.Fprintf(r.Stdout, "ok    %s (%.1fs)\n", e.Package, e.Elapsed)
		}
		return 0
	}
	said := build
	var unended []string
	for _, test := range slices.Sorted(maps.Keys(p.said)) {
		said += strings.Join(p.said[test], "")
		if test != "" {
			unended = append(unended, test)
		}
	}
	if p.failed == 0 || len(unended) > 0 {
		p.failed++
		r.tally.fail(e.Package + ": " + why(e, said, unended))
	}
	fmt.Fprintf(r.Stdout, "FAIL  %s\n%s", e.Package, said)
	return p.failed
}

// why says in a line how the tests of a package came to fail as a whole.
func why(e testEvent, said string, unended []string) string {
	reason := "failed outside its tests"
	if e.FailedBuild != "" {
		reason = "does not build"
	}
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "signal: ") {
			reason = strings.TrimSpace(line)
			break
		}
	}
	if len(unended) > 0 {
		reason += ", in " + strings.Join(unended, ", ")
	}
	return reason
}

// skipReason is what a test said when it skipped itself: the last line that is
// no line of the framework's.
func skipReason(output []string) string {
	for i := len(output) - 1; i >= 0; i-- {
		line := strings.TrimSpace(output[i])
		if line == "" || strings.HasPrefix(line, "===") || strings.HasPrefix(line, "---") {
			continue
		}
		return line
	}
	return "no reason given"
}
