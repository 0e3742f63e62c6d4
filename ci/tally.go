package ci

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// A tally counts the tests of a run and keeps why some were skipped.
type tally struct {
	passed, failed int
	skipped        []string
}

// A testEvent is a line of go test -json (go doc test2json).
type testEvent struct {
	Action, Package, Test, Output string
}

// goTest runs tests and shows what failed. args are those of go test.
func goTest(ctx context.Context, w *world, args ...string) (*tally, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = w.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return &tally{}, err
	}
	if err := cmd.Start(); err != nil {
		return &tally{}, fmt.Errorf("go test: %w", err)
	}
	t, err := readEvents(out, w.stdout)
	if e := cmd.Wait(); e != nil {
		err = errors.Join(err, fmt.Errorf("go test: %w", e))
	}
	return t, err
}

// readEvents counts the tests of a stream of events, and writes the output of
// those that failed and a line for each package.
func readEvents(events io.Reader, show io.Writer) (*tally, error) {
	t := &tally{}
	output := map[string][]string{}
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e testEvent
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(show, lines.Text()) // a compiler's message
			continue
		}
		key := e.Package + " " + e.Test
		switch {
		case e.Action == "output":
			output[key] = append(output[key], e.Output)
		case e.Test == "":
			t.closePackage(e, output[key], show)
			delete(output, key)
		default:
			t.closeTest(e, output[key], show)
			delete(output, key)
		}
	}
	return t, lines.Err()
}

func (t *tally) closePackage(e testEvent, output []string, show io.Writer) {
	switch e.Action {
	case "pass":
		fmt.Fprintf(show, "ok    %s\n", e.Package)
	case "fail":
		fmt.Fprintf(show, "FAIL  %s\n%s", e.Package, strings.Join(output, ""))
	}
}

func (t *tally) closeTest(e testEvent, output []string, show io.Writer) {
	switch e.Action {
	case "pass":
		t.passed++
	case "fail":
		t.failed++
		fmt.Fprintf(show, "FAIL  %s %s\n%s", e.Package, e.Test, strings.Join(output, ""))
	case "skip":
		t.skipped = append(t.skipped, e.Test+" of "+e.Package+": "+skipReason(output))
	}
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

func (t *tally) print(w io.Writer) {
	if len(t.skipped) > 0 {
		fmt.Fprintln(w, "\nSkipped, and why:")
		for _, s := range t.skipped {
			fmt.Fprintln(w, "  "+s)
		}
	}
	fmt.Fprintf(w, "\n%d passed, %d failed, %d skipped\n", t.passed, t.failed, len(t.skipped))
}
