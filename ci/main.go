// Package ci is the command line of mageos-nightly, which builds, proves and publishes a night of a Composer distribution.
//
// It is the only package that reads the clock and the environment; what the
// stages need of them it hands on.
package ci

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/display"
)

// Main runs the command line of this process and returns its exit code.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	env := &factory{
		stdout: os.Stdout,
		stderr: os.Stderr, terminal: os.Stderr,
		getenv:  os.Getenv,
		environ: os.Environ,
		now:     time.Now,
	}
	root := newRoot(env)
	root.SetArgs(os.Args[1:])
	env.asTyped(root, os.Args)
	ran, err := root.ExecuteContextC(ctx)
	if err != nil && !env.began {
		err = usagef("%w; use: %s, or see %s --help", err, ran.UseLine(), ran.CommandPath())
	}
	var shown *display.ShownError
	if err != nil && !errors.As(err, &shown) {
		fmt.Fprintf(env.stderr, "mageos-nightly: %s\n", strings.Join(display.Printed(err), "\n"))
	}
	env.tellActions(ran.CommandPath(), err)
	code := exitCode(err)
	if ctx.Err() != nil && err != nil {
		fmt.Fprintln(os.Stderr, "mageos-nightly: stopped; the same command goes on where this one was")
		code = exitInterrupted
	}
	if err != nil && env.json && !env.resultJSON {
		display.FailedEvent(untyped(env.stdout), err, code)
	}
	return code
}

func newRoot(env *factory) *cobra.Command {
	root := &cobra.Command{
		Use:   "mageos-nightly",
		Short: "Build, prove and publish a Composer distribution from its git repositories",
		Long: `mageos-nightly takes the develop branches of a distribution, works out what each package
needs, writes versions and dependencies into every composer.json, builds
reproducible zips and a Composer repository, installs a shop from it to prove
that it works, and publishes it.`,
		Example: `  mageos-nightly nightly --line sample --install-tools     the made-up distribution that this program carries
  mageos-nightly nightly --line nightly --to ./repository  Mage-OS from its develop branches
  mageos-nightly plan --line nightly                       what would be built, from which commits`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	flags := root.PersistentFlags()
	flags.StringVar(&env.storeDir, "store", "", "folder of the store: trees, saved results and caches (default $NIGHTLY_STORE, else in the user's cache folder)")
	flags.StringVar(&env.page, "summary", "", "add a page about the run to this file, in Markdown (default $GITHUB_STEP_SUMMARY)")
	flags.BoolVar(&env.json, "json", false, "write events as JSON, one a line, to standard output")
	flags.BoolVarP(&env.verbose, "verbose", "v", false, "log every step to standard error")
	for _, group := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Build, prove and publish:", []*cobra.Command{newNightly(env), newTry(env), newPlan(env), newPublish(env), newRelease(env), newMirror(env), newCopy(env), newAdopt(env), newLines(env)}},
		{"Look at what is published:", []*cobra.Command{newVerify(env), newStatus(env), newCompare(env), newBisect(env), newReproduce(env), newServe(env), newShop(env)}},
		{"Look at the sources:", []*cobra.Command{newDrift(env), newOrg(env)}},
		{"Keys and attestations:", []*cobra.Command{newTrust(env), newAttest(env)}},
		{"This machine and this project:", []*cobra.Command{newDoctor(env), newVersion(env), newClean(env), newImages(env), newTest(env), newStage(env), newStandIn(env), newGateway(env)}},
	} {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title})
		for _, command := range group.commands {
			command.GroupID = group.title
			root.AddCommand(command)
		}
	}
	root.SetHelpCommandGroupID("This machine and this project:")
	root.SetCompletionCommandGroupID("This machine and this project:")
	root.InitDefaultCompletionCmd()
	for _, command := range append(root.Commands(), root) {
		wantCommand(command)
	}
	root.PersistentPreRun = func(*cobra.Command, []string) { env.began = true }
	root.SetFlagErrorFunc(flagError)
	groupFlags(root)
	return root
}
