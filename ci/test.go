package ci

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/check"
	"github.com/mage-os/nightly/ci/tools"
	"github.com/mage-os/nightly/pipeline/container"
)

func newTest(env *factory) *cobra.Command {
	o := check.Options{Stdout: env.stdout, Stderr: env.stderr, Engine: check.Engine{Host: container.RunnerHost, Find: env.engineAddress, Docker: container.Image}}
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Run this project's checks: format, vet, staticcheck, tests, and each fuzz target for a moment",
		Long: `test runs in a checkout of this project. Tests that need a tool which the machine
does not have are skipped; the end names them and why. Tests of containers run on
an engine and a Docker that answer, or with --install-tools on those that are made
and started for them (as root on Debian). While another process installs packages,
apt-get waits for it.`,
		Example: `  mageos-nightly test --install-tools    as the project's own CI does
  mageos-nightly test --fuzz 1m          look longer for crashing inputs`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := os.Stat("go.mod"); err != nil {
				return usagef("run this in the top folder of a checkout of the project: %w", err)
			}
			if o.Engine.Start {
				o.Install = env.ensureTestTools
			}
			return check.All(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.Engine.Start, "install-tools", false, "install missing Debian packages (as root)")
	flags.DurationVar(&o.Fuzz, "fuzz", 2*time.Second, "time for each fuzz target; 0 for none")
	flags.DurationVar(&o.Timeout, "timeout", 30*time.Minute, "time for the tests of one package, also on a busy machine")
	return cmd
}

// privileges is the folder without which Debian's sshd does not start. Its service
// makes it at boot; the tests run an sshd of their own without that.
const privileges = "/run/sshd"

// ensureTestTools installs what the tests run.
func (env *factory) ensureTestTools(ctx context.Context) error {
	err := env.ensureTools(ctx, true, slices.Concat(tools.Install, tools.Sandbox, tools.Tests))
	if err == nil && os.Geteuid() == 0 { // else the tests of sshd are skipped, by name
		err = os.MkdirAll(privileges, 0o755)
	}
	return err
}

// engineAddress is the address of an engine that answers; empty within dagger run.
func (env *factory) engineAddress(ctx context.Context) (string, error) {
	address, _, err := container.Find(ctx, env.getenv)
	return address, err
}

// ensureTools installs missing tools if that was asked for and is possible.
func (env *factory) ensureTools(ctx context.Context, allowed bool, wanted []tools.Tool) error {
	installer := tools.Installer{Allowed: allowed, Log: env.stderr, Verbose: env.verbose}
	if err := installer.Ensure(ctx, wanted); err != nil {
		return usagef("%w", err)
	}
	return nil
}
