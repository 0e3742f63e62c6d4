package ci

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

// publishFlags are the flags of mageos-nightly publish.
type publishFlags struct {
	line          string
	to, url       string
	rollback      string
	site, siteURL string
	keep          int
	grace         time.Duration
	dryRun        bool
	publishLocal  bool
	proofs, level string
	sign          signFlags
}

func newPublish(w *world) *cobra.Command {
	var f publishFlags
	cmd := &cobra.Command{
		Use:   "publish [NIGHT | PLAN]",
		Short: "Publish a night that was built, go back to an earlier one, or write a site for GitHub Pages",
		Long: `publish brings a night to a target: a folder, sftp://user@host/folder,
s3://bucket/folder, gs://bucket/folder or azblob://container/folder. The night is
one that was built here: its plan, or its name and the line. What its stages made
is reused, what is at the target is not sent again, and a publish that was
stopped is resumed by the same command.

With --rollback an earlier night becomes the current one: newer ones are no
longer resolved, but stay for who has them in a composer.lock. With --site a
folder is written that has all of the repository but its dists, which stay at the
target: for hosts with little room, as GitHub Pages.`,
		Example: `  mageos-nightly publish plan.json --to ./repository
  mageos-nightly publish 2026-11-24 --line nightly --to sftp://nightly@example.org/srv/repository
  mageos-nightly publish 2026-11-24 --to s3://bucket/nightly?region=eu-west-1 --dry-run
  mageos-nightly publish --rollback 2026-11-22 --to ./repository
  mageos-nightly publish --to s3://bucket/nightly --site ./site --site-url https://example.github.io/nightly/`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(args); err != nil {
				return err
			}
			return runPublish(cmd.Context(), w, f, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.line, "line", "nightly", "release line of a night that is given by its name")
	flags.StringVar(&f.to, "to", "repository", "folder or URL to publish to")
	flags.StringVar(&f.url, "url", "", "base URL under which the target is served (default: the line's)")
	flags.StringVar(&f.rollback, "rollback", "", "make this night the current one")
	flags.StringVar(&f.site, "site", "", "write the repository without its dists to this folder")
	flags.StringVar(&f.siteURL, "site-url", "", "base URL under which that folder is served")
	flags.IntVar(&f.keep, "keep", 0, "nights that stay resolvable (default: the line's)")
	flags.DurationVar(&f.grace, "grace", publish.DefaultGrace, "how long what nothing names any more stays for clients that started before")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would be written and removed, and change nothing")
	flags.BoolVar(&f.publishLocal, "publish-local", false, "publish although --with replaced a source")
	flags.StringVar(&f.proofs, "proofs", "", "folder with what mageos-nightly nightly --write-proofs wrote on other machines: every cell of the matrix has to be there, and nothing is installed here")
	flags.StringVar(&f.level, "level", "", "how much the installation has to prove: "+strings.Join(levelNames(), ", ")+" (default: the line's)")
	f.sign.add(cmd)
	return cmd
}

func (f publishFlags) check(args []string) error {
	switch {
	case len(args) == 0 && f.rollback == "" && f.site == "":
		return &usageError{errors.New("give the night to publish, as plan.json or 2026-11-24, or --rollback NIGHT, or --site FOLDER")}
	case len(args) > 0 && f.rollback != "":
		return &usageError{errors.New("a night is published or rolled back to, not both: leave out one")}
	case (f.site == "") != (f.siteURL == ""):
		return &usageError{errors.New("--site and --site-url go together")}
	}
	return installFlags{level: f.level}.check()
}

func runPublish(ctx context.Context, w *world, f publishFlags, args []string) (err error) {
	said, err := f.sign.attest(w)
	if err != nil {
		return err
	}
	c, err := newChain(w, false)
	if err != nil {
		return err
	}
	defer c.end(&err)
	c.grace, c.attest = f.grace, said
	if len(args) > 0 {
		plan, err := c.builtPlan(args[0], f.line)
		if err != nil {
			return err
		}
		o := order{to: f.to, url: f.url, keep: f.keep, dryRun: f.dryRun, local: f.publishLocal}
		o.install.proofs, o.install.level = f.proofs, f.level
		out, err := c.run(ctx, plan, o)
		c.tried(ctx, o, string(plan.Snapshot()), err)
		c.show.finish()
		c.show.table()
		if err != nil {
			return c.show.failed(err)
		}
		if out.publication != nil {
			c.publication(*out.publication)
		}
	}
	if f.rollback != "" {
		if err := c.direct(func(o publish.Options) (stages.Publication, error) {
			return o.Rollback(ctx, publish.Rollback{To: f.to, Snapshot: f.rollback, Keep: f.keep, DryRun: f.dryRun})
		}, f.dryRun); err != nil {
			return err
		}
	}
	if f.site != "" {
		return c.direct(func(o publish.Options) (stages.Publication, error) {
			return o.Site(ctx, publish.Site{From: f.to, To: f.site, URL: f.siteURL, DryRun: f.dryRun})
		}, f.dryRun)
	}
	return nil
}

// direct changes a target without building anything.
func (c *chain) direct(change func(publish.Options) (stages.Publication, error), dry bool) error {
	o, err := c.publisher(dry)
	if err != nil {
		return err
	}
	p, err := change(o)
	c.show.finish()
	if err != nil {
		return &pipeline.StageError{Stage: publish.Name, Err: err}
	}
	c.publication(p)
	return nil
}

// publication says what became of a target.
func (c *chain) publication(p stages.Publication) {
	c.difference()
	if c.world.json {
		c.show.writeJSON(map[string]any{"event": "publication", "publication": p})
		return
	}
	fmt.Fprintf(c.world.stdout, "\n%s: %s (%s), current night %s\n", p.Target, p.Summary(), bytesText(p.Bytes), p.Snapshot)
}

// builtPlan is the plan of a night that was built here: a file, or one that the
// store has kept.
func (c *chain) builtPlan(arg, line string) (*releases.Plan, error) {
	if _, err := releases.ParseSnapshotName(arg); err != nil {
		return readPlan(arg)
	}
	l, err := releases.Load(line)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(c.dir, "plans", l.Name+"-"+arg+".json")
	if _, err := os.Stat(file); err != nil {
		return nil, &usageError{fmt.Errorf("night %s of %s was not built with this store: %w; give its plan, or build it with mageos-nightly nightly", arg, l.Name, err)}
	}
	return readPlan(file)
}

// targets is how targets of publishing are reached.
func (w *world) targets() target.Options {
	return target.Options{SSH: w.ssh(), Log: w.logger(w.stderr)}
}

// publisher is what publishing works with. What a dry run would change is kept for
// difference.
func (c *chain) publisher(dry bool) (publish.Options, error) {
	history, err := c.history()
	if err != nil {
		return publish.Options{}, err
	}
	targets := c.world.targets()
	targets.Log = c.log
	o := publish.Options{
		Store: c.trees, Owner: owner(), Now: c.world.now().UTC(), Grace: c.grace, Target: targets,
		History: history, View: c.view, Attest: c.attest, Log: c.log, Progress: c.show.step,
	}
	if dry {
		var mu sync.Mutex
		o.Changed = func(change publish.Change) {
			mu.Lock()
			defer mu.Unlock()
			c.changes = append(c.changes, change)
		}
	}
	return o, nil
}

// difference shows what a dry run would write and remove, by path.
func (c *chain) difference() {
	slices.SortFunc(c.changes, func(a, b publish.Change) int { return strings.Compare(a.Path, b.Path) })
	for _, change := range c.changes {
		switch {
		case c.world.json:
			c.show.writeJSON(map[string]any{"event": "change", "change": change})
		case change.Removed:
			fmt.Fprintf(c.world.stdout, "- %s\n", change.Path)
		default:
			fmt.Fprintf(c.world.stdout, "+ %s  %s\n", change.Path, bytesText(change.Bytes))
		}
	}
	c.changes = nil
}
