package check

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// fuzzAll gives each fuzz target of the project some time.
func (r *run) fuzzAll(ctx context.Context) {
	targets, err := fuzzTargets(ctx)
	if err != nil {
		r.check(ctx, "list fuzz targets", func(context.Context) (string, error) { return "", err })
	}
	for _, t := range targets {
		fuzz := goCommand("test", "-vet=off", "-run=^$", "-fuzz=^"+t.name+"$", "-fuzztime="+r.Fuzz.String(), t.pkg)
		r.check(ctx, "fuzz "+t.name+" of "+t.pkg, func(ctx context.Context) (string, error) {
			out, err := fuzz(ctx)
			if err != nil && ctx.Err() == nil && onlyTimeIsUp(out) {
				return out, nil
			}
			return out, err
		})
	}
}

// timeIsUp is the whole failure that Go before 1.27 now and then reports of a
// fuzz target when its time ends while a worker is busy (go.dev/issue/75804). An
// input that fails, hangs or crashes is reported with more lines than this.
var timeIsUp = regexp.MustCompile(`(?m)^--- FAIL: \w+ \([\d.]+s\)\n {4}context deadline exceeded\nFAIL$`)

func onlyTimeIsUp(out string) bool {
	return timeIsUp.MatchString(out) && strings.Count(out, "--- FAIL") == 1 && !strings.Contains(out, "Failing input")
}

// A fuzzTarget is one fuzz function and the package that holds it.
type fuzzTarget struct{ pkg, name string }

var fuzzFunction = regexp.MustCompile(`(?m)^func (Fuzz\w*)\(`)

// fuzzTargets reads the source: go test -list would link all tests for it.
func fuzzTargets(ctx context.Context) ([]fuzzTarget, error) {
	const files = `{{range .TestGoFiles}}{{$.ImportPath}};{{$.Dir}}/{{.}};{{end}}{{range .XTestGoFiles}}{{$.ImportPath}};{{$.Dir}}/{{.}};{{end}}`
	out, err := command(ctx, "list", "-f", files, "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var targets []fuzzTarget
	for pair := range slices.Chunk(strings.Split(strings.ReplaceAll(string(out), "\n", ""), ";"), 2) {
		if len(pair) < 2 {
			break
		}
		text, err := os.ReadFile(pair[1])
		if err != nil {
			return nil, err
		}
		for _, match := range fuzzFunction.FindAllSubmatch(text, -1) {
			targets = append(targets, fuzzTarget{pair[0], string(match[1])})
		}
	}
	return targets, nil
}
