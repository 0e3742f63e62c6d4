package ci

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/install"
)

func newShop(env *factory) *cobra.Command {
	var line string
	cmd := &cobra.Command{
		Use:   "shop",
		Short: "Open the shop that was installed last, with its database, until Ctrl-C",
		Long: `shop starts the shop that the last night of a line left on this machine: PHP's web
server, and the database and the search that the night was proven with, if they were
its own. It prints the addresses of storefront and admin, and who may log in.

The code of all packages runs as you then, as in any shop on your machine; what root
installed behind a wall runs as the user nobody.`,
		Example: `  mageos-nightly shop --line sample
  mageos-nightly shop`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := loadLine(line, nil)
			if err != nil {
				return err
			}
			return runShop(cmd.Context(), env, l)
		},
	}
	cmd.Flags().StringVar(&line, "line", "nightly", lineHelp)
	return cmd
}

func runShop(ctx context.Context, env *factory, line *releases.Line) error {
	store, err := env.storePath()
	if err != nil {
		return err
	}
	script := filepath.Join(store, "install", line.Name, install.StartScript)
	info, err := os.Stat(script)
	if err != nil {
		return usagef("no shop of %s is installed here: %w; install one on this machine with mageos-nightly nightly --line %[1]s --runner process --until install --level shop", line.Name, err)
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	args := asOwner(info, "sh", script)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	// Nothing of this environment, which may hold secrets, is for a shop.
	cmd.Env = []string{"PATH=" + env.getenv("PATH"), install.ProgramVariable + "=" + program}
	cmd.Stdout, cmd.Stderr = env.stdout, env.stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return coded(exitMachine, "the shop ended: %w; its logs are in %s", err, filepath.Join(filepath.Dir(script), "logs"))
		}
		return fmt.Errorf("start the shop: %w", err)
	}
	return nil
}
