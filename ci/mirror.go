package ci

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages/publish"
)

// mirrorFlags are the flags of mageos-nightly mirror.
type mirrorFlags struct {
	line, plan    string
	with          []string
	to, url       string
	only          []string
	prebuilt      []string
	compare       string
	format        string
	common        bool
	sign          signFlags
	fresh, dryRun bool
	publishLocal  bool
}

func newMirror(w *world) *cobra.Command {
	var f mirrorFlags
	cmd := &cobra.Command{
		Use:   "mirror",
		Short: "Mirror every release of Magento Open Source as a Composer repository, from git tags",
		Long: `mirror builds the packages of every tag of a line's repositories and adds them to a
Composer repository. What is published there stays and is not built again: run it
as often as you like, and new tags cost what they cost alone.

Of two tags that have the same version of a package, the first one counts, as it
does upstream. A tag that was moved or deleted upstream changes nothing.

With --compare nothing is built: the repository of --to is compared with another
one: a Composer repository (URL or folder), a folder of zips, or a shop that was
installed from it.`,
		Example: `  mageos-nightly mirror --to ./html                              Magento Open Source, all of it
  mageos-nightly mirror --to ./html --url https://mirror.example.org/
  mageos-nightly mirror --to ./html --only 2.4.8-p4              the tags of that name
  mageos-nightly mirror --to ./html --only inventory=1.2.8-p4    one tag of one repository
  mageos-nightly mirror --line mageos --to ./html                the releases of Mage-OS
  mageos-nightly mirror --to ./html --prebuilt https://repo.mage-os.org/
  mageos-nightly mirror --to ./html --compare https://mirror.mage-os.org/
  mageos-nightly mirror --to ./html --compare ./shop --format markdown`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.plan != "" && (cmd.Flags().Changed("line") || len(f.with)+len(f.only)+len(f.prebuilt) > 0) {
				return &usageError{fmt.Errorf("--plan %s holds its own line and tags: leave out --line, --with, --only and --prebuilt", f.plan)}
			}
			if f.compare != "" {
				return compareMirrors(cmd.Context(), w, f)
			}
			return runMirror(cmd.Context(), w, f)
		},
	}
	flags := cmd.Flags()
	lineFlags(cmd, &f.line, &f.with)
	cmd.Flags().Lookup("line").DefValue = "mirror"
	f.line = "mirror"
	flags.StringVar(&f.plan, "plan", "", "build this saved plan")
	flags.StringVar(&f.to, "to", "mirror", "folder or URL to publish to")
	flags.StringVar(&f.url, "url", "", "base URL under which it will be served (default: the line's)")
	flags.StringSliceVar(&f.only, "only", nil, "TAG or REPOSITORY=TAG: build these tags alone")
	flags.StringArrayVar(&f.prebuilt, "prebuilt", nil, "folder of zips, or URL of a Composer repository, whose packages are taken over as they are")
	flags.StringVar(&f.compare, "compare", "", "compare with this mirror: URL or folder of a Composer repository, folder of zips, or installed shop")
	flags.StringVar(&f.format, "format", "text", "of the comparison: text, markdown or json")
	flags.BoolVar(&f.common, "common", false, "compare only the packages that both sides have in the same version")
	flags.BoolVar(&f.fresh, "fresh", false, "build every tag anew, also those with a saved result")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would be published, and publish nothing")
	flags.BoolVar(&f.publishLocal, "publish-local", false, "publish although --with replaced a source")
	f.sign.add(cmd)
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "markdown", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func runMirror(ctx context.Context, w *world, f mirrorFlags) (err error) {
	var line *releases.Line
	if f.plan == "" {
		if line, err = mirrorLine(f); err != nil {
			return err
		}
	}
	said, err := f.sign.attest(w)
	if err != nil {
		return err
	}
	c, err := newChain(w, f.fresh)
	if err != nil {
		return err
	}
	defer c.end(&err)
	c.attest = said
	if c.view, err = publish.Look(ctx, f.to, w.targets()); err != nil {
		return &pipeline.StageError{Stage: publish.Name, Err: err}
	}
	o := order{to: f.to, url: f.url, dryRun: f.dryRun, local: f.publishLocal}
	plan, err := c.planOrSaved(ctx, line, f)
	if err != nil {
		c.tried(ctx, o, w.date(), err)
		return c.show.failed(err)
	}
	if plan.Pending() == 0 {
		return c.upToDate(ctx, plan, o)
	}
	saved, err := c.savePlan(plan)
	if err != nil {
		return err
	}
	out := &outcome{plan: plan}
	err = c.mirror(ctx, plan, f.plan != "", o, out)
	if isSkip(err) {
		c.tried(ctx, o, after(plan), nil)
	} else {
		c.tried(ctx, o, string(plan.Snapshot()), err)
	}
	c.show.finish()
	c.show.table()
	if ctx.Err() != nil {
		return &reportedError{ctx.Err()}
	}
	if err != nil && !isSkip(err) {
		return c.show.failed(err)
	}
	c.show.results(out, saved)
	return nil
}

// upToDate ends a run that finds nothing new: the mirror is as fresh as its sources.
func (c *chain) upToDate(ctx context.Context, plan *releases.Plan, o order) error {
	snapshot := after(plan)
	c.show.report(pipeline.Report{Stage: "build", State: pipeline.Skipped, Detail: "nothing is new since " + snapshot})
	c.tried(ctx, o, snapshot, nil)
	c.show.finish()
	c.show.table()
	return nil
}

// planOrSaved makes a plan, or reads the one of --plan, whose nights the target has to
// have.
func (c *chain) planOrSaved(ctx context.Context, line *releases.Line, f mirrorFlags) (*releases.Plan, error) {
	if f.plan == "" {
		return c.planMirror(ctx, line, f)
	}
	plan, err := readPlan(f.plan)
	if err != nil {
		return nil, err
	}
	if !plan.Line.BuildsTags() {
		return nil, &usageError{fmt.Errorf("%s is the plan of a night; build it with mageos-nightly nightly --plan", f.plan)}
	}
	snapshots, err := c.view.Snapshots(ctx)
	if err != nil {
		return nil, &pipeline.StageError{Stage: publish.Name, Err: err}
	}
	there := (&releases.Index{Snapshots: snapshots}).Keep(plan.After).Snapshots
	if len(there) != len(plan.After) {
		return nil, &usageError{fmt.Errorf("%s adds to %d nights, and %s has %d of them; publish to the repository that it was made for", f.plan, len(plan.After), f.to, len(there))}
	}
	return plan, nil
}

// mirrorLine is the line with the zips that the command names.
func mirrorLine(f mirrorFlags) (*releases.Line, error) {
	line, err := loadLine(f.line, f.with)
	if err != nil {
		return nil, err
	}
	if !line.BuildsTags() {
		return nil, &usageError{fmt.Errorf("line %s builds branches, not tags; a mirror needs versions: {policy: %s}", line.Name, releases.TagsPolicy)}
	}
	for _, at := range f.prebuilt {
		from, err := prebuiltAt(at)
		if err != nil {
			return nil, err
		}
		line.Prebuilt = append([]releases.Prebuilt{from}, line.Prebuilt...)
	}
	return line, line.Validate()
}

// prebuiltAt is a folder of zips, or a Composer repository where it has a
// packages.json or is on the web.
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
	if isFile(filepath.Join(dir, "packages.json")) {
		return releases.Prebuilt{Repository: address, Reason: reason}, nil
	}
	return releases.Prebuilt{Folder: address, Reason: reason}, nil
}
