package ci

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/remote"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/lines"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish"
)

// publishFlags are the flags of the command publish.
type publishFlags struct {
	line          string
	rollback      string
	withdraw      []string
	site, siteURL string
	proofs, tries string
	renew         bool
	rebuilt       []string
	install       installFlags
	target        targetFlags
}

func newPublish(env *factory) *cobra.Command {
	var f publishFlags
	cmd := &cobra.Command{
		Use:   "publish [NIGHT | PLAN]",
		Short: "Publish a night that was built, go back to an earlier one, or write a site for GitHub Pages",
		Long: `publish brings a night to a target: a folder, sftp://user@host/folder or
s3://bucket/folder, of Amazon or of any server that speaks S3. The night is one
that was built here: its plan, or its name and the line. What its stages made is
reused, what is at the target is not sent again, and a publish that was stopped is
resumed by the same command.

With --rollback an earlier night becomes the current one: newer ones are no
longer resolved, but stay for who has them in a composer.lock. With --withdraw one
version of a package is. With --site a
folder is written that has all of the repository but its dists, which stay at the
target: for hosts with little room, as GitHub Pages.`,
		Example: `  mageos-nightly publish plan.json --to ./repository
  mageos-nightly publish 2026-11-24 --line nightly --to sftp://nightly@example.org/srv/repository
  mageos-nightly publish 2026-11-24 --to s3://bucket/nightly?region=eu-west-1 --dry-run
  mageos-nightly publish --rollback 2026-11-22 --to ./repository
  mageos-nightly publish --withdraw acme/tool=1.1.0 --to ./repository
  mageos-nightly publish --renew --to ./repository --trust trust/nightly --sign-key timestamp.key
  mageos-nightly publish --rebuilt https://example.com/rebuilt.intoto.jsonl --to ./repository --rebuilders ./rebuilders
  mageos-nightly publish --to s3://bucket/nightly --site ./site --site-url https://example.github.io/nightly/`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(args); err != nil {
				return err
			}
			return runPublish(cmd.Context(), env, f, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.line, "line", "nightly", "release line of a night that is given by its name")
	f.target.add(cmd)
	f.target.addKeep(cmd)
	flags.StringVar(&f.rollback, "rollback", "", "make this night the current one")
	flags.BoolVar(&f.renew, "renew", false, "sign anew for how long the repository counts, and end what a killed run began; publish nothing")
	flags.BoolVar(&f.target.anew, "sign-anew", false, "sign all that lies at the target as it lies there: after its keys were changed, or where nothing was signed before")
	flags.StringArrayVar(&f.withdraw, "withdraw", nil, "take a version of a package, as acme/tool=1.1.0, out of what is resolved, for ever")
	flags.StringArrayVar(&f.rebuilt, "rebuilt", nil, "put what mageos-nightly reproduce --statement wrote elsewhere, a file or its URL, beside the snapshot it is about")
	flags.StringVar(&f.site, "site", "", "write the repository without its dists to this folder")
	flags.StringVar(&f.siteURL, "site-url", "", "base URL under which that folder is served")
	flags.DurationVar(&f.target.grace, "grace", publish.DefaultGrace, "how long what nothing names any more stays for clients that started before")
	flags.StringVar(&f.proofs, "proofs", "", "folder with what nightly --write-proofs wrote on other machines: every cell of the matrix has to be there, and nothing is installed here")
	flags.StringVar(&f.tries, "tries", "", "folder with what nightly --write-try wrote on other machines; without a night to publish, the target is told of these runs alone")
	flags.StringVar(&f.install.level, "level", "", levelHelp)
	return cmd
}

func (f publishFlags) check(args []string) error {
	switch {
	case len(args) == 0 && f.rollback == "" && f.site == "" && len(f.withdraw) == 0 && len(f.rebuilt) == 0 && !f.renew && !f.target.anew && f.tries == "":
		return usagef("give the night to publish, as plan.json or 2026-11-24, or --rollback NIGHT, --withdraw NAME=VERSION, --rebuilt FILE, --site FOLDER, --tries FOLDER, --renew or --sign-anew")
	case (f.renew || f.target.anew) && f.target.sign.trust == "":
		return usagef("--renew and --sign-anew sign for the repository that --trust names")
	case len(args) > 0 && f.rollback != "":
		return usagef("a night is published or rolled back to, not both: leave out one")
	case (f.site == "") != (f.siteURL == ""):
		return usagef("--site and --site-url go together")
	}
	return f.install.check()
}

func runPublish(ctx context.Context, env *factory, f publishFlags, args []string) (err error) {
	show := env.display()
	r, err := env.newRunner(show, false)
	if err != nil {
		return err
	}
	defer closing(&err, show, r)
	var plan *releases.Plan
	if len(args) > 0 {
		if plan, err = builtPlan(r.Dir, args[0], f.line); err != nil {
			return err
		}
		f.target.of(&plan.Line)
	} else if f.target.to == "" || f.tries != "" {
		line, err := lines.Load(f.line)
		if err != nil {
			return err
		}
		f.target.of(line)
	}
	o, err := f.target.options(env, r, show)
	if err != nil {
		return err
	}
	if f.renew {
		return o.Publisher.Renew(ctx, o.To)
	}
	o.Run.Tries = f.tries
	if f.tries != "" && len(args) == 0 {
		switch err := nightly.Tell(ctx, r, o, f.line, nil); {
		case errors.Is(err, publish.ErrNoRepository):
			fmt.Fprintf(env.stderr, "%s is told of no run: %v yet\n", remote.Redacted(o.To), err)
		case err != nil:
			return fmt.Errorf("--tries %s: %w", f.tries, err)
		}
	}
	if len(args) > 0 {
		if err := f.publish(ctx, env, r, show, plan, o); err != nil {
			return err
		}
	}
	if f.rollback != "" {
		back, err := releases.ParseSnapshotName(f.rollback)
		if err != nil {
			return err
		}
		p, err := o.Publisher.Rollback(ctx, publish.Rollback{To: o.To, Snapshot: back, Keep: o.Keep, DryRun: o.DryRun})
		if err := show.Target(p, err); err != nil {
			return err
		}
	}
	if len(f.withdraw) > 0 {
		versions := make([]string, len(f.withdraw))
		for i, v := range f.withdraw {
			versions[i] = strings.Replace(v, "=", " ", 1)
		}
		p, err := o.Publisher.Withdraw(ctx, o.To, versions, o.DryRun)
		if err := show.Target(p, err); err != nil {
			return err
		}
	}
	if len(f.rebuilt) > 0 {
		if err := f.addRebuilt(ctx, show, o); err != nil {
			return err
		}
	}
	if f.target.anew && len(args) == 0 && f.rollback == "" && len(f.withdraw) == 0 {
		p, err := o.Publisher.Withdraw(ctx, o.To, nil, o.DryRun) // nothing: all stays as it is
		return show.Target(p, err)
	}
	if f.site != "" {
		return show.Target(o.Publisher.Site(ctx, publish.Site{From: o.To, To: f.site, URL: f.siteURL, DryRun: o.DryRun}))
	}
	return nil
}

// addRebuilt adds what rebuilders say.
func (f publishFlags) addRebuilt(ctx context.Context, show *display.Run, o nightly.PublishOptions) error {
	if len(o.Publisher.Rebuilders) == 0 {
		return usagef("--rebuilt: nobody is asked to build again; give the public keys with --rebuilders")
	}
	var envelopes [][]byte
	for _, at := range f.rebuilt {
		data, err := readFile(ctx, at)
		if err != nil {
			return usagef("--rebuilt: %w", err)
		}
		envelopes = append(envelopes, attest.Envelopes(data)...)
	}
	p, err := o.Publisher.Rebuilt(ctx, o.To, envelopes, o.DryRun)
	return show.Target(p, err)
}

// publish publishes a snapshot that was built here.
func (f publishFlags) publish(ctx context.Context, env *factory, r *runner.Runner, show *display.Run, plan *releases.Plan, o nightly.PublishOptions) error {
	if err := belongs(ctx, o); err != nil {
		return err
	}
	if err := r.WorkTrees(ctx, plan); err != nil {
		return err
	}
	prove, err := f.install.options(env, nil, f.target.sign)
	if err != nil {
		return err
	}
	prove.Proofs = f.proofs
	made, err := nightly.Run(ctx, r, plan, nightly.Options{Prove: prove, Publish: o})
	nightly.Tried(ctx, r, o, plan.Line.Name, string(plan.Snapshot()), made, err)
	if err := show.End(ctx, made, err); err != nil || made.Publication == nil {
		return err
	}
	return show.Target(*made.Publication, nil)
}

// builtPlan is the plan of a snapshot that was built here: a file, or one that the store
// has kept.
func builtPlan(store, arg, line string) (*releases.Plan, error) {
	name, err := releases.ParseSnapshotName(arg)
	if err != nil {
		return nightly.ReadPlan(arg)
	}
	l, err := lines.Load(line)
	if err != nil {
		return nil, err
	}
	file, err := nightly.KeptPlan(store, l.Name, name)
	if err != nil {
		return nil, err
	}
	return nightly.ReadPlan(file)
}
