package ci

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/publish"
	"github.com/mage-os/nightly/stages/publish/target"
)

// releaseFlags are the flags of mageos-nightly release.
type releaseFlags struct {
	line, plan, upstream  string
	refs                  []string
	to, url               string
	previewTo, previewURL string
	preview, promote      bool
	dryRun, restart       bool
	public                bool
	github                string
	fresh, installTools   bool
	sign                  signFlags
	runnerFlags
	install installFlags
}

func newRelease(w *world) *cobra.Command {
	var f releaseFlags
	cmd := &cobra.Command{
		Use:   "release VERSION",
		Short: "Release a version: release commits, build, proof, publishing, tags, a release on GitHub",
		Long: `release makes a tagged release. It writes a release commit, with every
composer.json as it will be published, on the branch release/VERSION of each
repository of the line; builds from exactly those commits; installs what was
built; publishes it; and only then tags the repositories and drafts a release on
GitHub. docs/releasing.md tells the whole story, and which rights each step needs.

With --preview it stops behind publishing, to a target for trying; --promote then
releases exactly those bytes, without building anything.

The same command goes on where it was stopped: one release, one tag a repository,
no second commit. What is there and differs is an error before anything is written.`,
		Example: `  mageos-nightly release 3.1.0 --upstream 2.4.8-p3 --dry-run
  mageos-nightly release 3.1.0-rc1 --upstream 2.4.8-p3 --preview --preview-to ./preview
  mageos-nightly release 3.1.0-rc1 --promote --preview-to ./preview --to sftp://repo@example.org/srv/repo
  mageos-nightly release 2.2.3 --upstream 2.4.8-p3 --ref magento2=2.2-develop --to ./repository
  mageos-nightly release 1.1.0 --line sample-release --upstream 2.1.0-p1 --dry-run`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.plan != "" && cmd.Flags().Changed("line") {
				return &usageError{fmt.Errorf("--plan %s holds its own line: leave out --line", f.plan)}
			}
			return release(cmd.Context(), w, f, args[0])
		},
	}
	f.add(cmd)
	return cmd
}

func (f *releaseFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.line, "line", "release", "release line: a name that mageos-nightly lines shows, or a YAML file")
	flags.StringVar(&f.plan, "plan", "", "go on with this saved plan, for another machine than the one that began")
	flags.StringVar(&f.upstream, "upstream", "", "version of upstream that the release stands for: 2.4.8-p3")
	flags.StringArrayVar(&f.refs, "ref", nil, "NAME=BRANCH: release this repository from there, as for a patch of an older release")
	flags.StringVar(&f.to, "to", "repository", "folder or URL to publish to")
	flags.StringVar(&f.url, "url", "", "base URL under which it is served (default: the line's)")
	flags.BoolVar(&f.preview, "preview", false, "publish to the preview alone: no tags, no release on GitHub")
	flags.BoolVar(&f.promote, "promote", false, "release what the preview has, byte for byte")
	flags.StringVar(&f.previewTo, "preview-to", "preview", "folder or URL of the preview")
	flags.StringVar(&f.previewURL, "preview-url", "", "base URL under which the preview is served (default: the line's)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "build and prove, show what would be written, and write nothing")
	flags.BoolVar(&f.restart, "restart", false, "begin again from the branches as they are now; what is tagged stays")
	flags.BoolVar(&f.public, "public", false, "publish the release on GitHub, rather than leave a draft")
	flags.StringVar(&f.github, "github", "", "OWNER/NAME of the repository on GitHub that gets the release, or none (default: that of the editions)")
	flags.BoolVar(&f.fresh, "fresh", false, "run every stage, also those with a saved result")
	flags.BoolVar(&f.installTools, "install-tools", false, "install missing Debian packages (as root)")
	f.runnerFlags.add(cmd)
	f.sign.add(cmd)
	f.install.add(cmd)
	// An error here is a misspelt flag name, which the tests would show.
	_ = cmd.RegisterFlagCompletionFunc("line", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return releases.Names(), cobra.ShellCompDirectiveDefault
	})
}

func (f releaseFlags) check() error {
	switch {
	case f.preview && f.promote:
		return &usageError{errors.New("--preview and --promote are two commands: first the one, then the other")}
	case f.promote && (f.upstream != "" || f.plan != "" || len(f.refs) > 0 || f.restart):
		return &usageError{errors.New("--promote takes everything from the preview: leave out --upstream, --plan, --ref and --restart")}
	case f.preview && f.public:
		return &usageError{errors.New("--public makes a release on GitHub, which --preview does not")}
	case f.install.matrix != "":
		return &usageError{errors.New("--matrix is of mageos-nightly nightly; here each cell is proven with --cell")}
	}
	return f.install.check()
}

// A releaseError is a release that is not whole: a branch, a tag or the release on
// GitHub could not be written, or is taken.
type releaseError struct{ err error }

func (e *releaseError) Error() string { return e.err.Error() }
func (e *releaseError) Unwrap() error { return e.err }

// A releasing is one run of mageos-nightly release.
type releasing struct {
	*chain
	flags   releaseFlags
	version releases.ReleaseVersion
	writer  *git.Writer
	plan    *releases.Plan // with the release commits
	moved   map[string]string
}

func release(ctx context.Context, w *world, f releaseFlags, text string) (err error) {
	version, err := releases.ParseReleaseVersion(text)
	if err == nil {
		err = f.check()
	}
	if err != nil {
		return err
	}
	said, err := f.sign.attest(w)
	if err != nil {
		return err
	}
	c, err := newChain(w, f.fresh)
	if err != nil {
		return err
	}
	c.attest = said
	defer c.end(&err)
	r := &releasing{chain: c, flags: f, version: version, writer: git.NewWriter(c.gitOptions()), moved: map[string]string{}}
	do := r.make
	if f.promote {
		do = r.promote
	}
	err = do(ctx)
	c.show.finish()
	c.show.table()
	if ctx.Err() != nil {
		return &reportedError{ctx.Err()}
	}
	if err != nil {
		return c.show.failed(err)
	}
	r.summary()
	return nil
}

// make makes the release, or its preview.
func (r *releasing) make(ctx context.Context) error {
	source, err := r.sourcePlan(ctx)
	if err != nil {
		return err
	}
	if err := r.prepareMachine(ctx, source); err != nil {
		return err
	}
	commits, sources, err := r.commits(ctx, source)
	if err != nil {
		return err
	}
	if err := r.unwritten(ctx); err != nil {
		return err
	}
	out := &outcome{plan: r.plan}
	if r.flags.dryRun {
		if err := r.runFrom(ctx, sources, r.order(), out); err != nil {
			return err
		}
		return r.showPlanned(ctx)
	}
	if err := r.pushBranches(ctx, commits); err != nil {
		return err
	}
	if err := r.sameSources(ctx, sources); err != nil {
		return err
	}
	out, err = r.run(ctx, r.plan, r.order())
	if err != nil || r.flags.preview {
		return err
	}
	if out.publication == nil {
		return &usageError{errors.New("nothing was published, so nothing is tagged: prove it with --level install at least")}
	}
	return r.finish(ctx)
}

// prepareMachine makes sure that what the installation needs is here, before
// anything is written.
func (r *releasing) prepareMachine(ctx context.Context, plan *releases.Plan) error {
	where, err := r.flags.choose(ctx, r.world)
	if err != nil {
		return err
	}
	if !(where.containers && r.flags.image != "") {
		if err := r.world.ensureTools(ctx, r.flags.installTools, r.flags.install.tools(r.world, &plan.Line)); err != nil {
			return err
		}
	}
	return r.useRunner(ctx, r.flags.runnerFlags, where, r.flags.fresh)
}

// order is where the release, or its preview, is published.
func (r *releasing) order() order {
	o := order{to: r.flags.to, url: r.flags.url, dryRun: r.flags.dryRun, install: r.flags.install}
	if r.flags.preview {
		o.to, o.url = r.flags.previewTo, r.flags.previewURL
	}
	return o
}

// promote releases what the preview has.
func (r *releasing) promote(ctx context.Context) error {
	source, closeSource, err := openSource(ctx, r.world, r.flags.previewTo)
	if err != nil {
		return &usageError{fmt.Errorf("--preview-to %s: %w", r.flags.previewTo, err)}
	}
	defer func() { _ = closeSource() }() // it was only read
	preview := publish.Read(source)
	r.show.report(pipeline.Report{Stage: "promote", State: pipeline.Started})
	snapshot, err := preview.Take(ctx, r.trees, r.version.String())
	if err != nil {
		return &usageError{fmt.Errorf("%w; publish it there with --preview first", err)}
	}
	manifest, _, err := preview.Manifest(ctx, snapshot.Name)
	if err != nil {
		return &releases.SourceError{Repository: "preview", URL: source.String(), Err: err}
	}
	r.show.report(pipeline.Report{Stage: "promote", State: pipeline.Done, Detail: snapshot.Summary()})
	r.plan = &manifest.Plan
	if err := r.unwritten(ctx); err != nil {
		return err
	}
	out := &outcome{plan: r.plan, snapshot: &snapshot}
	if out.installation, err = proven(ctx, source, snapshot.Name); err != nil {
		return err
	}
	if out.installation != nil {
		out.proven = append(out.proven, *out.installation)
	}
	r.show.out = out
	if err := r.publish(ctx, snapshot, r.order(), out); err != nil {
		return err
	}
	if r.flags.dryRun {
		return r.showPlanned(ctx)
	}
	return r.finish(ctx)
}

// proven is what the preview's installation proved. Its report lies with whoever
// made it; nil if the preview does not tell.
func proven(ctx context.Context, preview target.Source, snapshot string) (*stages.Installation, error) {
	data, err := target.Read(ctx, preview, "nights/"+snapshot+"/"+attest.InstallationFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &releases.SourceError{Repository: "preview", URL: preview.String(), Err: err}
	}
	return attest.ParseInstallation(data)
}

// finish writes what says to everybody that there is a release: nothing of it
// before the packages are there.
func (r *releasing) finish(ctx context.Context) error {
	if err := r.pushTags(ctx); err != nil {
		return err
	}
	return r.githubRelease(ctx)
}

// sameSources makes sure that the commits that were pushed are the sources that
// were looked at.
func (r *releasing) sameSources(ctx context.Context, want stages.Sources) error {
	got, err := pipeline.Run(ctx, r.session, remote(r.chain, r.checkout(), checkoutNeeds), stages.CheckoutOf(r.plan))
	if err != nil {
		return err
	}
	for i, s := range want.Repositories {
		if got.Repositories[i].Head.Digest != s.Head.Digest {
			return fmt.Errorf("repository %s: the release commit does not hold what was written to it; this is a defect of this program", s.Name)
		}
	}
	return nil
}
