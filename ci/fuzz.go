package ci

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// fuzzAll gives each fuzz target of the project some time.
func fuzzAll(ctx context.Context, w *world, each time.Duration) error {
	targets, err := fuzzTargets(ctx)
	if err != nil {
		return err
	}
	var failures []error
	for _, t := range targets {
		failures = append(failures, check(ctx, w, "fuzz "+t.name+" of "+t.pkg, t.run(each)))
	}
	return errors.Join(failures...)
}

// A fuzzTarget is one fuzz function and the package that holds it.
type fuzzTarget struct{ pkg, name string }

// run fuzzes the target for that time.
func (t fuzzTarget) run(each time.Duration) func(context.Context) (string, error) {
	fuzz := goCommand("test", "-run=^$", "-fuzz=^"+t.name+"$", "-fuzztime="+each.String(), t.pkg)
	return func(ctx context.Context) (string, error) {
		out, err := fuzz(ctx)
		if err != nil && ctx.Err() == nil && onlyTimeIsUp(out) {
			return out, nil
		}
		return out, err
	}
}

// timeIsUp is the whole failure that Go before 1.27 now and then reports of a
// fuzz target when its time ends while a worker is busy (go.dev/issue/75804). An
// input that fails, hangs or crashes is reported with more lines than this.
var timeIsUp = regexp.MustCompile(`(?m)^--- FAIL: \w+ \([\d.]+s\)\n {4}context deadline exceeded\nFAIL$`)

func onlyTimeIsUp(out string) bool {
	return timeIsUp.MatchString(out) && strings.Count(out, "--- FAIL") == 1 && !strings.Contains(out, "Failing input")
}

func fuzzTargets(ctx context.Context) ([]fuzzTarget, error) {
	out, err := exec.CommandContext(ctx, "go", "test", "-list=^Fuzz", "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("list fuzz targets: %w", err)
	}
	var targets []fuzzTarget
	var names []string
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "Fuzz") {
			names = append(names, line)
			continue
		}
		// "ok  <package>  0.1s" closes the names of a package.
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "ok" {
			for _, name := range names {
				targets = append(targets, fuzzTarget{fields[1], name})
			}
		}
		names = nil
	}
	return targets, lines.Err()
}
