package ci

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/lines"
	"github.com/mage-os/nightly/stages/install"
)

func newShop(env *factory) *cobra.Command {
	var line string
	var f shopFlags
	cmd := &cobra.Command{
		Use:   "shop",
		Short: "Open the shop that was installed last, with its database, until Ctrl-C",
		Long: `shop starts the shop that the last night of a line left on this machine: PHP's web
server, and the database and the search that the night was proven with, if they were
its own. It prints the addresses of storefront and admin, and who may log in.

Containers keep no shop. If the last night was proven in some, the very same is installed
again there, in the same cell with the same images, which takes as long as it took that
night; it answers on this machine's loopback alone, at --port.

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
			return runShop(cmd.Context(), env, line, f)
		},
	}
	cmd.Flags().StringVar(&line, "line", "nightly", lineHelp)
	cmd.Flags().IntVar(&f.port, "port", shopPort, portHelp)
	f.runner.addProgram(cmd)
	complete(cmd, "line", lines.Names()...)
	return cmd
}

// shopPort is the port of a shop in containers, if no other is asked for.
const (
	shopPort = 7802
	portHelp = "port at which a shop in containers answers"
)

// shopFlags are for a shop in containers.
type shopFlags struct {
	port   int
	runner runnerFlags
}

func runShop(ctx context.Context, env *factory, line string, f shopFlags) error {
	store, err := env.storePath()
	if err != nil {
		return err
	}
	script, kept := filepath.Join(store, "install", line, install.StartScript), filepath.Join(store, "install", line+nightly.ShopFile)
	info, err := os.Stat(script)
	if in, e := os.Stat(kept); e == nil && (err != nil || in.ModTime().After(info.ModTime())) {
		return f.run(ctx, env, kept)
	}
	if err != nil {
		return usagef("no shop of %s is installed here: %w; install one with mageos-nightly nightly --line %[1]s --until install --level shop", line, err)
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

// run installs what was proven in containers again, and lets it be reached until Ctrl-C.
func (f shopFlags) run(ctx context.Context, env *factory, kept string) (err error) {
	in, err := nightly.ReadShop(kept)
	if err != nil {
		return err
	}
	if !in.Install.Level.Includes(releases.Installed) {
		return usagef("the last night was proven at level %s, which installs no shop; prove it with --level shop", in.Install.Level)
	}
	front, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(f.port)))
	if err != nil {
		return usagef("--port %d: %w; name another", f.port, err)
	}
	defer front.Close()
	f.runner.runner = inContainers
	at, err := f.runner.choose(ctx, env)
	if err != nil {
		return err
	}
	show := env.display()
	r, err := env.newRunnerAt(ctx, show, f.runner, at, false)
	if err != nil {
		return err
	}
	defer closing(&err, show, r)
	stage, opened := "install "+in.Cell.Name(), false
	fmt.Fprintf(env.stderr, "Containers keep no shop: %s is installed again.\n", in.Snapshot.Name.Title())
	r.Report(pipeline.Report{Stage: stage, State: pipeline.Started})
	err = nightly.OpenShop(ctx, r, in, container.Entrance{Front: front, Key: rand.Text(), Opened: func() {
		r.Report(pipeline.Report{Stage: stage, State: pipeline.Done, Detail: "the shop answers"})
		show.Finish()
		opened = true
		for _, said := range install.Welcome(front.Addr().String(), in.Install.Level.Includes(releases.Setup)) {
			fmt.Fprintln(env.stdout, said)
		}
	}})
	if opened && ctx.Err() != nil {
		return nil // Ctrl-C ends it
	}
	return show.Failure(ctx, nightly.Result{}, err)
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
