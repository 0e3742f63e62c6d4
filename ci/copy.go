package ci

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
	"github.com/mage-os/nightly/stages/trust"
)

// copyFlags are the flags of the command copy.
type copyFlags struct {
	root, seen string
	grace      time.Duration
	all        bool
	dryRun     bool
}

func newCopy(env *factory) *cobra.Command {
	var f copyFlags
	cmd := &cobra.Command{
		Use:   "copy URL FOLDER|TARGET",
		Short: "Take over a published repository, verified, to serve it from elsewhere",
		Long: `copy brings a folder, sftp://user@host/folder or s3://bucket/folder to the state of a
published repository, byte for byte. What is there already is not asked for again; the
switch comes last; what the repository has no longer goes after --grace. A copy that was
stopped, or broke off, is ended by the same command.

A repository that is signed is read as a client of The Update Framework reads it, from
the root that is given; one that is not, by the digests that it tells of itself. What is
not as it should be ends the copy with 10, and nobody is led to any of it.`,
		Example: `  mageos-nightly copy https://nightly.example.org/ /srv/nightly --root 1.root.json
  mageos-nightly copy https://nightly.example.org/ s3://bucket/nightly?region=eu-west-1 --root 1.root.json
  mageos-nightly copy https://nightly.example.org/ /srv/nightly --root 1.root.json --all    mend what is damaged`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCopy(cmd.Context(), env, args[0], args[1], f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.root, "root", "", "file with the root that is trusted: the first one, so that all clients can follow at the copy")
	flags.StringVar(&f.seen, "seen", "", "folder that remembers what was verified; without it, what lies at the target does")
	flags.DurationVar(&f.grace, "grace", publish.DefaultGrace, "how long what nothing names any more stays for clients that started before")
	flags.BoolVar(&f.all, "all", false, "compare also what earlier copies have ended, and mend what is damaged")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would be written and removed, and change nothing")
	return cmd
}

func runCopy(ctx context.Context, env *factory, from, to string, f copyFlags) (err error) {
	c := publish.Copy{To: to, Client: trust.ClientOptions{Memory: f.seen, Now: env.now()}, All: f.all, DryRun: f.dryRun}
	if c.Client.Root, err = readRoot(f.root); err != nil {
		return err
	}
	if c.Client.Root == nil && f.seen != "" {
		return usagef("--seen remembers what was signed: give --root, too")
	}
	targets := env.targets()
	if err := target.Check(to, targets); err != nil {
		return err
	}
	if folder, ok := target.Folder(from); ok {
		if err := isPublished(folder); err != nil {
			return err
		}
	}
	source, closeSource, err := env.openSource(ctx, from)
	if err != nil {
		return usagef("%w", err)
	}
	defer func() { err = errors.Join(err, closeSource()) }()
	c.From = source
	show := env.display()
	defer show.Finish()
	o := publish.Options{Owner: owner(), Now: env.now().UTC(), Grace: f.grace, Target: targets, Log: env.logger(env.stderr), Progress: show.Step}
	if f.dryRun {
		o.Changed = show.Changed
	}
	p, err := o.Copy(ctx, c)
	var untrusted *publish.UntrustedError
	if errors.As(err, &untrusted) {
		err = coded(exitUntrusted, "%w", err)
	}
	return show.Target(p, err)
}
