package ci

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newTest(w *world) *cobra.Command {
	var (
		install bool
		fuzz    time.Duration
	)
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Run this project's checks: format, vet, staticcheck, tests, and each fuzz target for a moment",
		Long: `test runs in a checkout of this project. Tests that need a tool which the machine
does not have are skipped; the end names them and why. Tests of containers run on
an engine that answers, or with --install-tools on one that is built and started
for them (as root on Debian).`,
		Example: `  mageos-nightly test --install-tools    as the project's own CI does
  mageos-nightly test --fuzz 1m          look longer for crashing inputs`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if install {
				if err := ensureTestTools(cmd.Context(), w); err != nil {
					return err
				}
			}
			return runChecks(cmd.Context(), w, fuzz, install)
		},
	}
	cmd.Flags().BoolVar(&install, "install-tools", false, "install missing Debian packages (as root)")
	cmd.Flags().DurationVar(&fuzz, "fuzz", 5*time.Second, "time for each fuzz target; 0 for none")
	return cmd
}

// ensureTestTools installs what the tests run.
func ensureTestTools(ctx context.Context, w *world) error {
	if err := ensureTools(ctx, w, true, slices.Concat(installTools, testTools)); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return nil // then the tests of sshd are skipped, by name
	}
	return os.MkdirAll(privileges, 0o755)
}

// runChecks runs all checks, also when one fails, and tells the failures
// together.
func runChecks(ctx context.Context, w *world, fuzz time.Duration, install bool) error {
	if _, err := os.Stat("go.mod"); err != nil {
		return &usageError{fmt.Errorf("run this in the top folder of a checkout of the project: %w", err)}
	}
	// An engine is built while the rest is tested: the first time it takes minutes.
	engine := w.startEngine(ctx, install)
	defer engine.stop()
	failures := []error{
		check(ctx, w, "gofmt", checkFormat),
		check(ctx, w, "go vet", goCommand("vet", "./...")),
		check(ctx, w, "staticcheck", goCommand("tool", "staticcheck", "./...")),
	}
	tally, err := goTest(ctx, w, "-skip="+engineTests, "./...")
	failures = append(failures, err, engine.test(ctx, w, tally))
	if fuzz > 0 {
		failures = append(failures, fuzzAll(ctx, w, fuzz))
	}
	tally.print(w.stdout)
	return errors.Join(failures...)
}

func check(ctx context.Context, w *world, name string, run func(context.Context) (string, error)) error {
	out, err := run(ctx)
	if err != nil {
		fmt.Fprintf(w.stdout, "FAIL  %s\n%s\n", name, out)
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(w.stdout, "ok    %s\n", name)
	return nil
}

func checkFormat(ctx context.Context) (string, error) {
	files, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", "./...").Output()
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, "gofmt", append([]string{"-l"}, strings.Fields(string(files))...)...).CombinedOutput()
	if err == nil && len(out) > 0 {
		err = errors.New("these files are not formatted; run gofmt -w on them")
	}
	return string(out), err
}

func goCommand(args ...string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
		return string(out), err
	}
}
