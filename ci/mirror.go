package ci

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/ci/display"
	"github.com/mage-os/nightly/pipeline/mirror"
	"github.com/mage-os/nightly/pipeline/nightly"
	"github.com/mage-os/nightly/pipeline/runner"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/lines"
	"github.com/mage-os/nightly/releases/resolve"
	"github.com/mage-os/nightly/stages/publish"
)

// mirrorFlags are the flags of the command mirror.
type mirrorFlags struct {
	line, plan string
	with       []string
	only       []string
	prebuilt   []string
	compare    string
	result     resultFlags // of a comparison
	common     bool
	fresh      bool
	strict     bool
	batch      int
	tried      map[string]bool // the tags of earlier batches
	target     targetFlags
}

func newMirror(env *factory) *cobra.Command {
	var f mirrorFlags
	cmd := &cobra.Command{
		Use:   "mirror",
		Short: "Mirror every release of Magento Open Source as a Composer repository, from git tags",
		Long: `mirror builds the packages of every tag of a line's repositories and adds them to a
Composer repository. What is published there stays and is not built again: run it
as often as you like, and new tags cost what they cost alone.

Of two tags that have the same version of a package, the first one counts, as it
does upstream. A tag that was moved or deleted upstream changes nothing.

What cannot be built of a tag, or not be read by Composer, is left out: a note names
it and what to do, also in status.json and on the page. It is tried again each time.

With --compare nothing is built: the repository of --to is compared with another
one: a Composer repository (URL or folder), a folder of zips, or a shop that was
installed from it.`,
		Example: `  mageos-nightly mirror --to ./html                              Magento Open Source, all of it
  mageos-nightly mirror --to ./html --url https://mirror.example.org/
  mageos-nightly mirror --to ./html --batch 100                  a first run that may be stopped
  mageos-nightly mirror --to ./html --only 2.4.8-p4              the tags of that name
  mageos-nightly mirror --to ./html --only inventory=1.2.8-p4    one tag of one repository
  mageos-nightly mirror --line mageos --to ./html                the releases of Mage-OS
  mageos-nightly mirror --to ./html --prebuilt https://repo.mage-os.org/
  mageos-nightly mirror --to ./html --compare https://mirror.mage-os.org/
  mageos-nightly mirror --to ./html --compare ./shop --format markdown`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.batch < 0 || f.batch > 0 && f.plan != "" {
				return usagef("--batch %d: want a number of tags, and no --plan, which is built at once", f.batch)
			}
			if f.target.dryRun {
				f.batch = 0
			}
			if f.plan != "" && (cmd.Flags().Changed("line") || len(f.with)+len(f.only)+len(f.prebuilt) > 0) {
				return usagef("--plan %s holds its own line and tags: leave out --line, --with, --only and --prebuilt", f.plan)
			}
			if f.compare != "" {
				return compareMirrors(cmd.Context(), env, f)
			}
			env.resultJSON = false // events are what a run has
			return runMirror(cmd.Context(), env, f)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.batch, "batch", 0, "publish after this many tags, and go on: a run that is stopped loses no more (default: all at once)")
	lineFlags(cmd, &f.line, &f.with)
	flags.Lookup("line").DefValue = "mirror"
	f.line = "mirror"
	flags.StringVar(&f.plan, "plan", "", "build this saved plan")
	flags.StringSliceVar(&f.only, "only", nil, "TAG or REPOSITORY=TAG: build these tags alone")
	flags.StringArrayVar(&f.prebuilt, "prebuilt", nil, "folder of zips, or URL of a Composer repository, whose packages are taken over as they are")
	flags.StringVar(&f.compare, "compare", "", "compare with this mirror: URL or folder of a Composer repository, folder of zips, or installed shop")
	env.addResult(cmd, &f.result, "text", "markdown", "json")
	flags.BoolVar(&f.common, "common", false, "compare only the packages that both sides have in the same version")
	flags.BoolVar(&f.fresh, "fresh", false, "build every tag anew, also those with a saved result")
	flags.BoolVar(&f.strict, "strict", false, "what cannot be built is an error, and nothing is published")
	grouped(cmd, flagsOfPublishing, f.target.add)
	return cmd
}

// runMirror mirrors all tags, or those of one batch after the other.
func runMirror(ctx context.Context, env *factory, f mirrorFlags) error {
	f.tried = map[string]bool{}
	for {
		before := len(f.tried)
		if err := mirrorOnce(ctx, env, f); err != nil || len(f.tried) < before+max(f.batch, 1) {
			return err // that was the last batch
		}
	}
}

func mirrorOnce(ctx context.Context, env *factory, f mirrorFlags) (err error) {
	line, plan, err := f.lineOrPlan()
	if err != nil {
		return err
	}
	f.target.of(line)
	show := env.display()
	r, err := env.newRunner(show, f.fresh)
	if err != nil {
		return err
	}
	defer closing(&err, show, r)
	o := mirror.Options{Saved: plan != nil, Strict: f.strict}
	if o.Publish, err = f.target.options(env, r, show); err != nil {
		return err
	}
	if err := belongs(ctx, o.Publish); err != nil {
		return err
	}
	published := sync.OnceValues(func() (publish.Published, error) {
		return publish.ReadIndex(ctx, f.target.to, env.targets())
	})
	go published() // while tags are listed
	if !o.Saved {
		plan, err = mirror.Plan(ctx, r, line, env.date(), published, f.only)
		if err == nil && f.batch > 0 {
			resolve.Batch(plan, f.batch, f.tried)
		}
	}
	if err == nil {
		o.Publish.Publisher.Published, err = published()
	}
	if err == nil && o.Saved {
		err = mirror.Saved(plan, o.Publish.Publisher.Published.Index)
	}
	if err != nil {
		nightly.Tried(ctx, r, o.Publish, line.Name, env.date(), nightly.Result{}, err)
		return show.End(ctx, nightly.Result{}, err)
	}
	return f.build(ctx, r, show, plan, o)
}

// build builds and publishes a plan.
func (f mirrorFlags) build(ctx context.Context, r *runner.Runner, show *display.Run, plan *releases.Plan, o mirror.Options) error {
	last := "the beginning"
	if len(plan.After) > 0 {
		last = string(plan.After[0].Snapshot)
	}
	notes := func(newest ...releases.Note) []releases.Note { // of all lines that the target mirrors
		if len(f.only) > 0 {
			return nil // of a part
		}
		return append([]releases.Note{}, o.Publish.Publisher.Published.Index.Notes(plan.Line.Name, newest...)...)
	}
	if plan.Pending() == 0 { // the mirror is as fresh as its sources
		r.Session().Skip("build", "nothing is new since "+last)
		nightly.Tried(ctx, r, o.Publish, plan.Line.Name, last, nightly.Result{}, nil, notes()...)
		return show.End(ctx, nightly.Result{Plan: plan}, nil)
	}
	saved, err := nightly.KeepPlan(r.Dir, plan)
	if err != nil {
		return err
	}
	made, err := mirror.Run(ctx, r, plan, o)
	if display.IsSkip(err) {
		nightly.Tried(ctx, r, o.Publish, plan.Line.Name, last, nightly.Result{}, nil, notes(made.Snapshot.Notes...)...)
	} else {
		nightly.Tried(ctx, r, o.Publish, plan.Line.Name, string(plan.Snapshot()), made, err)
	}
	if err := show.End(ctx, made, err); err != nil {
		return err
	}
	show.Results(made, saved)
	return nil
}

// lineOrPlan gives the line with the zips that the command names, or the plan.
func (f mirrorFlags) lineOrPlan() (*releases.Line, *releases.Plan, error) {
	if f.plan != "" {
		plan, err := nightly.ReadPlan(f.plan)
		if err == nil && !plan.Line.BuildsTags() {
			err = usagef("%s is the plan of a night; build it with mageos-nightly nightly --plan", f.plan)
		}
		if err != nil {
			return nil, nil, err
		}
		return &plan.Line, plan, nil
	}
	line, err := loadLine(f.line, f.with)
	if err != nil {
		return nil, nil, err
	}
	if !line.BuildsTags() {
		return nil, nil, usagef("line %s builds branches, not tags; a mirror needs versions: {policy: %s}", line.Name, releases.TagsPolicy)
	}
	for _, at := range f.prebuilt {
		from, err := prebuiltAt(at)
		if err != nil {
			return nil, nil, err
		}
		line.Prebuilt = append([]releases.Prebuilt{from}, line.Prebuilt...)
	}
	return line, nil, lines.Check(line)
}

// prebuiltAt is a folder of zips, or a Composer repository where it has a packages.json or
// is on the web.
func prebuiltAt(at string) (releases.Prebuilt, error) {
	const reason = "given with --prebuilt"
	if isWeb(at) {
		return releases.Prebuilt{Repository: at, Reason: reason}, nil
	}
	dir, err := filepath.Abs(strings.TrimPrefix(at, "file://"))
	if err != nil {
		return releases.Prebuilt{}, err
	}
	address := (&url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}).String()
	if info, err := os.Stat(filepath.Join(dir, "packages.json")); err == nil && info.Mode().IsRegular() {
		return releases.Prebuilt{Repository: address, Reason: reason}, nil
	}
	return releases.Prebuilt{Folder: address, Reason: reason}, nil
}
