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

	"github.com/mage-os/nightly/releases/lines"
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

With bubblewrap the code of all packages sees the system and that folder, no home
folder, and nothing else that runs; without, it runs as you, as in any shop on your machine. What root installed
behind a wall runs as the user nobody.`,
		Example: `  mageos-nightly shop --line sample
  mageos-nightly shop`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if filepath.Ext(line) != "" { // a file
				l, err := loadLine(line, nil)
				if err != nil {
					return err
				}
				line = l.Name
			}
			return runShop(cmd.Context(), env, line)
		},
	}
	cmd.Flags().StringVar(&line, "line", "nightly", lineHelp)
	complete(cmd, "line", lines.Names()...)
	return cmd
}

func runShop(ctx context.Context, env *factory, line string) error {
	store, err := env.storePath()
	if err != nil {
		return err
	}
	script := filepath.Join(store, "install", line, install.StartScript)
	info, err := os.Stat(script)
	if err != nil {
		return usagef("no shop of %s is installed here: %w; install one on this machine with mageos-nightly nightly --line %[1]s --runner process --until install --level shop", line, err)
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	command, program := aroundShop(ctx, filepath.Dir(script), program, asOwner(info, "sh", script))
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	// Nothing of this environment, which may hold secrets, is for a shop.
	cmd.Env = []string{"PATH=" + env.getenv("PATH"), install.ProgramVariable + "=" + program}
	cmd.Stdout, cmd.Stderr = env.stdout, env.stderr
	endAsGroup(cmd)
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

// aroundShop is a command that sees of this machine's files the system and a work folder, read-only
// but for that folder, no sockets and no other processes, which may hold secrets; and where it finds
// this program. Where bubblewrap cannot be used it is the
// command itself.
func aroundShop(ctx context.Context, folder, program string, command []string) (around []string, inside string) {
	inside = "/tmp/" + programName
	around = []string{"bwrap", "--unshare-pid", "--unshare-ipc", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--perms", "1777", "--tmpfs", "/tmp", "--tmpfs", "/run"}
	if home, err := os.UserHomeDir(); err == nil && home != "/" {
		around = append(around, "--tmpfs", home)
	}
	for at, name := range folder[1:] {
		if name == '/' { // that the shop's user can pass
			around = append(around, "--perms", "0755", "--dir", folder[:at+1])
		}
	}
	around = append(around, "--bind", folder, folder, "--ro-bind", program, inside)
	if exec.CommandContext(ctx, around[0], append(around[1:len(around):len(around)], "true")...).Run() != nil {
		return command, program
	}
	return append(around, command...), inside
}
